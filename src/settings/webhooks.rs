//! `[webhooks]`: typed, read and checked.

use super::{
    effective::all_of,
    error::Problem,
    read::{Reader, Section},
    values,
};
use crate::domain::webhook::EventKind;
use aws_lc_rs::signature::{ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::time::Duration;

const DAY_SECONDS: i64 = 86_400;
const MIB: i64 = 1024 * 1024;

/// Events that rules can run on.
const ENRICHING: [(&str, EventKind); 4] = [
    ("ContactCreate", EventKind::ContactCreate),
    ("ContactUpdate", EventKind::ContactUpdate),
    ("ContactTagUpdate", EventKind::ContactTagUpdate),
    ("ContactDndUpdate", EventKind::ContactDndUpdate),
];

/// `[webhooks]`
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "settings.default.toml documents each key")]
pub struct WebhookSettings {
    pub enabled: bool,
    pub public_keys: Vec<PublicKey>,
    pub accept_rsa: bool,
    pub rsa_public_keys: Vec<PublicKey>,
    pub max_body_bytes: usize,
    pub window: Duration,
    pub clock_margin: Duration,
    pub refresh_recent: Duration,
    pub refresh_after: Duration,
    pub refresh_concurrency: usize,
    pub enrich: Vec<EventKind>,
    pub retention: Duration,
    pub keep_bodies: Duration,
}

/// A public key of GHL's, in its DER form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
    /// SPKI, DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0
    }

    fn parse(text: &str, algorithm: &'static dyn VerificationAlgorithm, what: &str) -> Result<Self, Problem> {
        let key = STANDARD.decode(text).ok().filter(|der| ParsedPublicKey::new(algorithm, der).is_ok());
        key.map(Self).ok_or_else(|| {
            let remedy = "Write what stands between BEGIN and END PUBLIC KEY of its PEM file, in one line.";
            Problem::new(format!("is no {what} public key in base64"), remedy)
        })
    }
}

pub(super) fn read(from: &mut Section<'_, '_>) -> Option<WebhookSettings> {
    all_of!(WebhookSettings {
        enabled: from.truth("enabled"),
        public_keys: from.list("public_keys", |text| PublicKey::parse(text, &ED25519, "Ed25519")),
        accept_rsa: from.truth("accept_rsa"),
        rsa_public_keys: from.list("rsa_public_keys", |text| PublicKey::parse(
            text,
            &RSA_PKCS1_2048_8192_SHA256,
            "RSA"
        )),
        max_body_bytes: from.number("max_body_bytes", 1024..=64 * MIB),
        window: from.time("window_seconds", 0..=3_660 * DAY_SECONDS),
        clock_margin: from.time("clock_margin_ms", 0..=3_600_000),
        refresh_recent: from.time("refresh_recent_seconds", 0..=DAY_SECONDS),
        refresh_after: from.time("refresh_after_ms", 0..=60_000),
        refresh_concurrency: from.number("refresh_concurrency", 1..=1_000),
        enrich: from.list("enrich", |text| values::choice(text, &ENRICHING)),
        retention: from.time("retention_days", 1..=3_660),
        keep_bodies: from.time("keep_bodies_hours", 0..=8_784),
    })
}

/// What must hold between the keys.
pub(super) fn check(webhooks: &WebhookSettings, reader: &mut Reader<'_>) {
    if webhooks.enabled && webhooks.public_keys.is_empty() && !webhooks.accept_rsa {
        let problem = Problem::new(
            "names no key, so that every webhook would be refused",
            "Remove it to use GHL's published key, or set webhooks.enabled = false.",
        );
        reader.refuse("webhooks.public_keys", "", problem);
    }
    if webhooks.accept_rsa && webhooks.rsa_public_keys.is_empty() {
        let problem = Problem::new("names no key, and webhooks.accept_rsa is set", "Remove it to use GHL's own key.");
        reader.refuse("webhooks.rsa_public_keys", "", problem);
    }
    // An event that is forgotten and still within the window would count again.
    if webhooks.window > webhooks.retention {
        let days = webhooks.retention.as_secs();
        let problem = format!("is longer than webhooks.retention_days, which is {days} s");
        reader.refuse("webhooks.window_seconds", "", Problem::new(problem, format!("Write at most {days}.")));
    }
}

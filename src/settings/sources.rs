//! `[sources]`: typed, read and checked. Whether a mapping's expressions compile, the sources' own room says.

mod system;

use super::{
    effective::all_of,
    error::Problem,
    read::{Reader, Section},
    secret::LiveSecret,
};
use crate::domain::{ids::LocationId, source::SourceName};
use jiff::tz::TimeZone;
use std::time::Duration;

const MIB: i64 = 1024 * 1024;

/// `[sources]`
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "settings.default.toml documents each key")]
pub struct SourceSettings {
    pub max_body_bytes: usize,
    pub max_events: usize,
    pub max_pending: u64,
    pub concurrency: usize,
    pub wait: Duration,
    pub retention: Duration,
    pub keep_bodies: Duration,
    pub systems: Vec<SystemSettings>,
}

/// One source as it is written.
#[derive(Debug, Clone)]
pub struct SystemSettings {
    /// Its name, unique.
    pub name: SourceName,
    /// The preset that its mapping begins with.
    pub preset: Option<String>,
    /// Where its records go.
    pub location: LocationId,
    /// How it proves to be itself; `None`: by an API key alone.
    pub signature: Option<SignatureSettings>,
    /// Whether what cannot be understood is kept as a dead letter. Otherwise it is refused, and all of its request with it.
    pub keep_bad_events: bool,
    /// The country that phone numbers without a country's code are of (ISO 3166-1, capital letters).
    pub region: Option<String>,
    /// The time zone of times without one.
    pub timezone: TimeZone,
    /// Whether a contact that is deleted in the source is deleted in GHL.
    pub delete_contacts: bool,
    /// What stands before each tag that the source sends.
    pub tag_prefix: String,
    /// Its own keys of the mapping; `sources::mapping` lays them over the preset and compiles it.
    pub mapping: toml::Table,
}

/// How a source signs.
#[derive(Debug, Clone)]
pub struct SignatureSettings {
    /// How.
    pub scheme: SignatureScheme,
    /// Secrets of which each may have signed, for rotation. One that comes from a file holds several, one a line.
    pub secrets: Vec<LiveSecret>,
    /// How much the signed time may differ from ours.
    pub tolerance: Duration,
}

/// A way of signing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignatureScheme {
    /// `webhook-id`, `webhook-timestamp`, `webhook-signature` (<https://www.standardwebhooks.com>).
    Standard,
    /// HMAC-SHA256 over the body, in this header, in hex or base64, after a prefix such as `sha256=`.
    Hmac {
        /// The header, in lower case.
        header: String,
        /// What stands before the digits.
        prefix: String,
        /// Whether the digits are base64 and not hex.
        base64: bool,
    },
}

/// Reads the section. `home` is where records go whose source names no location.
pub(super) fn read(from: &mut Section<'_, '_>, home: Option<&LocationId>) -> Option<SourceSettings> {
    all_of!(SourceSettings {
        max_body_bytes: from.number("max_body_bytes", 1024..=64 * MIB),
        max_events: from.number("max_events", 1..=100_000),
        max_pending: from.number("max_pending", 1..=100_000_000),
        concurrency: from.number("concurrency", 1..=1_000),
        wait: from.time("wait_hours", 1..=8_784),
        retention: from.time("retention_days", 1..=3_660),
        keep_bodies: from.time("keep_bodies_hours", 0..=8_784),
        systems: from.parts("systems", |value| system::parse(value, home)),
    })
}

/// What must hold between the keys.
pub(super) fn check(sources: &SourceSettings, reader: &mut Reader<'_>) {
    if sources.wait > sources.retention {
        let hours = sources.retention.as_secs() / 3_600;
        let problem = format!("is longer than sources.retention_days, which is {hours} h");
        reader.refuse("sources.wait_hours", "", Problem::new(problem, format!("Write at most {hours}.")));
    }
}

#[cfg(test)]
mod tests;

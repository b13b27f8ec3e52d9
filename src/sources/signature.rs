//! Whether a request is the source's: a signature over its body as it came, before anything of it is parsed.
//!
//! Standard Webhooks (<https://www.standardwebhooks.com>, "Signature scheme") signs `{id}.{timestamp}.{body}` with
//! HMAC-SHA256; its header holds several signatures, apart by blanks, each after its version: `v1,{base64}`. A plain HMAC
//! signs the body alone, and so cannot tell a request from one that somebody sends again: the ids of events do.

use crate::settings::{
    SignatureScheme, SignatureSettings,
    secret::signing::{self, standard_key},
};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// The header of Standard Webhooks that names the event.
pub const ID: &str = "webhook-id";
/// Its header with the time of the signature, in seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// Its header with the signatures.
pub const SIGNATURE: &str = "webhook-signature";

/// Most signatures that are compared, and secrets that each is compared with: a header must not buy unbounded work.
const MAX_COMPARED: usize = 8;
/// The longest id that is taken, in bytes.
const MAX_ID_BYTES: usize = 256;
/// Bytes of an HMAC-SHA256.
const DIGEST_BYTES: usize = 32;

/// No signature that counts, or none that fits. Which of it is nobody's business who sends such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request bears no valid signature of the source")]
pub struct Forged;

/// What a signature vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The id of the request, where the scheme signs one.
    pub id: Option<String>,
}

/// Knows a source's secrets, as they are at present.
#[derive(Debug, Clone)]
pub struct Verifier {
    settings: SignatureSettings,
}

/// What stands in the headers, as far as it can be a signature.
struct Claim<'a> {
    /// What stands before the body in what is signed.
    before: String,
    digests: Vec<Vec<u8>>,
    id: Option<&'a str>,
}

impl Verifier {
    /// With a source's settings, whose secrets were checked when they were read.
    #[must_use]
    pub fn new(settings: &SignatureSettings) -> Self {
        Self { settings: settings.clone() }
    }

    /// Whether the headers (names in lower case) hold anything that could be a signature: where not, the body need not be
    /// read.
    ///
    /// # Errors
    /// [`Forged`]
    pub fn admits(&self, headers: &BTreeMap<String, String>, now: Timestamp) -> Result<(), Forged> {
        self.claim(headers, now).map(drop)
    }

    /// Verifies a body.
    ///
    /// # Errors
    /// [`Forged`]
    pub fn verify(&self, headers: &BTreeMap<String, String>, body: &[u8], now: Timestamp) -> Result<Signed, Forged> {
        let claim = self.claim(headers, now)?;
        let mut signed = claim.before.into_bytes();
        signed.extend_from_slice(body);
        let keys = self.keys();
        let fits = |digest: &Vec<u8>| keys.iter().any(|key| hmac::verify(key, &signed, digest).is_ok());
        if claim.digests.iter().any(fits) { Ok(Signed { id: claim.id.map(str::to_owned) }) } else { Err(Forged) }
    }

    fn claim<'a>(&self, headers: &'a BTreeMap<String, String>, now: Timestamp) -> Result<Claim<'a>, Forged> {
        let claim = match &self.settings.scheme {
            SignatureScheme::Standard => self.standard(headers, now),
            SignatureScheme::Hmac { header, prefix, base64 } => {
                let digits = headers.get(header).and_then(|value| value.trim().strip_prefix(prefix.as_str()));
                let digest = digits.and_then(|digits| if *base64 { from_base64(digits) } else { from_hex(digits) });
                digest.map(|digest| Claim { before: String::new(), digests: vec![digest], id: None })
            }
        };
        claim.ok_or(Forged)
    }

    fn standard<'a>(&self, headers: &'a BTreeMap<String, String>, now: Timestamp) -> Option<Claim<'a>> {
        // Neither may be changed before it is signed: not even blanks around it.
        let (id, timestamp) = (headers.get(ID)?, headers.get(TIMESTAMP)?);
        if id.is_empty() || id.len() > MAX_ID_BYTES {
            return None;
        }
        let at = Timestamp::from_second(timestamp.parse().ok()?).ok()?;
        let tolerance = SignedDuration::try_from(self.settings.tolerance).ok()?;
        if now.duration_since(at).abs() > tolerance {
            return None;
        }
        let signatures = headers.get(SIGNATURE)?.split(' ').filter_map(|one| one.strip_prefix("v1,"));
        let digests: Vec<_> = signatures.filter_map(from_base64).take(MAX_COMPARED).collect();
        (!digests.is_empty()).then(|| Claim { before: format!("{id}.{timestamp}."), digests, id: Some(id) })
    }

    fn keys(&self) -> Vec<hmac::Key> {
        let secrets: Vec<_> = self.settings.secrets.iter().map(crate::settings::secret::LiveSecret::get).collect();
        let texts = secrets.iter().flat_map(|secret| secret.expose().lines()).take(MAX_COMPARED);
        texts.filter_map(|text| key(&self.settings.scheme, text)).collect()
    }
}

fn key(scheme: &SignatureScheme, secret: &str) -> Option<hmac::Key> {
    match scheme {
        SignatureScheme::Standard => standard_key(secret).map(|bytes| hmac::Key::new(hmac::HMAC_SHA256, &bytes)),
        SignatureScheme::Hmac { .. } => {
            signing::is_plain(secret).then(|| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
        }
    }
}

/// Strict: a signature has one spelling.
fn from_base64(digits: &str) -> Option<Vec<u8>> {
    let fits = digits.len() <= 2 * DIGEST_BYTES;
    fits.then(|| STANDARD.decode(digits).ok()).flatten().filter(|digest| digest.len() == DIGEST_BYTES)
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    if digits.len() != 2 * DIGEST_BYTES || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..DIGEST_BYTES).map(|index| u8::from_str_radix(digits.get(2 * index..2 * index + 2)?, 16).ok()).collect()
}

/// The headers with which a source signs by Standard Webhooks; `None` where the text is no secret of it. For whoever
/// replays or tries out events.
#[must_use]
pub fn standard_headers(secret: &str, id: &str, at: Timestamp, body: &[u8]) -> Option<[(&'static str, String); 3]> {
    let key = key(&SignatureScheme::Standard, secret)?;
    let timestamp = at.as_second().to_string();
    let mut signed = format!("{id}.{timestamp}.").into_bytes();
    signed.extend_from_slice(body);
    let signature = format!("v1,{}", STANDARD.encode(hmac::sign(&key, &signed)));
    Some([(ID, id.to_owned()), (TIMESTAMP, timestamp), (SIGNATURE, signature)])
}

#[cfg(test)]
mod tests;

//! Tokens for browsers: short-lived, for reading alone, made by `POST /v1/tokens` and checked without a look-up.
//!
//! A token is `ghle_t1.{key}.{claims}.{mac}`: which of our keys signed it (the end of that key's fingerprint), what it
//! allows, and HMAC-SHA-256 over all before. It is as good as the API key that made it: once that key is gone, was replaced,
//! or may no longer see a location of the token, the token is refused. Nothing of it is believed before its MAC is.

use crate::{
    domain::{
        ids::{ContactId, LocationId},
        problem::{Problem, ProblemKind},
    },
    settings::{
        ApiKey, AuthSettings, Role,
        secret::{LiveSecret, Secret},
    },
};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};
use uuid::Uuid;

/// How every token begins; the version is part of it.
pub(super) const PREFIX: &str = "ghle_t1.";
/// Most locations of a token.
pub(super) const MAX_LOCATIONS: usize = 20;
/// Most contacts of a token.
pub(super) const MAX_CONTACTS: usize = 50;
/// The longest token there can be, and then some: of 50 contacts and 20 locations with ids of 64 characters.
const MAX_BYTES: usize = 8 * 1024;
/// By how much the clocks of two replicas may differ.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// What a token allows.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Claims {
    /// `token:` and the name of the key that made it; `token` where no key is configured.
    pub(super) label: String,
    /// The key that made it, by position.
    pub(super) maker: Option<usize>,
    pub(super) locations: BTreeSet<LocationId>,
    /// The only contacts it may see; `None` is all of its locations.
    pub(super) contacts: Option<Vec<ContactId>>,
    pub(super) expires_at: Timestamp,
}

impl fmt::Debug for Claims {
    /// Not which contacts: that is somebody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("label", &self.label)
            .field("locations", &self.locations)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Claims as they are signed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    /// Name of the key that made it.
    #[serde(rename = "k")]
    maker: Option<String>,
    /// Tells that key from a later one of the same name, and nobody else anything.
    #[serde(rename = "t")]
    maker_tag: Option<String>,
    #[serde(rename = "l")]
    locations: BTreeSet<LocationId>,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    contacts: Option<Vec<ContactId>>,
    /// Unix time, seconds.
    #[serde(rename = "f")]
    from: i64,
    #[serde(rename = "u")]
    until: i64,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenError {
    /// No token of ours, or changed on its way.
    Forged,
    /// Signed with a key that this process does not hold.
    UnknownKey,
    Expired,
    NotYet,
    /// The API key that made it is gone, was replaced, or may do less than the token says.
    Orphaned,
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        let detail = match error {
            TokenError::Forged => "This is no token of this service, or it was changed on its way.",
            TokenError::UnknownKey => "This token was signed with a key that is no longer in use. Ask for a new one.",
            TokenError::Expired => "This token has expired. Ask for a new one.",
            TokenError::NotYet => "This token is not valid yet: the clocks of its maker and of this service differ.",
            TokenError::Orphaned => "The API key that made this token may no longer do what the token says.",
        };
        Self::new(ProblemKind::Unauthenticated, detail)
    }
}

/// What a new token is to allow. The caller has checked that its key may allow that.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) locations: BTreeSet<LocationId>,
    pub(super) contacts: Option<Vec<ContactId>>,
    pub(super) lifetime: Duration,
}

/// A new token and when it ends.
#[derive(Debug)]
pub(super) struct Minted {
    pub(super) token: Secret,
    pub(super) expires_at: Timestamp,
}

/// Makes tokens and checks them.
#[derive(Debug, Clone)]
pub(super) struct Tokens {
    /// That of the settings, or one that lives as long as the process.
    current: LiveSecret,
    previous: Option<LiveSecret>,
}

impl Tokens {
    pub(super) fn new(settings: &AuthSettings) -> Self {
        let current = settings.token_key.clone().unwrap_or_else(own_key);
        Self { current, previous: settings.previous_token_key.clone() }
    }

    /// Whether a text claims to be a token.
    pub(super) fn claims_to_be(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// A token made by the key `maker`, or by nobody in particular where no key is configured.
    ///
    /// # Errors
    /// `internal` where there is nothing to sign with.
    pub(super) fn mint(&self, maker: Option<&ApiKey>, wanted: Wanted, now: Timestamp) -> Result<Minted, Problem> {
        let unsigned = |cause: &'static str| {
            Problem::new(ProblemKind::Internal, "Tokens cannot be signed at the moment.").with_cause(cause)
        };
        let secret = self.current.get();
        if !secret.signs() {
            return Err(unsigned("the file of auth.token_key holds too short a key now"));
        }
        let key = signing(&secret);
        let from = now.as_second();
        let until = from.saturating_add(i64::try_from(wanted.lifetime.as_secs()).unwrap_or(i64::MAX));
        let wire = Wire {
            maker: maker.map(|maker| maker.name.clone()),
            maker_tag: maker.map(|maker| tag_of(&key, maker)),
            locations: wanted.locations,
            contacts: wanted.contacts,
            from,
            until,
        };
        let claims = serde_json::to_vec(&wire).map_err(|_| unsigned("claims that are no JSON"))?;
        let signed = format!("{PREFIX}{}.{}", secret.fingerprint(), URL_SAFE_NO_PAD.encode(&claims));
        let mac = hmac::sign(&key, signed.as_bytes());
        let token = Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.as_ref())));
        Ok(Minted { token, expires_at: Timestamp::from_second(until).unwrap_or(Timestamp::MAX) })
    }

    /// What a token allows at `now`, given the API keys there are.
    ///
    /// # Errors
    /// Every variant of [`TokenError`].
    pub(super) fn verify(&self, text: &str, keys: &[ApiKey], now: Timestamp) -> Result<Claims, TokenError> {
        if text.len() > MAX_BYTES {
            return Err(TokenError::Forged);
        }
        let (signed, mac) = text.rsplit_once('.').ok_or(TokenError::Forged)?;
        let (key_id, claims) = signed
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('.'))
            .filter(|(key_id, _)| key_id.len() == 4)
            .ok_or(TokenError::Forged)?;
        // Strict, so that a token has one spelling.
        let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| TokenError::Forged)?;
        let key = self.key_that_signed(key_id, signed, &mac)?;
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| TokenError::Forged)?;
        let wire: Wire = serde_json::from_slice(&claims).map_err(|_| TokenError::Forged)?;
        let (from, until) = (Timestamp::from_second(wire.from), Timestamp::from_second(wire.until));
        let (Ok(from), Ok(until)) = (from, until) else { return Err(TokenError::Forged) };
        if now >= until {
            return Err(TokenError::Expired);
        }
        if from.duration_since(now) > SKEW {
            return Err(TokenError::NotYet);
        }
        let maker = wire.maker_among(keys, &key)?;
        let label = wire.maker.map_or_else(|| "token".to_owned(), |name| format!("token:{name}"));
        Ok(Claims { label, maker, locations: wire.locations, contacts: wire.contacts, expires_at: until })
    }

    fn key_that_signed(&self, key_id: &str, signed: &str, mac: &[u8]) -> Result<hmac::Key, TokenError> {
        let held = [Some(&self.current), self.previous.as_ref()].into_iter().flatten().map(LiveSecret::get);
        let mut named = held.filter(|secret| secret.signs() && secret.fingerprint() == key_id).peekable();
        if named.peek().is_none() {
            return Err(TokenError::UnknownKey);
        }
        let mut keys = named.map(|secret| signing(&secret));
        // Compares in constant time.
        keys.find(|key| hmac::verify(key, signed.as_bytes(), mac).is_ok()).ok_or(TokenError::Forged)
    }
}

impl Wire {
    /// The position of the key that made this, if it still may.
    fn maker_among(&self, keys: &[ApiKey], signed_with: &hmac::Key) -> Result<Option<usize>, TokenError> {
        let Some(name) = &self.maker else {
            // Made while no key was configured: as soon as there are keys, nobody is admitted without one.
            return if keys.is_empty() { Ok(None) } else { Err(TokenError::Orphaned) };
        };
        let position = keys.iter().position(|key| key.name == *name).ok_or(TokenError::Orphaned)?;
        let may = keys.get(position).is_some_and(|key| {
            let sees = key.locations.as_ref().is_none_or(|seen| self.locations.is_subset(seen));
            let same = self.maker_tag.as_ref().is_some_and(|tag| *tag == tag_of(signed_with, key));
            sees && same && key.roles.contains(&Role::Admin)
        });
        if may { Ok(Some(position)) } else { Err(TokenError::Orphaned) }
    }
}

/// Stands for an API key in a token: what is compared is signed already, so it need be no secret.
fn tag_of(key: &hmac::Key, maker: &ApiKey) -> String {
    let mac = hmac::sign(key, &maker.sha256);
    URL_SAFE_NO_PAD.encode(mac.as_ref().get(..8).unwrap_or_default())
}

fn signing(secret: &Arc<Secret>) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes())
}

/// A key that lives as long as the process: 244 random bits. The system gives them at once, where aws-lc would first gather
/// some of its own, for 40 ms and more at each start.
fn own_key() -> LiveSecret {
    let [one, other] = [Uuid::new_v4(), Uuid::new_v4()];
    LiveSecret::fixed(Secret::new(format!("{}{}", one.simple(), other.simple())))
}

#[cfg(test)]
mod tests;

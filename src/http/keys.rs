//! API keys and tokens: who a request comes from. Only SHA-256 hashes are held, and all of them are compared, each in constant
//! time, so that neither a hash's content nor its position shows in the time an answer takes.

use super::tokens::{Claims, Minted, Tokens, Wanted};
use crate::{
    clock::Clock,
    domain::{
        ids::{ContactId, LocationId},
        problem::{Problem, ProblemKind},
    },
    settings::{ApiKey, AuthSettings, Role, secret::sha256},
};
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use jiff::Timestamp;
use std::{borrow::Cow, collections::BTreeSet};

/// Who a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    /// Nobody in particular: no key is configured.
    Anonymous,
    /// One of the configured keys, by position.
    Key(usize),
    /// Whoever holds a token that one of them made.
    Token(Box<Claims>),
}

impl Identity {
    /// The key whose rate this counts against.
    pub(super) fn key(&self) -> Option<usize> {
        match self {
            Self::Anonymous => None,
            Self::Key(key) => Some(*key),
            Self::Token(claims) => claims.maker,
        }
    }

    /// When it ends.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Anonymous | Self::Key(_) => None,
            Self::Token(claims) => Some(claims.expires_at),
        }
    }

    /// The only contacts that may be seen; `None` is no bound.
    pub(super) fn contacts(&self) -> Option<&[ContactId]> {
        match self {
            Self::Anonymous | Self::Key(_) => None,
            Self::Token(claims) => claims.contacts.as_deref(),
        }
    }
}

/// The configured keys, and the tokens they make.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    keys: Vec<ApiKey>,
    tokens: Tokens,
    clock: Clock,
}

impl Keys {
    pub(super) fn new(settings: &AuthSettings, clock: Clock) -> Self {
        Self { keys: settings.keys.clone(), tokens: Tokens::new(settings), clock }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether a request brings a key or a token, be it a good one or not.
    pub(super) fn are_presented(headers: &HeaderMap) -> bool {
        presented(headers).is_some()
    }

    /// Who a request comes from. Without keys everybody is anonymous, except who shows a token: it holds or is refused, as
    /// it will be where there are keys.
    pub(super) fn identify(&self, headers: &HeaderMap) -> Result<Identity, Problem> {
        match presented(headers) {
            Some(token) if Tokens::claims_to_be(token) => {
                let claims = self.tokens.verify(token, &self.keys, self.clock.now())?;
                Ok(Identity::Token(Box::new(claims)))
            }
            _ if self.keys.is_empty() => Ok(Identity::Anonymous),
            Some(key) => self.find(key).map(Identity::Key).ok_or_else(|| refusal("This API key is not known.")),
            None => Err(refusal("Send an API key or a token as 'Authorization: Bearer …' or 'X-Api-Key: …'.")),
        }
    }

    /// What the log calls who a request comes from.
    pub(super) fn name(&self, headers: &HeaderMap) -> Option<Cow<'_, str>> {
        match self.identify(headers).ok()? {
            Identity::Token(claims) => Some(Cow::Owned(claims.label)),
            identity => self.name_at(identity.key()?).map(Cow::Borrowed),
        }
    }

    /// The same of one who was identified.
    pub(super) fn name_of<'a>(&'a self, identity: &'a Identity) -> Option<&'a str> {
        match identity {
            Identity::Anonymous => None,
            Identity::Key(key) => self.name_at(*key),
            Identity::Token(claims) => Some(&claims.label),
        }
    }

    fn name_at(&self, key: usize) -> Option<&str> {
        self.keys.get(key).map(|key| key.name.as_str())
    }

    /// Whether who was identified has a role. A token reads, whatever its key may do.
    pub(super) fn may(&self, identity: &Identity, role: Role) -> bool {
        match identity {
            Identity::Anonymous => true,
            Identity::Key(key) => self.keys.get(*key).is_some_and(|key| key.roles.contains(&role)),
            Identity::Token(_) => role == Role::Read,
        }
    }

    /// The locations that may be seen; `None` is all.
    pub(super) fn locations<'a>(&'a self, identity: &'a Identity) -> Option<&'a BTreeSet<LocationId>> {
        match identity {
            Identity::Anonymous => None,
            Identity::Key(key) => self.keys.get(*key).and_then(|key| key.locations.as_ref()),
            Identity::Token(claims) => Some(&claims.locations),
        }
    }

    /// Whether who a request comes from may see a location.
    pub(super) fn may_see(&self, headers: &HeaderMap, location: &LocationId) -> bool {
        let identity = self.identify(headers);
        identity.is_ok_and(|identity| self.locations(&identity).is_none_or(|seen| seen.contains(location)))
    }

    /// A token made by who was identified.
    ///
    /// # Errors
    /// `internal` where there is nothing to sign with.
    pub(super) fn mint(&self, identity: &Identity, wanted: Wanted) -> Result<Minted, Problem> {
        let maker = identity.key().and_then(|key| self.keys.get(key));
        self.tokens.mint(maker, wanted, self.clock.now())
    }

    fn find(&self, presented: &str) -> Option<usize> {
        let hash = sha256(presented);
        let mut found = None;
        for (position, key) in self.keys.iter().enumerate() {
            if verify_slices_are_equal(&hash, &key.sha256).is_ok() {
                found = Some(position);
            }
        }
        found
    }
}

fn refusal(detail: &'static str) -> Problem {
    Problem::new(ProblemKind::Unauthenticated, detail)
}

fn presented(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|text| {
        let (scheme, key) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key)
    });
    let own = || headers.get("x-api-key").and_then(|value| value.to_str().ok());
    bearer.or_else(own).map(str::trim).filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn key(name: &str, secret: &str) -> ApiKey {
        ApiKey { name: name.into(), sha256: sha256(secret), roles: BTreeSet::from([Role::Read]), locations: None }
    }

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        headers
    }

    fn keys(keys: &[ApiKey]) -> Keys {
        let mut settings = crate::settings::Settings::load(crate::settings::Sources::default()).unwrap().settings.auth;
        settings.keys = keys.to_vec();
        Keys::new(&settings, Clock::system())
    }

    #[test]
    fn a_key_is_known_by_either_header() {
        let keys = keys(&[key("first", "one"), key("second", "two")]);
        for (name, value, expected) in [
            ("authorization", "Bearer two", Some(1)),
            ("authorization", "bearer one", Some(0)),
            ("x-api-key", "one", Some(0)),
            ("x-api-key", "three", None),
            ("authorization", "Basic two", None),
            ("authorization", "Bearer ", None),
            ("authorization", "B", None),
        ] {
            let identity = keys.identify(&headers(name, value)).ok();
            assert_eq!(identity, expected.map(Identity::Key), "{name}: {value}");
        }
        assert_eq!(keys.name(&headers("x-api-key", "two")).as_deref(), Some("second"));
    }

    #[test]
    fn without_keys_everybody_is_anonymous_but_who_shows_a_token() {
        let keys = keys(&[]);
        assert_eq!(keys.identify(&headers("x-api-key", "whatever")), Ok(Identity::Anonymous));
        assert!(keys.identify(&headers("x-api-key", "ghle_t1.whatever")).is_err());
    }
}

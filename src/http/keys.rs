//! API keys: which one a request carries. Only SHA-256 hashes are held, and all of them are compared, each in constant
//! time, so that neither a hash's content nor its position shows in the time an answer takes.

use crate::{
    domain::{
        ids::LocationId,
        problem::{Problem, ProblemKind},
    },
    settings::{ApiKey, Role, secret::sha256},
};
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use std::collections::BTreeSet;

/// The configured keys.
#[derive(Debug, Clone)]
pub(super) struct Keys(Vec<ApiKey>);

impl Keys {
    pub(super) fn new(keys: &[ApiKey]) -> Self {
        Self(keys.to_vec())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The key of a request, by position; `None` where no key is configured and everybody is anonymous.
    pub(super) fn identify(&self, headers: &HeaderMap) -> Result<Option<usize>, Problem> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let Some(presented) = presented(headers) else {
            return Err(refusal("Send an API key as 'Authorization: Bearer …' or 'X-Api-Key: …'."));
        };
        self.find(presented).map(Some).ok_or_else(|| refusal("This API key is not known."))
    }

    /// The name of the key that a request carries, for the log.
    pub(super) fn name(&self, headers: &HeaderMap) -> Option<&str> {
        self.name_at(self.identify(headers).ok().flatten()?)
    }

    /// The name of a key, by position.
    pub(super) fn name_at(&self, key: usize) -> Option<&str> {
        self.0.get(key).map(|key| key.name.as_str())
    }

    pub(super) fn may(&self, key: usize, role: Role) -> bool {
        self.0.get(key).is_some_and(|key| key.roles.contains(&role))
    }

    pub(super) fn locations(&self, key: usize) -> Option<&BTreeSet<LocationId>> {
        self.0.get(key).and_then(|key| key.locations.as_ref())
    }

    fn find(&self, presented: &str) -> Option<usize> {
        let hash = sha256(presented);
        let mut found = None;
        for (position, key) in self.0.iter().enumerate() {
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

    #[test]
    fn a_key_is_known_by_either_header() {
        let keys = Keys::new(&[key("first", "one"), key("second", "two")]);
        for (name, value, expected) in [
            ("authorization", "Bearer two", Some(Some(1))),
            ("authorization", "bearer one", Some(Some(0))),
            ("x-api-key", "one", Some(Some(0))),
            ("x-api-key", "three", None),
            ("authorization", "Basic two", None),
            ("authorization", "Bearer ", None),
            ("authorization", "B", None),
        ] {
            assert_eq!(keys.identify(&headers(name, value)).ok(), expected, "{name}: {value}");
        }
        assert_eq!(keys.name(&headers("x-api-key", "two")), Some("second"));
    }

    #[test]
    fn without_keys_everybody_is_anonymous() {
        assert_eq!(Keys::new(&[]).identify(&headers("x-api-key", "whatever")), Ok(None));
    }
}

//! Request ids: a caller's own where it is well formed, else a UUID v7 without hyphens.
//!
//! An id needs to be distinct, not secret, so its random part comes from a small generator seeded once a worker.

use crate::clock::Clock;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use std::cell::Cell;
use uuid::{Builder, Uuid};

/// The header, both ways.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Makes ids for one worker.
#[derive(Debug)]
pub(super) struct RequestIds {
    clock: Clock,
    state: Cell<u64>,
}

impl RequestIds {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, state: Cell::new(Uuid::new_v4().as_u64_pair().0) }
    }

    /// The id of a request.
    pub(super) fn of(&self, headers: &HeaderMap) -> HeaderValue {
        headers.get(X_REQUEST_ID).filter(|value| well_formed(value.as_bytes())).cloned().unwrap_or_else(|| self.make())
    }

    fn make(&self) -> HeaderValue {
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.next().to_le_bytes());
        random[8..].copy_from_slice(&self.next().to_le_bytes()[..2]);
        let milliseconds = u64::try_from(self.clock.now().as_millisecond()).unwrap_or_default();
        let id = Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid();
        let mut text = [0; uuid::fmt::Simple::LENGTH];
        let text = id.simple().encode_lower(&mut text);
        HeaderValue::from_maybe_shared(Bytes::copy_from_slice(text.as_bytes()))
            .unwrap_or(HeaderValue::from_static("unknown"))
    }

    /// splitmix64.
    fn next(&self) -> u64 {
        let state = self.state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.state.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// The id of a request that changes something: the middleware has put it among the request's headers.
pub(super) fn given(headers: &HeaderMap) -> String {
    headers.get(X_REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned()
}

fn well_formed(id: &[u8]) -> bool {
    (1..=128).contains(&id.len()) && id.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_ids_are_distinct_version_7_uuids() {
        let ids = RequestIds::new(Clock::system());
        let made: std::collections::HashSet<String> =
            (0..1000).map(|_| ids.of(&HeaderMap::new()).to_str().unwrap().to_owned()).collect();
        assert_eq!(made.len(), 1000);
        for id in made {
            assert_eq!(Uuid::try_parse(&id).unwrap().get_version_num(), 7);
        }
    }

    #[test]
    fn only_a_well_formed_id_is_taken() {
        assert!(well_formed(b"trace.1_A-b"));
        for bad in [&b""[..], b"a b", b"a\"b", "ä".as_bytes(), &[b'a'; 129]] {
            assert!(!well_formed(bad));
        }
    }
}

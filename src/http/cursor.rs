//! Opaque page cursors: base64url of a small versioned JSON document, bound by a checksum to the listing that made it.
//!
//! A cursor that was altered, or that belongs to another query or location, is refused rather than giving a page of
//! something else. The checksum guards against mistakes; there is nothing secret in a cursor.

use crate::domain::problem::Problem;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64_with_seed;

const VERSION: u8 = 1;
/// Longest cursor accepted, in characters.
const MAX_CHARS: usize = 1024;

#[derive(Serialize, Deserialize)]
struct Wire {
    v: u8,
    /// Where the next page begins.
    at: Value,
    /// Checksum over the place and the listing.
    sum: u64,
}

/// A cursor to `at` within a listing.
pub(super) fn make(listing: &str, at: Value) -> String {
    let sum = checksum(listing, &at);
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&Wire { v: VERSION, at, sum }).unwrap_or_default())
}

/// Where a cursor of this listing points.
pub(super) fn read(listing: &str, cursor: &str) -> Result<Value, Problem> {
    let wire = (cursor.len() <= MAX_CHARS)
        .then(|| URL_SAFE_NO_PAD.decode(cursor).ok())
        .flatten()
        .and_then(|bytes| serde_json::from_slice::<Wire>(&bytes).ok())
        .filter(|wire| wire.v == VERSION && wire.sum == checksum(listing, &wire.at));
    wire.map(|wire| wire.at).ok_or_else(refusal)
}

/// A cursor that leads nowhere in this listing.
pub(super) fn refusal() -> Problem {
    Problem::parameter("cursor", "is none of this listing's; begin again without a cursor")
}

fn checksum(listing: &str, at: &Value) -> u64 {
    let place = xxh3_64_with_seed(at.to_string().as_bytes(), u64::from(VERSION));
    xxh3_64_with_seed(listing.as_bytes(), place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_cursor_leads_back_to_its_place_in_its_own_listing_only() {
        let cursor = make("contacts|loc|smith", json!([1_700_000_000_000_u64, "abc"]));
        assert_eq!(read("contacts|loc|smith", &cursor).unwrap(), json!([1_700_000_000_000_u64, "abc"]));
        assert!(read("contacts|other|smith", &cursor).is_err());
        assert!(read("contacts|loc|smith", "").is_err());
    }

    proptest! {
        #[test]
        fn a_changed_character_is_noticed(position in 0_usize..40, replacement in "[A-Za-z0-9_-]") {
            let cursor = make("listing", json!({"skip": 20}));
            let mut changed = cursor.clone();
            let position = position % cursor.len();
            changed.replace_range(position..=position, &replacement);
            if changed != cursor {
                prop_assert!(read("listing", &changed).is_err());
            }
        }

        #[test]
        fn never_panics(text in ".*") {
            let _ = read("listing", &text);
        }
    }
}

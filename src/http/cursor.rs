//! Opaque page cursors: base64url of a small versioned JSON document, bound by a checksum to the listing that made it.
//!
//! A cursor that was altered, or that belongs to another query or location, is refused rather than giving a page of
//! something else. The checksum guards against mistakes; there is nothing secret in a cursor.

use crate::domain::problem::Problem;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64_with_seed;

const VERSION: u8 = 1;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
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
    encode(&serde_json::to_vec(&Wire { v: VERSION, at, sum }).unwrap_or_default())
}

/// Where a cursor of this listing points.
pub(super) fn read(listing: &str, cursor: &str) -> Result<Value, Problem> {
    let wire = (cursor.len() <= MAX_CHARS)
        .then(|| decode(cursor))
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

fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + 3);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..=chunk.len() {
            let index = group >> (18 - 6 * position) & 63;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    text
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.as_bytes().chunks(4) {
        let mut group = 0_u32;
        for char in chunk {
            let value = ALPHABET.iter().position(|known| known == char)?;
            group = group << 6 | u32::try_from(value).ok()?;
        }
        let length = chunk.len().checked_sub(1).filter(|length| *length > 0)?;
        let group = group << (6 * (4 - chunk.len()));
        bytes.extend_from_slice(&group.to_be_bytes()[1..=length]);
    }
    Some(bytes)
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
        fn base64url_round_trips(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(decode(&encode(&bytes)).unwrap(), bytes);
        }

        #[test]
        fn a_changed_character_is_noticed(position in 0_usize..40, replacement in "[A-Za-z0-9_-]") {
            let cursor = make("listing", json!({"skip": 20}));
            let mut changed = cursor.clone();
            let position = position % cursor.len();
            changed.replace_range(position..=position, &replacement);
            // The last character may carry bits that do not count.
            if changed != cursor && position + 1 < cursor.len() {
                prop_assert!(read("listing", &changed).is_err());
            }
        }

        #[test]
        fn never_panics(text in ".*") {
            let _ = read("listing", &text);
        }
    }
}

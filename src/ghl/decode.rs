//! GHL's envelopes: from the bytes of an answer to the record or the list inside, or to what is wrong with them.

use super::error::{Flaw, body};
use serde_json::{Map, Value};

/// The envelope of a 200.
///
/// # Errors
/// A [`Flaw`] that says why it is none.
pub(super) fn envelope(bytes: &[u8]) -> Result<Map<String, Value>, Flaw> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii();
    match bytes.first() {
        None => return Err(Flaw::Empty),
        Some(b'<') => return Err(Flaw::Html),
        Some(_) => {}
    }
    match serde_json::from_slice(bytes).or_else(|error| repaired(bytes).ok_or(error)) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            Err(Flaw::Decode { path: ".".into(), message: "an object was expected".into() })
        }
        Err(error) if error.is_eof() => Err(Flaw::Truncated),
        Err(error) => Err(Flaw::Decode { path: ".".into(), message: error.to_string() }),
    }
}

/// The one record under `key`.
pub(super) fn record(mut envelope: Map<String, Value>, key: &str) -> Result<Value, Flaw> {
    match envelope.get_mut(key).map(Value::take) {
        Some(record @ Value::Object(_)) => Ok(record),
        Some(_) | None => Err(missing(&envelope, key)),
    }
}

/// The list under `key`; `null` is the empty list, one object a list of one.
pub(super) fn list(envelope: &mut Map<String, Value>, key: &str) -> Result<Vec<Value>, Flaw> {
    match envelope.get_mut(key).map(Value::take) {
        Some(Value::Array(list)) => Ok(list),
        Some(one @ Value::Object(_)) => Ok(vec![one]),
        Some(Value::Null) if !says_error(envelope) => Ok(Vec::new()),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => Err(missing(envelope, key)),
    }
}

/// The one record under `key`, or that there is none: `null`.
pub(super) fn optional_record(mut envelope: Map<String, Value>, key: &str) -> Result<Option<Value>, Flaw> {
    match envelope.get_mut(key).map(Value::take) {
        Some(record @ Value::Object(_)) => Ok(Some(record)),
        Some(Value::Null) if !says_error(&envelope) => Ok(None),
        Some(_) | None => Err(missing(&envelope, key)),
    }
}

/// A success that holds nothing but its flag, which GHL spells in two ways.
pub(super) fn flag_of_success(envelope: &Map<String, Value>) -> Result<(), Flaw> {
    match ["succeded", "succeeded"].iter().find_map(|&key| envelope.get(key)).and_then(Value::as_bool) {
        Some(true) => Ok(()),
        None if !says_error(envelope) => Ok(()),
        Some(false) | None => Err(Flaw::ErrorBody { said: body::Said::of(envelope).excerpt }),
    }
}

/// A count, as a number or a text.
pub(super) fn count(envelope: &Map<String, Value>, key: &str) -> Option<u64> {
    match envelope.get(key)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn missing(envelope: &Map<String, Value>, key: &str) -> Flaw {
    if says_error(envelope) {
        Flaw::ErrorBody { said: body::Said::of(envelope).excerpt }
    } else {
        Flaw::Decode { path: key.to_owned(), message: "the field is missing".into() }
    }
}

/// GHL sends error bodies under 200 too: a status of their own, or nothing but a message.
fn says_error(envelope: &Map<String, Value>) -> bool {
    let status = ["statusCode", "status"].iter().find_map(|key| count(envelope, key));
    status.is_some_and(|status| status >= 400) || envelope.contains_key("error") || envelope.contains_key("message")
}

/// A text cut inside an emoji leaves half a surrogate pair, which JavaScript writes and strict decoders refuse; so do
/// they bytes that are no UTF-8. One broken character does not cost the record: it becomes U+FFFD.
fn repaired(bytes: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(bytes);
    let mut mended = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        mended.push_str(before);
        let length = match surrogate(escape) {
            Some(Surrogate::Paired) => 12,
            Some(Surrogate::Alone) => {
                mended.push_str("\\ufffd");
                rest = &escape[6..];
                continue;
            }
            None => 1 + escape[1..].chars().next().map_or(0, char::len_utf8),
        };
        mended.push_str(&escape[..length]);
        rest = &escape[length..];
    }
    mended.push_str(rest);
    serde_json::from_str(&mended).ok()
}

enum Surrogate {
    Paired,
    Alone,
}

fn surrogate(escape: &str) -> Option<Surrogate> {
    let unit = code_unit(escape)?;
    match unit {
        0xD800..=0xDBFF if escape.get(6..).and_then(code_unit).is_some_and(|low| (0xDC00..=0xDFFF).contains(&low)) => {
            Some(Surrogate::Paired)
        }
        0xD800..=0xDFFF => Some(Surrogate::Alone),
        _ => None,
    }
}

fn code_unit(escape: &str) -> Option<u16> {
    u16::from_str_radix(escape.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn half_a_surrogate_pair_costs_one_character() {
        let body = br#"{"a":"\ud83d","b":"\ude00x","c":"\ud83d\ude00","d":"\\ud83d","e":"\ud83d\u0041"}"#;
        let read = envelope(body).unwrap();
        assert_eq!(
            Value::Object(read),
            serde_json::json!({"a":"\u{fffd}","b":"\u{fffd}x","c":"😀","d":"\\ud83d","e":"\u{fffd}A"})
        );
        assert_eq!(envelope(b"{\"a\":\"\xff\"}").unwrap()["a"], "\u{fffd}");
    }

    #[test]
    fn the_last_of_doubled_keys_counts() {
        assert_eq!(envelope(br#"{"a":1,"a":2}"#).unwrap()["a"], 2);
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(envelope(b" \n"), Err(Flaw::Empty));
        assert_eq!(envelope(b"<!DOCTYPE html>"), Err(Flaw::Html));
        assert_eq!(envelope(br#"{"contact":{"id":"#), Err(Flaw::Truncated));
        assert!(matches!(envelope(b"[1]"), Err(Flaw::Decode { .. })));
        assert!(matches!(envelope("[".repeat(5000).as_bytes()), Err(Flaw::Decode { .. })));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in r#"(\\|u|d|[0-9a-f"{}:]|é){0,60}"#) {
            let _ = envelope(&bytes);
            let _ = envelope(format!("{{\"a\":\"{text}\"}}").as_bytes());
        }
    }
}

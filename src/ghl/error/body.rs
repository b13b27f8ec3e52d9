//! The words of an error body, whichever of GHL's five shapes it has, and what of them may be repeated.

use super::GhlError;
use crate::domain::ids::ContactId;
use serde_json::{Map, Value};
use std::net::IpAddr;

/// The longest excerpt of GHL's words, in characters.
const MAX_EXCERPT_CHARS: usize = 200;

/// What an error body says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::ghl) struct Said {
    /// GHL's message in lower case, whole; for telling errors apart, never for showing.
    pub(in crate::ghl) words: String,
    /// The message with what may be personal or secret masked, on one line, cut; with GHL's trace id.
    pub(in crate::ghl) excerpt: Option<String>,
    /// Whether it is an object of JSON, as all that GHL's own services say.
    pub(in crate::ghl) object: bool,
    /// Whether it is a page for people.
    pub(in crate::ghl) html: bool,
}

impl Said {
    /// Reads an error body: JSON of any family, or raw text.
    pub(in crate::ghl) fn read(body: &str) -> Self {
        let body = body.trim_start_matches('\u{feff}').trim();
        if body.starts_with('<') {
            return Self { html: true, ..Self::default() };
        }
        match serde_json::from_str::<Value>(body) {
            Ok(Value::Object(map)) => Self { object: true, ..Self::of(&map) },
            Ok(Value::String(text)) => Self::from_message(&text, None),
            Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) | Err(_) => {
                Self::from_message(body, None)
            }
        }
    }

    /// Reads a decoded body: `message` (text or list), then `msg`, `error`, `detail`.
    pub(in crate::ghl) fn of(map: &Map<String, Value>) -> Self {
        let keys = ["message", "msg", "error", "detail", "error_description"];
        let message = keys.iter().filter_map(|&key| map.get(key)).find_map(message).unwrap_or_default();
        Self::from_message(&message, map.get("traceId").and_then(Value::as_str))
    }

    fn from_message(message: &str, trace_id: Option<&str>) -> Self {
        let excerpt = match (excerpt(message), trace_id.and_then(excerpt_of_id)) {
            (Some(said), Some(trace)) => Some(format!("{said} (traceId {trace})")),
            (None, Some(trace)) => Some(format!("(traceId {trace})")),
            (said, None) => said,
        };
        Self { words: message.to_lowercase(), excerpt, ..Self::default() }
    }
}

/// GHL's refusal of a second contact: `{message, meta: {contactId, contactName, matchingField}}`, under 400. The name is
/// not kept: it is somebody's.
pub(super) fn duplicate(body: &str, status: u16) -> Option<GhlError> {
    if !matches!(status, 400 | 409 | 422) {
        return None;
    }
    let map: Map<String, Value> = serde_json::from_str(body.trim_start_matches('\u{feff}')).ok()?;
    let meta = |key: &str| map.get("meta").and_then(|meta| meta.get(key)).and_then(Value::as_str);
    let field = match meta("matchingField") {
        Some("email") => Some("email"),
        Some("phone") => Some("phone"),
        Some(_) | None => None,
    };
    let says_so = Said::of(&map).words.contains("duplicated contact");
    let existing = meta("contactId").and_then(|id| ContactId::parse(id).ok());
    (says_so || field.is_some()).then_some(GhlError::Duplicate { existing, field, status })
}

fn message(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().filter_map(message).collect::<Vec<_>>().join("; "),
        Value::Object(map) => message(map.get("message")?)?,
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
    };
    Some(text).filter(|text| !text.trim().is_empty())
}

/// One line of at most [`MAX_EXCERPT_CHARS`], words that look personal or secret masked.
pub(super) fn excerpt(message: &str) -> Option<String> {
    let mut line = String::new();
    let mut left = MAX_EXCERPT_CHARS;
    for word in message.split_whitespace() {
        let word = if is_private(word) { "…" } else { word };
        let needed = word.chars().count() + usize::from(!line.is_empty());
        if needed > left {
            line.push('…');
            break;
        }
        left -= needed;
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }));
    }
    (!line.is_empty()).then_some(line)
}

/// E-mail addresses, phone numbers, IP addresses, tokens.
fn is_private(word: &str) -> bool {
    let bare = word.trim_matches(|c: char| c.is_ascii_punctuation());
    word.contains('@')
        || word.chars().filter(char::is_ascii_digit).count() >= 7
        || bare.parse::<IpAddr>().is_ok()
        || bare.starts_with("eyJ")
        || bare.starts_with("pit-")
}

fn excerpt_of_id(id: &str) -> Option<&str> {
    let fits =
        !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    fits.then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_each_family() {
        for (body, words) in [
            (r#"{"message":"A b","error":"Bad Request","statusCode":400}"#, "a b"),
            (r#"{"message":["a must be b","c"],"error":"Unprocessable Entity"}"#, "a must be b; c"),
            (r#"{"msg":"m"}"#, "m"),
            (r#"{"error":"Task with id abc not found"}"#, "task with id abc not found"),
            (r#"{"error":{"code":5,"message":"deep"}}"#, "deep"),
            (r#"{"message":null,"detail":"d"}"#, "d"),
            ("Cannot GET /contacts", "cannot get /contacts"),
            ("\"quoted\"", "quoted"),
            ("", ""),
            ("{}", ""),
        ] {
            assert_eq!(Said::read(body).words, words, "{body}");
        }
        assert!(Said::read(" <html>").html);
    }

    #[test]
    fn masks_what_may_be_personal_or_secret() {
        let said = excerpt("phone +1 (415) 5550142 of dana@example.test from 8.8.8.8, Bearer eyJabc pit-1 ok\nline");
        assert_eq!(said.as_deref(), Some("phone +1 (415) … of … from … Bearer … … ok line"));
    }

    proptest! {
        #[test]
        fn an_excerpt_is_one_short_line(text in "\\PC{0,600}|[\\x00-\\x7f]{0,600}") {
            if let Some(line) = excerpt(&text) {
                prop_assert!(line.chars().count() <= MAX_EXCERPT_CHARS + 1);
                prop_assert!(!line.chars().any(char::is_control));
            }
        }
    }
}

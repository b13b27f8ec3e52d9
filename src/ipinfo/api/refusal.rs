//! How `IPinfo` says no: in half a dozen shapes, whose status and words are sorted into [`ApiError`] here.

use crate::{ipinfo::error::ApiError, upstream::CallError};
use serde_json::{Map, Value};
use std::time::Duration;

/// How much of a refusal's text is kept, in characters.
const MAX_MESSAGE_CHARS: usize = 200;

/// What a failed call means. Only a status needs sorting: the wire's own failures say what they are.
pub(super) fn of_call(error: CallError) -> ApiError {
    match error {
        CallError::Status { status, body, retry_after } => match sort(Some(status), retry_after, &body) {
            // IPinfo's 400 and 404 mean "not an IP address".
            ApiError::Refused { status: Some(400 | 404), .. } => ApiError::InvalidInput { status: Some(status) },
            other => other,
        },
        CallError::Deadline
        | CallError::TimedOut(_)
        | CallError::Connect(_)
        | CallError::Broken(_)
        | CallError::QuotaSpent { .. }
        | CallError::BreakerOpen { .. }
        | CallError::BodyTooLarge(_)
        | CallError::Decode { .. } => ApiError::Call(error),
    }
}

/// The refusal inside a 2xx, if the object is one: an `error` that is a text or an object, with or without a status.
pub(super) fn in_object(object: &Map<String, Value>) -> Option<ApiError> {
    object.get("error").filter(|error| !error.is_null())?;
    let status = object.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let message = message_of(object);
    Some(match sort(status, None, &message) {
        // Without a status, the words are all there is to tell a rejected token from anything else.
        ApiError::Refused { status: None, message } if message.to_ascii_lowercase().contains("token") => {
            ApiError::Rejected { status: None, hold: Duration::ZERO }
        }
        other => other,
    })
}

fn sort(status: Option<u16>, retry_after: Option<Duration>, body: &str) -> ApiError {
    match status {
        Some(status @ (401 | 403)) => ApiError::Rejected { status: Some(status), hold: Duration::ZERO },
        Some(429) => ApiError::Quota { retry_after },
        Some(status @ 500..) => ApiError::Failing { status },
        Some(_) | None => ApiError::Refused { status, message: message(body) },
    }
}

/// The words of a refusal's body, whatever its shape.
fn message(body: &str) -> String {
    match serde_json::from_str::<Value>(body) {
        Ok(Value::Object(object)) => message_of(&object),
        Ok(Value::String(text)) => cut(&text),
        _ => cut(body),
    }
}

/// `{"error": "…"}`, `{"error": {"title": "…", "message": "…"}}` or `{"title": "…", "message": "…"}`.
fn message_of(object: &Map<String, Value>) -> String {
    let inner = match object.get("error") {
        Some(Value::String(text)) => return cut(text),
        Some(Value::Object(inner)) => inner,
        _ => object,
    };
    let words: Vec<&str> = ["title", "message"].iter().filter_map(|key| inner.get(*key)?.as_str()).collect();
    if words.is_empty() { cut(&Value::Object(inner.clone()).to_string()) } else { cut(&words.join(": ")) }
}

fn cut(text: &str) -> String {
    text.trim().chars().take(MAX_MESSAGE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn status(status: u16, body: &str) -> ApiError {
        of_call(CallError::Status { status, body: body.into(), retry_after: None })
    }

    #[test]
    fn every_recorded_refusal_is_sorted() {
        let token = r#"{"status":403,"error":{"title":"Unknown token","message":"Please ensure …"}}"#;
        for (status_code, body, code) in [
            (400, r#"{"error":"Please provide a valid IP address"}"#, "invalid-input"),
            (404, r#"{"status":404,"error":{"title":"Wrong ip","message":"Please …"}}"#, "invalid-input"),
            (401, "{}", "token"),
            (403, token, "token"),
            (429, r#"{"status":429,"error":{"title":"Rate limit exceeded"}}"#, "quota"),
            (429, "<html>Rate limit exceeded", "quota"),
            (406, "<html>Not acceptable", "refused"),
            (500, "Internal Server Error", "status"),
            (503, "", "status"),
        ] {
            assert_eq!(status(status_code, body).code(), code, "{status_code} {body}");
        }
    }

    #[test]
    fn a_refusal_inside_a_success_is_found() {
        let find = |value: Value| in_object(value.as_object().unwrap()).map(|error| error.code());
        assert_eq!(find(json!({"error": "token is invalid"})), Some("token"));
        assert_eq!(find(json!({"status": 403, "error": {"title": "Unknown token"}})), Some("token"));
        assert_eq!(find(json!({"status": 429, "error": {"title": "Rate limit exceeded"}})), Some("quota"));
        assert_eq!(find(json!({"error": "Please provide a valid IP address"})), Some("refused"));
        assert_eq!(find(json!({"ip": "8.8.8.8"})), None);
        assert_eq!(find(json!({"ip": "8.8.8.8", "error": null})), None);
    }

    #[test]
    fn the_words_are_kept_and_cut() {
        let of = |body: &str| match status(406, body) {
            ApiError::Refused { message, .. } => message,
            other => panic!("{other:?}"),
        };
        assert_eq!(of(r#"{"title":"Wrong module","message":"no"}"#), "Wrong module: no");
        assert_eq!(of(r#"{"error":{"title":"A","message":"b"}}"#), "A: b");
        assert_eq!(of(&"ä".repeat(1000)).chars().count(), MAX_MESSAGE_CHARS);
    }
}

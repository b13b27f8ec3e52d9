//! What a call is, what travels with it, and what comes back.

use super::{CallError, MAX_ERROR_BODY_BYTES, transport::WireRequest};
use crate::domain::ids::LocationId;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Whom we call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// The `GoHighLevel` API.
    Ghl,
    /// The `IPinfo` API.
    Ipinfo,
}

impl Service {
    /// The word used in metrics, problems and `Server-Timing`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ghl => "ghl",
            Self::Ipinfo => "ipinfo",
        }
    }
}

/// A priority class of upstream calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Somebody waits for the answer.
    Interactive,
    /// A durable write.
    Operation,
    /// Bulk work, which can wait.
    Bulk,
}

impl Lane {
    /// The word used in metrics and spans.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Operation => "operation",
            Self::Bulk => "bulk",
        }
    }
}

/// Whether a call may be made again when it is not known what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// Doing it twice is as doing it once.
    Safe,
    /// Only after looking whether it happened.
    AfterLook,
}

/// HTTP methods the upstreams know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
}

/// One call, as a value. Path segments are percent-encoded by the transport, never by `format!`.
#[derive(Debug, Clone)]
pub struct Call {
    /// Stable name, for metrics and `Server-Timing`.
    pub endpoint: &'static str,
    /// Method.
    pub method: Method,
    /// Path segments below the base URL; a last empty one gives a trailing slash.
    pub segments: Vec<Cow<'static, str>>,
    /// Query parameters.
    pub query: Vec<(&'static str, String)>,
    /// Headers beside those the transport sets (user agent, accept).
    pub headers: Vec<(&'static str, SensitiveValue)>,
    /// Body.
    pub body: Option<SensitiveBody>,
    /// Whether it may be repeated blindly.
    pub repeat: Repeat,
    /// Whose quota and circuit breaker it counts in: a location's id. `None` has neither.
    pub bucket: Option<LocationId>,
}

/// A header's value: shown neither by `Debug` nor in an error, as it may be a token.
#[derive(Clone)]
pub struct SensitiveValue(String);

impl SensitiveValue {
    /// The value itself, for the wire.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for SensitiveValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// A body with its media type: not shown by `Debug`, as it may hold a secret or what is personal.
#[derive(Clone)]
pub struct SensitiveBody {
    /// Its media type.
    pub media_type: &'static str,
    /// Its bytes.
    pub bytes: Bytes,
}

impl AsRef<[u8]> for SensitiveBody {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl std::fmt::Debug for SensitiveBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes of {}", self.bytes.len(), self.media_type)
    }
}

impl Call {
    /// A read: `GET`, safe to repeat.
    pub fn get(endpoint: &'static str, segments: impl IntoIterator<Item = impl Into<Cow<'static, str>>>) -> Self {
        Self::new(endpoint, Method::Get, Repeat::Safe, segments)
    }

    /// A call with any method.
    pub fn new(
        endpoint: &'static str,
        method: Method,
        repeat: Repeat,
        segments: impl IntoIterator<Item = impl Into<Cow<'static, str>>>,
    ) -> Self {
        let segments = segments.into_iter().map(Into::into).collect();
        Self { endpoint, method, segments, query: Vec::new(), headers: Vec::new(), body: None, repeat, bucket: None }
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, SensitiveValue(value.into())));
        self
    }

    /// Names whose quota it counts in.
    #[must_use]
    pub fn of_location(mut self, location: &LocationId) -> Self {
        self.bucket = Some(location.clone());
        self
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(mut self, body: &serde_json::Value) -> Self {
        self.body = Some(SensitiveBody { media_type: "application/json", bytes: Bytes::from(body.to_string()) });
        self
    }

    /// Sets the body of a form.
    #[must_use]
    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let bytes = Bytes::from(encode_form(fields));
        self.body = Some(SensitiveBody { media_type: "application/x-www-form-urlencoded", bytes });
        self
    }

    pub(super) fn to_wire(&self, context: &CallContext) -> WireRequest {
        WireRequest {
            method: self.method,
            segments: self.segments.clone(),
            query: self.query.clone(),
            headers: self.headers.clone(),
            body: self.body.clone(),
            traceparent: context.traceparent.clone(),
        }
    }
}

/// Names and values as a form has them, and a query too. What is not unreserved (RFC 3986) is escaped, a space included:
/// every reader of forms knows `%20`.
#[must_use]
pub fn encode_form(fields: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        if !text.is_empty() {
            text.push('&');
        }
        escape(name, &mut text);
        text.push('=');
        escape(value, &mut text);
    }
    text
}

fn escape(plain: &str, into: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in plain.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            let digits = [byte >> 4, byte & 15].map(|digit| char::from(HEX[usize::from(digit)]));
            into.push('%');
            into.extend(digits);
        }
    }
}

/// What a request brings along to each call made for it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CallContext {
    /// When the request must be answered.
    pub deadline: Instant,
    /// Its priority class.
    pub lane: Lane,
    /// Where each call leaves its time.
    pub timings: Timings,
    /// W3C trace context of the caller, passed on.
    pub traceparent: Option<Arc<str>>,
}

impl CallContext {
    /// A context for a lane whose deadline is `within` from now.
    #[must_use]
    pub fn new(lane: Lane, within: Duration) -> Self {
        Self { deadline: Instant::now() + within, lane, timings: Timings::default(), traceparent: None }
    }
}

/// What one call took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallTiming {
    /// Whom.
    pub service: Service,
    /// Which endpoint.
    pub endpoint: &'static str,
    /// `ok`, or the failure's code.
    pub outcome: &'static str,
    /// How long.
    pub took: Duration,
}

/// Collects the calls of one request, for `Server-Timing` and `explain`.
#[derive(Debug, Clone, Default)]
pub struct Timings(Arc<Mutex<Vec<CallTiming>>>);

impl Timings {
    /// Adds one call.
    pub fn record(&self, timing: CallTiming) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(timing);
    }

    /// The calls so far.
    #[must_use]
    pub fn snapshot(&self) -> Vec<CallTiming> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An answer, whole and bounded.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Header names (lower case) and values that are text.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// A header's value by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Decodes the body, naming the path of the first surprise.
    ///
    /// # Errors
    /// [`CallError::Decode`] where the body is not JSON or not of this shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        let mut decoder = serde_json::Deserializer::from_slice(&self.body);
        let value = serde_path_to_error::deserialize(&mut decoder).map_err(|error| CallError::Decode {
            path: error.path().to_string(),
            message: error.inner().to_string(),
        })?;
        decoder.end().map_err(|error| CallError::Decode { path: ".".into(), message: error.to_string() })?;
        Ok(value)
    }

    pub(super) fn require_success(self) -> Result<Self, CallError> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let cut = &self.body[..self.body.len().min(MAX_ERROR_BODY_BYTES)];
        let retry_after = self.header("retry-after").and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        Err(CallError::Status { status: self.status, body: String::from_utf8_lossy(cut).into_owned(), retry_after })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_escapes_all_that_could_be_taken_for_its_own_marks() {
        let form = encode_form(&[("a b", "c&d=e+f"), ("é", "%/?"), ("", "")]);
        assert_eq!(form, "a%20b=c%26d%3De%2Bf&%C3%A9=%25%2F%3F&=");
    }

    #[test]
    fn a_call_shows_nothing_of_its_body() {
        let call = Call::get("x", ["x"]).form(&[("client_secret", "s3cret")]);
        assert!(!format!("{call:?}").contains("s3cret"));
    }
}

//! JSON bodies: bounded in length and time, strict, and refused with a pointer to what is wrong.
//!
//! Not JSON at all (duplicate keys and endless nesting included) is `malformed-body`; JSON of another shape than the
//! route's is `validation-failed`, so a client knows whether to mend its encoder or its data.

use super::{problem, state::State};
use crate::domain::{
    json_guard::{self, pointer},
    problem::{Problem, ProblemKind},
};
use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    body::{BodySize, BoxBody, MessageBody},
    dev::{Payload, ServiceResponse},
    http::{StatusCode, header::CONTENT_ENCODING},
    web::{self, Bytes, Data},
};
use bytes::BytesMut;
use futures_util::{StreamExt as _, future::LocalBoxFuture};
use serde::de::DeserializeOwned;
use std::{
    any::Any,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::timeout;

/// A JSON body of the shape `T`.
#[derive(Debug)]
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest for JsonBody<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = check_head(request);
        let mut bytes = Box::pin(Bytes::from_request(request, payload));
        let limit = request.app_data::<Data<State>>().map_or(Duration::MAX, |state| state.deadline);
        let request = request.clone();
        Box::pin(async move {
            checked?;
            let Ok(bytes) = timeout(limit, &mut bytes).await else { return Err(late(&request, bytes)) };
            parse(&bytes.map_err(|error| unreadable(&error))?).map(Self)
        })
    }
}

/// Left with a request whose body was given up on: its reader. Without one, actix would read a chunked body to its end
/// before it closes the connection, however long that takes; with one until the answer is sent, it closes at once.
struct GivenUp(#[expect(dead_code, reason = "only kept")] Box<dyn Any>);

fn late(request: &HttpRequest, reader: impl Any) -> Problem {
    give_up(request, reader);
    not_in_time()
}

pub(super) fn not_in_time() -> Problem {
    Problem::new(ProblemKind::MalformedBody, "The body did not arrive in time.")
}

pub(super) fn give_up(request: &HttpRequest, reader: impl Any) {
    request.extensions_mut().insert(GivenUp(Box::new(reader)));
}

/// An answer's body that ends the connection, where the request's was given up on.
pub(super) fn ending(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let given_up = response.request().extensions_mut().remove::<GivenUp>();
    match given_up {
        Some(reader) => response.map_body(|_, body| BoxBody::new(Last { body, _reader: reader })),
        None => response,
    }
}

/// The last body of a connection.
struct Last {
    body: BoxBody,
    _reader: GivenUp,
}

impl MessageBody for Last {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}

/// Refuses a body that does not say that it is JSON as it stands.
pub(super) fn check_json(request: &HttpRequest) -> Result<(), Problem> {
    let media_type = request.content_type();
    let json = media_type.eq_ignore_ascii_case("application/json")
        || media_type.len() > 5 && media_type[media_type.len() - 5..].eq_ignore_ascii_case("+json");
    if !json || is_coded(request) {
        return Err(Problem::new(
            ProblemKind::UnsupportedMediaType,
            "Send the body as application/json, without a content coding.",
        ));
    }
    Ok(())
}

/// The same of lines of JSON.
pub(super) fn check_lines(request: &HttpRequest) -> Result<(), Problem> {
    let media_type = request.content_type();
    let lines = ["application/x-ndjson", "application/ndjson", "application/jsonl"];
    if is_coded(request) || !lines.iter().any(|known| media_type.eq_ignore_ascii_case(known)) {
        return Err(Problem::new(
            ProblemKind::UnsupportedMediaType,
            "Send the body as application/x-ndjson, one JSON document a line, without a content coding.",
        ));
    }
    Ok(())
}

fn is_coded(request: &HttpRequest) -> bool {
    let encoding = request.headers().get(CONTENT_ENCODING);
    encoding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn check_head(request: &HttpRequest) -> Result<(), Problem> {
    check_json(request)?;
    check_length(request, request.app_data::<Data<State>>().map_or(usize::MAX, |state| state.max_body_bytes))
}

/// Refuses a body that says it is too large, before it is read.
pub(super) fn check_length(request: &HttpRequest, limit: usize) -> Result<(), Problem> {
    let declared = request.headers().get("content-length").and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) { Err(too_large()) } else { Ok(()) }
}

/// A body as it came, whatever it says it is.
pub(super) async fn raw(
    request: &HttpRequest,
    payload: web::Payload,
    limit: usize,
    within: Duration,
) -> Result<Bytes, Problem> {
    let mut body = BytesMut::new();
    read(request, payload, limit, within, |chunk| body.extend_from_slice(chunk)).await?;
    Ok(body.freeze())
}

/// Reads a body and keeps nothing of it. Fails as [`raw`] does, for who must not learn whether it was read.
pub(super) async fn discarded(
    request: &HttpRequest,
    payload: web::Payload,
    limit: usize,
    within: Duration,
) -> Result<(), Problem> {
    read(request, payload, limit, within, |_| {}).await
}

async fn read(
    request: &HttpRequest,
    mut payload: web::Payload,
    limit: usize,
    within: Duration,
    mut take: impl FnMut(&[u8]),
) -> Result<(), Problem> {
    let read = timeout(within, async {
        let mut length = 0;
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| unreadable(&error.into()))?;
            if chunk.len() > limit - length {
                return Err(too_large());
            }
            length += chunk.len();
            take(&chunk);
        }
        Ok(())
    });
    match read.await {
        Err(_) => Err(late(request, payload)),
        Ok(Err(problem)) => {
            give_up(request, payload);
            Err(problem)
        }
        Ok(Ok(())) => Ok(()),
    }
}

fn too_large() -> Problem {
    Problem::new(ProblemKind::BodyTooLarge, "The body is larger than this service reads.")
}

pub(super) fn unreadable(error: &actix_web::Error) -> Problem {
    match error.as_response_error().status_code() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        status if status.is_client_error() => {
            Problem::new(ProblemKind::MalformedBody, "The body ended early or cannot be read.")
        }
        _ => problem::internal().with_cause(error.to_string()),
    }
}

/// Parses a body strictly.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    json_guard::check(bytes).map_err(|fault| {
        Problem::new(ProblemKind::MalformedBody, "The body is not well-formed JSON.")
            .with_error(pointer(&fault.path), fault.message)
    })?;
    // Every body of ours is an object; as a list of its values, which serde would take as well, it is not documented.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(Problem::new(ProblemKind::ValidationFailed, "The body is JSON, but not what this route takes.")
            .with_error("", "must be a JSON object"));
    }
    let mut decoder = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut decoder).map_err(|error| {
        Problem::new(ProblemKind::ValidationFailed, "The body is JSON, but not what this route takes.")
            .with_error(pointer(error.path()), without_position(&error.inner().to_string()))
    })
}

/// serde_json's own text without the line and column, which mean nothing to who builds the body in code.
fn without_position(message: &str) -> &str {
    message.rfind(" at line ").map_or(message, |end| &message[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[serde(rename = "a/b")]
        #[expect(dead_code, reason = "only parsed")]
        list: Vec<u8>,
    }

    fn refused(text: &str) -> (ProblemKind, String) {
        let problem = parse::<Body>(text.as_bytes()).unwrap_err();
        (problem.kind, problem.errors[0].pointer.clone())
    }

    #[test]
    fn another_shape_is_pointed_at() {
        assert!(parse::<Body>(br#"{"a/b":[1]}"#).is_ok());
        assert_eq!(refused(r#"{"a/b":[1,"x"]}"#), (ProblemKind::ValidationFailed, "/a~1b/1".to_owned()));
        for other in ["[]", "[[1]]", "null", "7", " \n[[1]]"] {
            assert_eq!(refused(other), (ProblemKind::ValidationFailed, String::new()), "{other}");
        }
        assert_eq!(refused(r#"{"a/b":[],"c":1}"#).0, ProblemKind::ValidationFailed);
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        for text in ["", "{", "{}x", "\u{feff}{}", r#"{"a":1,"a":2}"#, r#"{"a":{"b":1,"b":1}}"#, "nul", "1e999", &deep]
        {
            assert_eq!(refused(text).0, ProblemKind::MalformedBody, "{text}");
        }
        assert!(matches!(parse::<Body>(b"\"\xff\""), Err(problem) if problem.kind == ProblemKind::MalformedBody));
    }

    #[test]
    fn a_duplicate_key_is_found_where_it_stands() {
        assert!(refused(r#"{"x":{"a":1,"a":2}}"#).1.starts_with("/x"));
    }
}

//! From an answer of the service to a response: conditional, encoded, with the headers that say how it came about.

use super::{
    coder::Coder,
    conditional::{cache_status, not_modified, server_timing},
    encoding::{self, Choice},
    problem,
};
use crate::{
    domain::problem::{Problem, ProblemKind},
    profiles::{Encoding, Rendered, Served},
    upstream::CallTiming,
};
use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{
            AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LAST_MODIFIED, VARY,
        },
    },
    web,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use serde::Serialize;
use std::{io, sync::Arc};

/// The media type of nearly everything.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// RFC 9211.
pub(super) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// Upstream calls of this very answer.
pub(super) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Bodies larger than this are compressed off the worker, which has other requests to serve.
const INLINE_BYTES: usize = 64 * 1024;

/// How a profile is answered.
#[derive(Clone, Copy)]
enum Form {
    /// The client has it.
    NotModified,
    Plain,
    Coded(Encoding),
}

impl Form {
    fn of(request: &HttpRequest, document: &Rendered) -> Result<Self, Problem> {
        if not_modified(request.headers(), &document.etag, document.modified_at) {
            return Ok(Self::NotModified);
        }
        Ok(choose(request, document.body.len())?.map_or(Self::Plain, Self::Coded))
    }

    /// The coding that a large document lacks as yet.
    fn missing(self, document: &Rendered) -> Option<Encoding> {
        match self {
            Self::Coded(coding) if document.body.len() > INLINE_BYTES => {
                document.encoded[coding as usize].get().is_none().then_some(coding)
            }
            Self::Coded(_) | Self::NotModified | Self::Plain => None,
        }
    }
}

/// A profile: 304 where the client has it, else the bytes in the coding it likes best.
pub(super) async fn profile(request: &HttpRequest, served: &Served) -> Result<HttpResponse, Problem> {
    let form = Form::of(request, &served.document)?;
    if let Some(coding) = form.missing(&served.document) {
        let document = Arc::clone(&served.document);
        let made = web::block(move || encoding::encoded(&document, coding)).await;
        made.map_err(|error| problem::internal().with_cause(error.to_string()))?;
    }
    profile_as(form, served)
}

/// The same without waiting; `None` where there is something to compress that a worker has no time for.
pub(super) fn profile_at_once(request: &HttpRequest, served: &Served) -> Option<Result<HttpResponse, Problem>> {
    match Form::of(request, &served.document) {
        Ok(form) if form.missing(&served.document).is_some() => None,
        Ok(form) => Some(profile_as(form, served)),
        Err(problem) => Some(Err(problem)),
    }
}

fn profile_as(form: Form, served: &Served) -> Result<HttpResponse, Problem> {
    let document = &*served.document;
    let modified = !matches!(form, Form::NotModified);
    let mut response = HttpResponse::build(if modified { StatusCode::OK } else { StatusCode::NOT_MODIFIED });
    response
        .insert_header((ETAG, shared(&document.etag)?))
        .insert_header((LAST_MODIFIED, shared(&document.last_modified)?))
        .insert_header((CACHE_CONTROL, shared(&document.cache_control)?))
        .insert_header((AGE, served.age.as_secs()))
        .insert_header((CACHE_STATUS, cache_status(served.cache, served.ttl_seconds)))
        .insert_header((VARY, HeaderValue::from_static("Accept-Encoding")));
    add_timing(&mut response, &served.timings);
    if modified {
        response.insert_header((CONTENT_TYPE, JSON));
    }
    Ok(match form {
        Form::NotModified => response.finish(),
        Form::Plain => response.body(document.body.clone()),
        Form::Coded(coding) => coded_body(&mut response, coding, encoding::encoded(document, coding)),
    })
}

/// Any other JSON answer. It is made for this request: nothing may keep it unasked.
pub(super) async fn json(
    request: &HttpRequest,
    value: &impl Serialize,
    timings: &[CallTiming],
) -> Result<HttpResponse, Problem> {
    let body = serde_json::to_vec(value).map_err(|error| problem::internal().with_cause(error.to_string()))?;
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, HeaderValue::from_static("private, no-cache")));
    add_timing(&mut response, timings);
    bytes(request, response, JSON, Bytes::from(body)).await
}

/// A JSON answer to a change: it tells of a moment that is over, so nothing keeps it.
pub(super) async fn written(
    request: &HttpRequest,
    status: StatusCode,
    value: &impl Serialize,
) -> Result<HttpResponse, Problem> {
    let body = serde_json::to_vec(value).map_err(|error| problem::internal().with_cause(error.to_string()))?;
    let mut response = HttpResponse::build(status);
    response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    bytes(request, response, JSON, Bytes::from(body)).await
}

/// Bytes under headers already chosen.
pub(super) async fn bytes(
    request: &HttpRequest,
    mut response: HttpResponseBuilder,
    content_type: HeaderValue,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    response.insert_header((VARY, HeaderValue::from_static("Accept-Encoding")));
    response.insert_header((CONTENT_TYPE, content_type));
    let Some(coding) = choose(request, body.len())? else { return Ok(response.body(body)) };
    let coded = if body.len() <= INLINE_BYTES {
        encoding::compress(&body, coding)
    } else {
        let made = web::block(move || encoding::compress(&body, coding)).await;
        made.map_err(|error| problem::internal().with_cause(error.to_string()))?
    };
    Ok(coded_body(&mut response, coding, coded))
}

/// A body of at least `length` bytes that is made as it is sent: nothing keeps it whole, in a coding or without.
pub(super) fn pieces(
    request: &HttpRequest,
    mut response: HttpResponseBuilder,
    content_type: HeaderValue,
    length: usize,
    pieces: impl Iterator<Item = Bytes> + Send + 'static,
) -> Result<HttpResponse, Problem> {
    response.insert_header((VARY, HeaderValue::from_static("Accept-Encoding")));
    response.insert_header((CONTENT_TYPE, content_type));
    let Some(coding) = choose(request, length)? else {
        return Ok(response.streaming(stream::iter(pieces).map(io::Result::Ok)));
    };
    let coder = Coder::new(coding).map_err(|error| problem::internal().with_cause(error.to_string()))?;
    response.insert_header((CONTENT_ENCODING, HeaderValue::from_static(encoding::name(coding))));
    Ok(response.streaming(coded_pieces(pieces, coder)))
}

/// Pieces made and coded off the worker, one at a time as the client takes them.
fn coded_pieces(
    pieces: impl Iterator<Item = Bytes> + Send + 'static,
    coder: Coder,
) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold(Some((pieces, coder)), async |state| {
        let Some((mut pieces, mut coder)) = state else { return Ok(None) };
        let made = web::block(move || match pieces.next() {
            Some(piece) => coder.push(&piece).map(|coded| (coded, Some((pieces, coder)))),
            None => coder.finish().map(|coded| (coded, None)),
        });
        made.await.map_err(io::Error::other)?.map(Some)
    })
}

fn coded_body(response: &mut HttpResponseBuilder, coding: Encoding, body: Bytes) -> HttpResponse {
    response.insert_header((CONTENT_ENCODING, HeaderValue::from_static(encoding::name(coding)))).body(body)
}

/// The coding for a body of this length; `None` is as it is.
fn choose(request: &HttpRequest, length: usize) -> Result<Option<Encoding>, Problem> {
    match encoding::choose(request.headers(), length) {
        Choice::Identity => Ok(None),
        Choice::Coded(coding) => Ok(Some(coding)),
        Choice::None => Err(Problem::new(
            ProblemKind::NotAcceptable,
            "No content coding offered (br, zstd, gzip, identity) is acceptable.",
        )),
    }
}

/// Refuses a request that no coding of an answer would be acceptable to, before it does anything.
pub(super) fn require_acceptable(request: &HttpRequest) -> Result<(), Problem> {
    choose(request, usize::MAX).map(drop)
}

fn add_timing(response: &mut HttpResponseBuilder, timings: &[CallTiming]) {
    if let Some(text) = server_timing(timings) {
        response.insert_header((SERVER_TIMING, text));
    }
}

fn shared(bytes: &Bytes) -> Result<HeaderValue, Problem> {
    HeaderValue::from_maybe_shared(bytes.clone())
        .map_err(|_| problem::internal().with_cause("a rendered header holds control characters"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profiles::CacheResult;
    use actix_web::{body::MessageBody as _, test::TestRequest};
    use std::{sync::OnceLock, time::Duration};

    fn served(length: usize) -> Served {
        let document = Arc::new(Rendered {
            body: Bytes::from("word ".repeat(length / 5)),
            etag: Bytes::from_static(b"W/\"abc\""),
            last_modified: Bytes::from_static(b"Sun, 22 Nov 2026 08:00:00 GMT"),
            modified_at: "2026-11-22T08:00:00Z".parse().unwrap(),
            cache_control: Bytes::from_static(b"private"),
            encoded: [OnceLock::new(), OnceLock::new(), OnceLock::new()],
        });
        Served { document, cache: CacheResult::Hit, age: Duration::ZERO, ttl_seconds: 1, timings: Vec::new() }
    }

    #[actix_web::test]
    async fn a_large_document_is_compressed_off_the_worker_and_once() {
        let asking = |name: &str, value: &str| TestRequest::default().insert_header((name, value)).to_http_request();
        let (coded, plain) = (asking("accept-encoding", "br"), asking("accept-encoding", "identity"));
        let large = served(2 * INLINE_BYTES);
        assert!(profile_at_once(&coded, &large).is_none(), "not at once");
        assert!(large.document.encoded.iter().all(|made| made.get().is_none()), "nor in passing");
        assert!(profile_at_once(&plain, &large).is_some());
        assert!(profile_at_once(&asking("if-none-match", "W/\"abc\""), &large).is_some());
        let first = profile(&coded, &large).await.unwrap();
        let again = profile_at_once(&coded, &large).expect("made by now").unwrap();
        let made = large.document.encoded[Encoding::Brotli as usize].get().unwrap();
        assert_eq!(first.into_body().try_into_bytes().unwrap(), made);
        assert_eq!(again.into_body().try_into_bytes().unwrap(), made);
        assert!(profile_at_once(&coded, &served(INLINE_BYTES)).is_some(), "a small one is");
    }
}

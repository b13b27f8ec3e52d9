//! From an answer of the service to a response: conditional, encoded, with the headers that say how it came about.

use super::{
    coder::Coder,
    conditional::{cache_status, not_modified, server_timing},
    encoding::{self, Choice},
    problem,
};
use crate::{
    domain::problem::{Problem, ProblemKind},
    profiles::{Encoding, Served},
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
use std::io;

/// The media type of nearly everything.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// RFC 9211.
pub(super) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// Upstream calls of this very answer.
pub(super) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Bodies larger than this are compressed off the worker, which has other requests to serve.
const INLINE_BYTES: usize = 64 * 1024;

/// A profile: 304 where the client has it, else the bytes in the coding it likes best.
pub(super) fn profile(request: &HttpRequest, served: &Served) -> Result<HttpResponse, Problem> {
    let document = &*served.document;
    let (status, coding) = if not_modified(request.headers(), &document.etag, document.modified_at) {
        (StatusCode::NOT_MODIFIED, None)
    } else {
        (StatusCode::OK, choose(request, document.body.len())?)
    };
    let mut response = HttpResponse::build(status);
    response
        .insert_header((ETAG, shared(&document.etag)?))
        .insert_header((LAST_MODIFIED, shared(&document.last_modified)?))
        .insert_header((CACHE_CONTROL, shared(&document.cache_control)?))
        .insert_header((AGE, served.age.as_secs()))
        .insert_header((CACHE_STATUS, cache_status(served.cache, served.ttl_seconds)))
        .insert_header((VARY, HeaderValue::from_static("Accept-Encoding")));
    add_timing(&mut response, &served.timings);
    if status == StatusCode::NOT_MODIFIED {
        return Ok(response.finish());
    }
    response.insert_header((CONTENT_TYPE, JSON));
    Ok(match coding {
        None => response.body(document.body.clone()),
        Some(coding) => coded_body(&mut response, coding, encoding::encoded(document, coding)),
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

fn add_timing(response: &mut HttpResponseBuilder, timings: &[CallTiming]) {
    if let Some(text) = server_timing(timings) {
        response.insert_header((SERVER_TIMING, text));
    }
}

fn shared(bytes: &Bytes) -> Result<HeaderValue, Problem> {
    HeaderValue::from_maybe_shared(bytes.clone())
        .map_err(|_| problem::internal().with_cause("a rendered header holds control characters"))
}

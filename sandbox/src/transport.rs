//! The wire: reads a request with a bounded body, waits where latency was injected, and delivers the answer - slowly,
//! in part, broken or not at all, if a fault says so. All knowledge of the web framework is here and in `server.rs`.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};

use crate::control;
use crate::dispatch::{self, Met};
use crate::faults::FaultAction;
use crate::server::Shared;
use crate::wire::{Reply, Request, parse_query, segments};

const BODY_MAX: usize = 4 * 1024 * 1024;
const HUGE_CHUNK: u64 = 16 * 1024;

/// A second handle on a client's socket, so that a fault can make its closing a reset.
#[derive(Debug)]
pub(crate) struct Socket(pub(crate) TcpStream);

/// Every request of every product comes through here.
pub(crate) async fn serve(http: HttpRequest, payload: web::Payload, shared: web::Data<Shared>) -> HttpResponse {
    let Some(body) = read_body(payload).await else {
        return HttpResponse::PayloadTooLarge().finish();
    };
    let request = read(&http, body);
    if request.segments.first().is_some_and(|first| first == control::PREFIX) {
        return respond(control::answer(&mut shared.lock(), &request));
    }
    let met = dispatch::arrive(&mut shared.lock(), &request);
    if !met.verdict.latency.is_zero() {
        tokio::time::sleep(met.verdict.latency).await;
    }
    if met.verdict.action == Some(FaultAction::Hang) {
        std::future::pending::<()>().await;
    }
    if let Some(FaultAction::LateApply { delay }) = met.verdict.action {
        apply_later(shared, request, met, delay);
        return HttpResponse::Ok().streaming(cut_off(Bytes::new()));
    }
    let reply = dispatch::execute(&mut shared.lock(), &request, &met);
    if let Some(FaultAction::SlowAnswer { delay }) = met.verdict.action {
        tokio::time::sleep(delay).await;
    }
    deliver(&http, reply, met.verdict.action)
}

/// Carries a request out whose caller is gone, unless everything began anew meanwhile.
fn apply_later(shared: web::Data<Shared>, request: Request, met: Met, delay: Duration) {
    let life = shared.lock().resets;
    actix_web::rt::spawn(async move {
        tokio::time::sleep(delay).await;
        let mut state = shared.lock();
        if state.resets == life {
            dispatch::execute(&mut state, &request, &met);
        }
    });
}

async fn read_body(mut payload: web::Payload) -> Option<Bytes> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.ok()?;
        if body.len() + chunk.len() > BODY_MAX {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some(body.freeze())
}

fn read(http: &HttpRequest, body: Bytes) -> Request {
    let header = |name: &str| http.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let path = http.uri().path();
    Request {
        method: http.method().as_str().to_owned(),
        path: path.to_owned(),
        segments: segments(path),
        query: parse_query(http.uri().query().unwrap_or_default()),
        version: header("version"),
        authorization: header("authorization"),
        accept: header("accept").unwrap_or_default(),
        content_type: header("content-type").unwrap_or_default(),
        body,
        peer: http.peer_addr().map(|peer| peer.ip()),
    }
}

fn deliver(http: &HttpRequest, reply: Reply, action: Option<FaultAction>) -> HttpResponse {
    match action {
        Some(FaultAction::Reset) => {
            if let Some(socket) = http.conn_data::<Socket>() {
                reset_on_close(socket);
            }
            head(&reply).streaming(cut_off(Bytes::new()))
        }
        Some(FaultAction::AppliedButLost) => head(&reply).streaming(cut_off(Bytes::new())),
        Some(FaultAction::TruncatedBody) => {
            let half = reply.body.slice(..reply.body.len() / 2);
            head(&reply).body(SizedStream::new(reply.body.len() as u64, cut_off(half)))
        }
        Some(FaultAction::SlowBody { chunk_bytes, delay }) => {
            let length = reply.body.len() as u64;
            head(&reply).body(SizedStream::new(length, slowly(reply.body, chunk_bytes.max(1), delay)))
        }
        Some(FaultAction::EmptyBody) => head(&reply).finish(),
        Some(FaultAction::HugeBody { bytes }) => head(&reply).streaming(huge(bytes)),
        Some(FaultAction::Malformed) => {
            let mut broken = reply.body.slice(..reply.body.len() / 2).to_vec();
            broken.extend_from_slice(b"\"}},,]");
            head(&reply).body(broken)
        }
        _ => respond(reply),
    }
}

fn respond(reply: Reply) -> HttpResponse {
    head(&reply).body(reply.body)
}

fn head(reply: &Reply) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(StatusCode::from_u16(reply.status).unwrap_or(StatusCode::BAD_GATEWAY));
    let headers = reply.headers.iter().map(|(name, value)| (*name, value.as_str()));
    for (name, value) in headers.chain([("content-type", reply.content_type.as_str())]) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            builder.insert_header((name, value));
        }
    }
    builder
}

/// What there is, then a broken connection. With nothing at all, not even the head is sent.
fn cut_off(part: Bytes) -> impl Stream<Item = io::Result<Bytes>> {
    let something = !part.is_empty();
    let first = something.then_some(Ok(part));
    let last = async move {
        if something {
            // Yielding lets the head and the part leave before the connection goes.
            tokio::task::yield_now().await;
        }
        Err(io::Error::from(io::ErrorKind::ConnectionAborted))
    };
    stream::iter(first).chain(stream::once(last).boxed_local())
}

fn slowly(body: Bytes, chunk_bytes: usize, delay: Duration) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold(body, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(delay).await;
        let chunk = rest.split_to(chunk_bytes.min(rest.len()));
        Some((Ok(chunk), rest))
    })
}

fn huge(bytes: u64) -> impl Stream<Item = io::Result<Bytes>> {
    let opening = Bytes::from_static(b"{\"contact\":{\"id\":\"");
    let filling = Bytes::from(vec![b'a'; usize::try_from(HUGE_CHUNK).unwrap_or(0)]);
    let rest = stream::unfold(bytes, move |left| {
        let size = left.min(HUGE_CHUNK);
        let chunk = filling.slice(..usize::try_from(size).unwrap_or(0));
        std::future::ready((left > 0).then(|| (Ok(chunk), left - size)))
    });
    stream::once(std::future::ready(Ok(opening))).chain(rest)
}

/// With a linger of zero, closing the socket sends RST in place of FIN.
fn reset_on_close(socket: &Socket) {
    let again = socket.0.try_clone().and_then(tokio::net::TcpStream::from_std);
    if let Err(error) = again.and_then(|stream| stream.set_zero_linger()) {
        tracing::debug!(%error, "a reset will look like a plain close");
    }
}

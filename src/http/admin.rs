//! The admin port: probes with detail, metrics, and what changes things, which loopback peers or an `admin` key
//! for all locations may do.

use super::{
    caller::{Admin, Permission as _},
    host,
    keys::Identity,
    routes,
    state::State,
};
use crate::domain::problem::{Problem, ProblemKind};
use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderMap, ORIGIN},
    post,
    web::{Data, ServiceConfig},
};
use serde::Serialize;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Registers the admin port's routes.
pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(routes::livez)
        .service(routes::readyz_detailed)
        .service(routes::startupz)
        .service(get_metrics)
        .service(flush_cache);
}

/// The metrics: OpenMetrics for those who ask for it, else Prometheus' text format.
#[get("/metrics")]
async fn get_metrics(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store"));
    if accept.contains("application/openmetrics-text") {
        response.insert_header((CONTENT_TYPE, OPENMETRICS)).body(state.metrics.render())
    } else {
        response.insert_header((CONTENT_TYPE, PLAIN_TEXT)).body(state.metrics.render_text())
    }
}

#[derive(Debug, Serialize)]
struct Flushed {
    /// Entries that went.
    entries: u64,
}

/// Empties the caches.
#[post("/admin/cache/flush")]
async fn flush_cache(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    require_admin(&request, &state)?;
    let entries = state.api.flush_caches();
    tracing::info!(entries, "caches flushed by request");
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(Flushed { entries }))
}

/// A loopback peer, or a key with the role `admin` for all locations.
fn require_admin(request: &HttpRequest, state: &State) -> Result<(), Problem> {
    let from_here = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    if from_here && direct(request.headers()) {
        return Ok(());
    }
    match state.keys.identify(request.headers())? {
        identity @ Identity::Key(_) if may_change_all(state, &identity) => Ok(()),
        Identity::Anonymous | Identity::Key(_) | Identity::Token(_) => Err(Problem::new(
            ProblemKind::Forbidden,
            "This answers loopback peers and keys with the role 'admin' for all locations only.",
        )),
    }
}

/// What is changed here is changed for every location, so a key of some of them may not.
fn may_change_all(state: &State, identity: &Identity) -> bool {
    state.keys.may(identity, Admin::ROLE) && state.keys.locations(identity).is_none()
}

/// Whether a request from loopback is that peer's own: neither passed on by a proxy nor sent by a page in a browser.
fn direct(headers: &HeaderMap) -> bool {
    let passed_on = ["forwarded", "x-forwarded-for", "x-real-ip"].iter().any(|name| headers.contains_key(*name));
    let own_host = headers.get(HOST).and_then(|value| value.to_str().ok()).is_some_and(host::names_loopback);
    !passed_on && own_host && !headers.contains_key(ORIGIN)
}

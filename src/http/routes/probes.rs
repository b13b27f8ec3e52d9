//! Liveness, readiness, start-up. None of them calls an upstream: with GHL down the service serves what it has.

use super::super::{
    api::Component,
    lifecycle::{Lifecycle, Phase},
    state::State,
};
use actix_web::{
    HttpResponse, get,
    http::{StatusCode, header::CACHE_CONTROL},
    web::Data,
};
use serde::Serialize;
use utoipa::ToSchema;

/// A probe's answer without detail.
#[derive(Debug, Serialize, ToSchema)]
struct Probe {
    /// `live`, `starting`, `ready`, `draining` or `stopping`.
    #[schema(example = "ready")]
    state: &'static str,
}

/// A probe's answer with detail, on the admin port.
#[derive(Debug, Serialize)]
struct ReadinessDetail {
    state: &'static str,
    components: Vec<Component>,
}

fn answer(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    HttpResponse::build(status).insert_header((CACHE_CONTROL, "no-store")).json(body)
}

fn ready_status(lifecycle: &Lifecycle) -> StatusCode {
    match lifecycle.phase() {
        Phase::Ready => StatusCode::OK,
        Phase::Starting | Phase::Draining | Phase::Stopping => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Whether the process lives
///
/// Answers as long as requests are handled at all.
#[utoipa::path(
    tag = "service",
    security(()),
    responses((status = 200, description = "It lives", body = Probe))
)]
#[get("/livez")]
pub(in super::super) async fn livez() -> HttpResponse {
    answer(StatusCode::OK, &Probe { state: "live" })
}

/// Whether to send requests here
///
/// Not while starting, and not after the order to stop.
#[utoipa::path(
    tag = "service",
    security(()),
    responses(
        (status = 200, description = "Ready", body = Probe),
        (status = 503, description = "Starting, draining or stopping", body = Probe),
    )
)]
#[get("/readyz")]
pub(super) async fn readyz(state: Data<State>) -> HttpResponse {
    answer(ready_status(&state.lifecycle), &Probe { state: state.lifecycle.phase().as_str() })
}

/// The same with the state of each part, for the admin port.
#[get("/readyz")]
pub(in super::super) async fn readyz_detailed(state: Data<State>) -> HttpResponse {
    let body = ReadinessDetail { state: state.lifecycle.phase().as_str(), components: state.api.components() };
    answer(ready_status(&state.lifecycle), &body)
}

/// Whether the start is over.
#[get("/startupz")]
pub(in super::super) async fn startupz(state: Data<State>) -> HttpResponse {
    let phase = state.lifecycle.phase();
    let status = if phase == Phase::Starting { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    answer(status, &Probe { state: phase.as_str() })
}

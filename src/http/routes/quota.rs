//! What a location may spend at GHL, what was spent, and on what.

use super::super::{
    caller::{Caller, Read},
    params::InPath,
    respond,
};
use crate::domain::{
    ids::LocationId,
    problem::{Problem, ProblemKind},
    quota::QuotaReport,
};
use actix_web::{HttpRequest, HttpResponse, get};
use utoipa::IntoParams;

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "documents the parameter; InPath parses it")]
struct LocationPath {
    /// The location (sub-account).
    #[param(rename = "locationId", value_type = LocationId, example = "sandboxLocation00001")]
    location_id: LocationId,
}

/// The quota ledger of a location
///
/// GHL's burst window and its day: limit, used, left, reset; spend by lane and endpoint, calls that the cache saved, and
/// when the day runs out at the present rate. Asking costs no call.
#[utoipa::path(
    tag = "locations",
    params(LocationPath),
    responses((status = 200, description = "The ledger", body = QuotaReport))
)]
#[get("/v1/locations/{locationId}/quota")]
pub(super) async fn get_quota(
    request: HttpRequest,
    caller: Caller<Read>,
    InPath(location): InPath<LocationId>,
) -> Result<HttpResponse, Problem> {
    let location = caller.location(Some(location))?;
    let quota = caller.writes().quota(&location);
    let quota = quota.ok_or_else(|| Problem::new(ProblemKind::NotFound, "No account is kept of that location."))?;
    respond::json(&request, &quota, &[]).await
}

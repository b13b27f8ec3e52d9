//! Forgetting what is held here of a contact or a location. GHL keeps what it has.

use super::super::{
    caller::{Admin, Caller},
    params::{Asked, InPath, LocationQuery},
    respond,
};
use crate::domain::{
    erasure::{ErasureScope, PurgeReceipt},
    ids::{ContactId, LocationId},
    problem::Problem,
};
use actix_web::{HttpRequest, HttpResponse, delete, http::StatusCode};
use utoipa::IntoParams;

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "documents the parameter; InPath parses it")]
struct ContactPath {
    /// The contact that is to be forgotten.
    #[param(rename = "contactId", value_type = ContactId, example = "IdOfAContactToForget")]
    contact_id: ContactId,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "documents the parameter; InPath parses it")]
struct LocationPath {
    /// The location (sub-account) that is to be forgotten.
    #[param(rename = "locationId", value_type = LocationId, example = "IdOfALocationToLeave")]
    location_id: LocationId,
}

/// Forget a contact
///
/// Everything held here of it goes: its profile, what was written to it, answers kept for idempotency keys, payloads of the
/// log and of events. Writes that wait are cancelled. GHL keeps the contact: a later read shows it again. The log keeps
/// ids, kinds and times, and a line that says so. Answered once nothing is left; where it fails, repeat it.
#[utoipa::path(
    tag = "deletion",
    params(ContactPath, LocationQuery),
    responses((status = 200, description = "The receipt", body = PurgeReceipt))
)]
#[delete("/v1/contacts/{contactId}/data")]
pub(super) async fn purge_contact(
    request: HttpRequest,
    caller: Caller<Admin>,
    InPath(contact): InPath<ContactId>,
    Asked(asked): Asked<LocationQuery>,
) -> Result<HttpResponse, Problem> {
    let location = caller.location(asked.location_id)?;
    answer(&request, &caller, ErasureScope { location, contact: Some(contact) }).await
}

/// Disconnect and forget a location
///
/// Its tokens go first, then everything held of it and of all its contacts, as when a contact is forgotten. A location of a
/// private token is connected by the settings: it stays so, and a later read holds something again.
#[utoipa::path(
    tag = "deletion",
    params(LocationPath),
    responses((status = 200, description = "The receipt", body = PurgeReceipt))
)]
#[delete("/v1/locations/{locationId}")]
pub(super) async fn purge_location(
    request: HttpRequest,
    caller: Caller<Admin>,
    InPath(location): InPath<LocationId>,
) -> Result<HttpResponse, Problem> {
    let location = caller.location(Some(location))?;
    answer(&request, &caller, ErasureScope { location, contact: None }).await
}

async fn answer(request: &HttpRequest, caller: &Caller<Admin>, scope: ErasureScope) -> Result<HttpResponse, Problem> {
    // What is forgotten must not then fail to be told.
    respond::require_acceptable(request)?;
    let receipt = caller.purging().purge(scope, caller.requester(request)).await?;
    respond::written(request, StatusCode::OK, &receipt).await
}

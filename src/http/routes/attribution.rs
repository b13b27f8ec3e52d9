//! Data credits.

use super::super::{
    api::Credit,
    caller::{Caller, ReadContact},
    respond,
};
use crate::domain::problem::Problem;
use actix_web::{HttpRequest, HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

/// Credits, as served.
#[derive(Debug, Serialize, ToSchema)]
struct Attributions {
    /// One a source of data in use.
    items: Vec<Credit>,
}

/// Credits for the data in use
///
/// What the licences of the configured sources ask to be shown where their data is.
#[utoipa::path(
    tag = "service",
    responses((status = 200, description = "The credits", body = Attributions))
)]
#[get("/v1/attribution")]
pub(super) async fn get_attribution(
    request: HttpRequest,
    caller: Caller<ReadContact>,
) -> Result<HttpResponse, Problem> {
    respond::json(&request, &Attributions { items: caller.api().attribution() }, &[]).await
}

//! Locations: how each is served, and giving one up.

use super::{
    super::{
        caller::{Caller, Read},
        connect_api::{CompanyDocument, LocationDocument},
        cursor,
        params::{Asked, FromQuery, InPath, Pairs},
        respond,
    },
    listing::DEFAULT_LIMIT,
};
use crate::domain::{
    ids::LocationId,
    problem::{Problem, ProblemKind},
};
use actix_web::{HttpRequest, HttpResponse, get};
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "documents the parameter; InPath parses it")]
struct LocationPath {
    /// The location (sub-account).
    #[param(rename = "locationId", value_type = LocationId, example = "sandboxLocation00001")]
    location_id: LocationId,
}

/// What a caller asks of the list of locations.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LocationsQuery {
    /// Locations a page, 50 where it is not given.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: u32,
    /// `nextCursor` of the page before.
    #[param(value_type = Option<String>, max_length = 1024, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

impl FromQuery for LocationsQuery {
    fn from_query(query: &Pairs) -> Result<Self, Problem> {
        Ok(Self { limit: query.limit()?.unwrap_or(DEFAULT_LIMIT), cursor: query.cursor()? })
    }
}

/// A page of locations.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Locations {
    /// The locations of this page, by id.
    items: Vec<LocationDocument>,
    /// The agencies, on the first page, for a key that may see all locations.
    #[serde(skip_serializing_if = "Option::is_none")]
    companies: Option<Vec<CompanyDocument>>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

const LISTING: &str = "locations";

/// Locations
///
/// Those that the key may see and that there are tokens for, or were: how each is served, what its tokens may do and until
/// when. Asking costs no call.
#[utoipa::path(
    tag = "locations",
    params(LocationsQuery),
    responses((status = 200, description = "One page", body = Locations,
        links(("nextPage" = (operation_id = "list_locations", parameters(("cursor" = "$response.body#/nextCursor")))))))
)]
#[get("/v1/locations")]
pub(super) async fn list_locations(
    request: HttpRequest,
    caller: Caller<Read>,
    Asked(asked): Asked<LocationsQuery>,
) -> Result<HttpResponse, Problem> {
    let after = asked.cursor.as_deref().map(|cursor| cursor::read(LISTING, cursor)).transpose()?;
    let after = after.as_ref().map(|at| at.as_str().ok_or_else(cursor::refusal)).transpose()?;
    let allowed = caller.allowed_locations();
    let mut items = caller.connect().locations();
    items.retain(|location| {
        let id = &location.location_id;
        allowed.as_ref().is_none_or(|allowed| allowed.contains(id)) && after.is_none_or(|after| id.as_str() > after)
    });
    let limit = asked.limit as usize;
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| more).map(|last| Value::from(last.location_id.as_str()));
    let next_cursor = last.map(|at| cursor::make(LISTING, at));
    let companies = (allowed.is_none() && after.is_none()).then(|| caller.connect().companies());
    respond::json(&request, &Locations { items, companies, next_cursor }, &[]).await
}

/// One location
///
/// How it is served, what its tokens may do and until when. Asking costs no call.
#[utoipa::path(
    tag = "locations",
    params(LocationPath),
    responses((status = 200, description = "The location", body = LocationDocument))
)]
#[get("/v1/locations/{locationId}")]
pub(super) async fn get_location(
    request: HttpRequest,
    caller: Caller<Read>,
    InPath(location): InPath<LocationId>,
) -> Result<HttpResponse, Problem> {
    let location = caller.location(Some(location))?;
    let found = caller.connect().locations().into_iter().find(|one| one.location_id == location);
    let missing = || Problem::new(ProblemKind::NotFound, "There are no tokens for that location, nor ever were.");
    respond::json(&request, &found.ok_or_else(missing)?, &[]).await
}

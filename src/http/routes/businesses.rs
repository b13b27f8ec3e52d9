//! Contacts of a business.

use super::{
    super::{
        api::Window,
        caller::{Caller, Read},
        cursor,
        params::{Asked, FromQuery, InPath, Pairs, parse_number},
        respond,
    },
    contacts::{DEFAULT_LIMIT, Page},
};
use crate::domain::{
    ids::{BusinessId, LocationId},
    problem::Problem,
};
use actix_web::{HttpRequest, HttpResponse, get};
use serde_json::Value;
use utoipa::IntoParams;

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "documents the parameter; InPath parses it")]
struct BusinessPath {
    /// GHL's id of the business.
    #[param(rename = "businessId", value_type = BusinessId, example = "63771dcac1116f0e21de8e12")]
    business_id: BusinessId,
}

/// What a caller asks of the listing.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct BusinessQuery {
    /// Contacts a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, example = 20)]
    limit: u32,
    /// `nextCursor` of the page before.
    #[param(value_type = Option<String>, max_length = 1024, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
    /// The location (sub-account). Without it: the key's only location, else the configured one.
    #[param(rename = "locationId", value_type = Option<LocationId>)]
    location_id: Option<LocationId>,
}

impl FromQuery for BusinessQuery {
    fn from_query(query: &Pairs) -> Result<Self, Problem> {
        Ok(Self {
            limit: query.get("limit", |text| parse_number(text, 1..=100))?.unwrap_or(DEFAULT_LIMIT),
            cursor: query.get("cursor", |text| Ok::<_, String>(text.to_owned()))?,
            location_id: query.location()?,
        })
    }
}

/// How many contacts come before the page that a cursor names.
fn skip(listing: &str, cursor: Option<&str>) -> Result<u32, Problem> {
    let Some(cursor) = cursor else { return Ok(0) };
    let skip = cursor::read(listing, cursor)?.as_u64().and_then(|skip| u32::try_from(skip).ok());
    skip.ok_or_else(|| Problem::parameter("cursor", "is none of this listing's; begin again without a cursor"))
}

/// Contacts of a business
///
/// Page by page. GHL addresses these pages by position, so a contact that comes or goes meanwhile shifts them.
#[utoipa::path(
    tag = "contacts",
    params(BusinessPath, BusinessQuery),
    responses((status = 200, description = "One page", body = Page,
        links(("nextPage" = (operation_id = "list_business_contacts", parameters(
            ("businessId" = "$request.path.businessId"), ("cursor" = "$response.body#/nextCursor")))))))
)]
#[get("/v1/businesses/{businessId}/contacts")]
pub(super) async fn list_business_contacts(
    request: HttpRequest,
    caller: Caller<Read>,
    InPath(business): InPath<BusinessId>,
    Asked(asked): Asked<BusinessQuery>,
) -> Result<HttpResponse, Problem> {
    let location = caller.location(asked.location_id)?;
    let listing = format!("business|{location}|{business}");
    let window = Window { limit: asked.limit, skip: skip(&listing, asked.cursor.as_deref())? };
    let context = caller.context(&request);
    let page = caller.api().business_contacts(&location, &business, window, &context).await?;
    // GHL counts positions by what it gave, whether or not we could pass it on.
    let end = u64::from(window.skip) + page.given as u64;
    let more = page.given >= window.limit as usize && page.total.is_none_or(|total| end < total);
    let next_cursor = more.then(|| cursor::make(&listing, Value::from(end)));
    let page = Page { items: page.contacts, total: page.total, next_cursor };
    respond::json(&request, &page, &context.timings.snapshot()).await
}

//! Contacts as GHL has them: listed, and one by one with their appointments.

mod changes;

pub(super) use changes::{create_contact, delete_contact, update_contact, upsert_contact};

use super::{
    super::{
        api::{ContactPage, ContactSearch},
        caller::{Caller, Read, ReadContact},
        cursor,
        params::{Asked, ContactPath, FromQuery, InPath, LocationQuery, Pairs, parse_number},
        respond,
    },
    Items,
};
use crate::domain::{
    appointment::Appointment,
    contact::Contact,
    ids::{ContactId, LocationId},
    problem::Problem,
};
use actix_web::{HttpRequest, HttpResponse, get};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

/// Contacts a page has where the request does not say.
pub(super) const DEFAULT_LIMIT: u32 = 20;
/// Longest free text that GHL's search takes.
pub(super) const MAX_QUERY_CHARS: usize = 75;

/// A page of contacts, as served.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    /// The contacts of this page.
    pub(super) items: Vec<Contact>,
    /// How many there are in all, where GHL says so.
    pub(super) total: Option<u64>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_cursor: Option<String>,
}

impl Page {
    /// A page of a search. Whether more follows is not to be seen from its length: some records may have been left out.
    pub(super) fn of_search(page: ContactPage, listing: &str) -> Self {
        let next_cursor = page.search_after.map(|after| cursor::make(listing, Value::Array(after)));
        Self { items: page.contacts, total: page.total, next_cursor }
    }
}

/// `searchAfter` out of a cursor: GHL's two scalars.
pub(super) fn search_after(listing: &str, cursor: Option<&str>) -> Result<Option<Vec<Value>>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    match cursor::read(listing, cursor)? {
        Value::Array(after) => Ok(Some(after)),
        _ => Err(Problem::parameter("cursor", "is none of this listing's; begin again without a cursor")),
    }
}

/// Free text within GHL's bounds.
pub(super) fn parse_query(text: &str) -> Result<String, String> {
    if text.chars().count() > MAX_QUERY_CHARS {
        return Err(format!("has at most {MAX_QUERY_CHARS} characters"));
    }
    if text.chars().any(char::is_control) {
        return Err("must not hold control characters".to_owned());
    }
    Ok(text.to_owned())
}

/// What a caller asks of a listing.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Contacts a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, example = 20)]
    limit: u32,
    /// Free text that name, e-mail address, phone or company must match; at most 75 characters.
    #[param(value_type = Option<String>, max_length = 75)]
    query: Option<String>,
    /// `nextCursor` of the page before.
    #[param(value_type = Option<String>, max_length = 1024, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
    /// The location (sub-account). Without it: the key's only location, else the configured one.
    #[param(rename = "locationId", value_type = Option<LocationId>)]
    location_id: Option<LocationId>,
}

impl FromQuery for ListQuery {
    fn from_query(query: &Pairs) -> Result<Self, Problem> {
        Ok(Self {
            limit: query.get("limit", |text| parse_number(text, 1..=100))?.unwrap_or(DEFAULT_LIMIT),
            query: query.get("query", parse_query)?.filter(|text| !text.is_empty()),
            cursor: query.get("cursor", |text| Ok::<_, String>(text.to_owned()))?,
            location_id: query.location()?,
        })
    }
}

/// Contacts of a location
///
/// Newest first, page by page, by way of GHL's search (its list endpoint is deprecated and mangles names). What was just
/// written may take GHL some ten seconds to appear here.
#[utoipa::path(
    tag = "contacts",
    params(ListQuery),
    responses((status = 200, description = "One page", body = Page,
        links(("nextPage" = (operation_id = "list_contacts", parameters(("cursor" = "$response.body#/nextCursor")))),
            ("getProfile" = (operation_id = "get_profile", parameters(("contactId" = "$response.body#/items/0/id")))))))
)]
#[get("/v1/contacts")]
pub(super) async fn list_contacts(
    request: HttpRequest,
    caller: Caller<Read>,
    Asked(asked): Asked<ListQuery>,
) -> Result<HttpResponse, Problem> {
    let location = caller.location(asked.location_id)?;
    let listing = format!("contacts|{location}|{}", asked.query.as_deref().unwrap_or_default());
    let search_after = search_after(&listing, asked.cursor.as_deref())?;
    // Without a sort GHL orders as it likes.
    let sort = vec![json!({"field": "dateAdded", "direction": "desc"})];
    let search = ContactSearch { query: asked.query, sort, limit: asked.limit, search_after, ..Default::default() };
    let context = caller.context(&request);
    let page = caller.api().search_contacts(&location, &search, &context).await?;
    respond::json(&request, &Page::of_search(page, &listing), &context.timings.snapshot()).await
}

/// A contact
///
/// As GHL has it now, in our spelling.
#[utoipa::path(
    tag = "contacts",
    params(ContactPath, LocationQuery),
    responses((status = 200, description = "The contact", body = Contact,
        links(("getProfile" = (operation_id = "get_profile", parameters(("contactId" = "$response.body#/id")))),
            ("listTasks" = (operation_id = "list_tasks", parameters(("contactId" = "$response.body#/id")))),
            ("listNotes" = (operation_id = "list_notes", parameters(("contactId" = "$response.body#/id")))))))
)]
#[get("/v1/contacts/{contactId}")]
pub(super) async fn get_contact(
    request: HttpRequest,
    caller: Caller<ReadContact>,
    InPath(contact): InPath<ContactId>,
    Asked(asked): Asked<LocationQuery>,
) -> Result<HttpResponse, Problem> {
    let location = caller.location_of(&contact, asked.location_id)?;
    let context = caller.context(&request);
    let contact = caller.api().contact(&location, &contact, &context).await?;
    respond::json(&request, &contact, &context.timings.snapshot()).await
}

/// Appointments of a contact
///
/// All of them: GHL has no paging here.
#[utoipa::path(
    tag = "contacts",
    params(ContactPath, LocationQuery),
    responses((status = 200, description = "The appointments", body = Items<Appointment>))
)]
#[get("/v1/contacts/{contactId}/appointments")]
pub(super) async fn list_appointments(
    request: HttpRequest,
    caller: Caller<ReadContact>,
    InPath(contact): InPath<ContactId>,
    Asked(asked): Asked<LocationQuery>,
) -> Result<HttpResponse, Problem> {
    let location = caller.location_of(&contact, asked.location_id)?;
    let context = caller.context(&request);
    let items = caller.api().appointments(&location, &contact, &context).await?;
    respond::json(&request, &Items { items }, &context.timings.snapshot()).await
}

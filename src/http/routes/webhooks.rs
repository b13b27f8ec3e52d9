//! GHL's webhooks: their way in, and what became of each.

use super::{
    super::{
        body,
        caller::{Admin, Caller},
        params::{Asked, FromQuery, InPath, Pairs},
        respond,
        state::State,
        webhook_api::Claims,
    },
    listing::{self, DEFAULT_LIMIT, Paged},
};
use crate::domain::{
    ids::{ContactId, LocationId, WebhookId},
    problem::Problem,
    webhook::{EventFate, EventFilter, WebhookEvent},
};
use actix_web::{
    HttpRequest, HttpResponse, get,
    http::{StatusCode, header::CACHE_CONTROL},
    post,
    web::{Data, Payload},
};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// Longest type that can be asked for, in bytes.
const MAX_TYPE_BYTES: usize = 64;

/// Taken.
#[derive(Debug, Serialize, ToSchema)]
struct Taken {}

/// GHL tells of a change
///
/// For GHL alone: the address to enter in the marketplace app. What bears GHL's signature (`X-GHL-Signature`, Ed25519 over
/// the body as it is) is stored, then answered 200; what cannot be stored is answered 429, after which GHL sends it again.
/// A `webhookId` that came before changes nothing. `GET /v1/webhooks/events` tells what became of it.
#[utoipa::path(
    tag = "webhooks",
    security(()),
    params(("X-GHL-Signature" = Option<String>, Header, description = "Ed25519 signature over the body, base64")),
    request_body(content = Object, description = "The event, as GHL sends it", content_type = "application/json"),
    responses((status = 200, description = "It is in the store", body = Taken))
)]
#[post("/webhooks/ghl")]
pub(super) async fn receive_webhook(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let claims = claims(&request);
    body::check_length(&request, state.max_webhook_bytes)?;
    state.webhooks.screen(&claims)?;
    let bytes = body::raw(&request, payload, state.max_webhook_bytes, state.deadline).await?;
    state.webhooks.accept(claims, bytes).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(Taken {}))
}

fn claims(request: &HttpRequest) -> Claims {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Claims { ed25519: text("x-ghl-signature"), rsa: text("x-wh-signature") }
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "documents the parameter; InPath parses it")]
struct EventPath {
    /// Id of the event.
    #[param(rename = "webhookId", value_type = WebhookId, example = "0f6d0c1e-6f3f-4b0e-9f0c-2a6c3d4e5f60")]
    webhook_id: WebhookId,
}

/// What a caller asks of the list of events.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventQuery {
    /// Only this location. Without it: all that the key may see.
    #[param(rename = "locationId", value_type = Option<LocationId>)]
    location_id: Option<LocationId>,
    /// Only this contact.
    #[param(rename = "contactId", value_type = Option<ContactId>)]
    contact_id: Option<ContactId>,
    /// Only this type, in GHL's word.
    #[param(rename = "type", value_type = Option<String>, max_length = 64)]
    kind: Option<String>,
    /// Only these fates; may be repeated, or be one list with commas.
    #[param(rename = "fate", value_type = Option<Vec<EventFate>>, style = Form, explode)]
    fates: Vec<EventFate>,
    /// Received not before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Received before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Events a page, 50 where it is not given.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: u32,
    /// `nextCursor` of the page before.
    #[param(value_type = Option<String>, max_length = 1024, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

impl FromQuery for EventQuery {
    fn from_query(query: &Pairs) -> Result<Self, Problem> {
        Ok(Self {
            location_id: query.location()?,
            contact_id: query.get("contactId", ContactId::parse)?,
            kind: query.get("type", parse_type)?,
            fates: query.list("fate", |text| listing::parse_word(text, EventFate::ALL, EventFate::as_str))?,
            since: query.get("since", listing::parse_time)?,
            until: query.get("until", listing::parse_time)?,
            limit: query.limit()?.unwrap_or(DEFAULT_LIMIT),
            cursor: query.cursor()?,
        })
    }
}

/// Types that we do not know are listed, too.
fn parse_type(text: &str) -> Result<String, &'static str> {
    let fits = !text.is_empty() && text.len() <= MAX_TYPE_BYTES;
    if fits { Ok(text.to_owned()) } else { Err("must be a type of 1 to 64 bytes such as ContactUpdate") }
}

/// Events that GHL told of
///
/// Newest first, page by page, each with what became of it: `applied`, `ignored` (and why), `echo` (of our own write),
/// `expired`, `failed`, or `pending`. Takes the role `admin`. Holds ids and words, never what an event says of a person.
#[utoipa::path(
    tag = "webhooks",
    params(EventQuery),
    responses((status = 200, description = "One page", body = Paged<WebhookEvent>,
        links(("nextPage" = (operation_id = "list_webhook_events",
                parameters(("cursor" = "$response.body#/nextCursor")))),
            ("getEvent" = (operation_id = "get_webhook_event",
                parameters(("webhookId" = "$response.body#/items/0/webhookId")))))))
)]
#[get("/v1/webhooks/events")]
pub(super) async fn list_webhook_events(
    request: HttpRequest,
    caller: Caller<Admin>,
    Asked(asked): Asked<EventQuery>,
) -> Result<HttpResponse, Problem> {
    let filter = EventFilter {
        locations: listing::locations(&caller, asked.location_id)?,
        contact: asked.contact_id,
        kind: asked.kind,
        fates: asked.fates,
        since: asked.since,
        until: asked.until,
    };
    // All of the filter, so that a cursor goes with it whatever it comes to hold.
    let listing = format!("webhooks|{filter:?}");
    let before = listing::position(&listing, asked.cursor.as_deref())?;
    let page = caller.webhooks().events(filter, before, asked.limit).await?;
    respond::json(&request, &Paged::of(page, &listing, |event| event), &[]).await
}

/// An event
///
/// What became of one event. Takes the role `admin`.
#[utoipa::path(
    tag = "webhooks",
    params(EventPath),
    responses((status = 200, description = "The event", body = WebhookEvent,
        links(("replayEvent" = (operation_id = "replay_webhook_event",
            parameters(("webhookId" = "$response.body#/webhookId")))))))
)]
#[get("/v1/webhooks/events/{webhookId}")]
pub(super) async fn get_webhook_event(
    request: HttpRequest,
    caller: Caller<Admin>,
    InPath(id): InPath<WebhookId>,
) -> Result<HttpResponse, Problem> {
    let event = caller.webhooks().event(id, caller.allowed_locations()).await?;
    respond::json(&request, &event, &[]).await
}

/// Applies an event again
///
/// As if it had just arrived, whatever its age, and though it told of a write of our own. Takes an event that has its fate
/// and whose body is still kept (`replayable`); else 409. Takes the role `admin`.
#[utoipa::path(
    tag = "webhooks",
    params(EventPath),
    responses((status = 200, description = "The event, pending", body = WebhookEvent,
        links(("getEvent" = (operation_id = "get_webhook_event",
            parameters(("webhookId" = "$response.body#/webhookId")))))))
)]
#[post("/v1/webhooks/events/{webhookId}/replay")]
pub(super) async fn replay_webhook_event(
    request: HttpRequest,
    caller: Caller<Admin>,
    InPath(id): InPath<WebhookId>,
) -> Result<HttpResponse, Problem> {
    respond::require_acceptable(&request)?;
    let event = caller.webhooks().replay(id, caller.allowed_locations()).await?;
    respond::written(&request, StatusCode::OK, &event).await
}

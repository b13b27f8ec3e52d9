//! Outside systems: what they push, and what became of it.

pub(super) mod reconcile;

use super::{
    super::{
        body,
        caller::{Admin, Caller, Read, Write},
        keys::Keys,
        params::{Asked, FromQuery, InPath, Pairs},
        respond,
        source_api::Signing,
        state::State,
    },
    listing::{self, DEFAULT_LIMIT, Paged},
};
use crate::domain::{
    problem::Problem,
    source::{
        DryRun, ExternalId, ListedEvent, Proof, SourceEventFilter, SourceEventId, SourceEventKind, SourceFate,
        SourceName, SourceReceipt, SourceReport,
    },
};
use actix_web::{
    HttpRequest, HttpResponse, get,
    http::{StatusCode, header::HeaderMap},
    post,
    web::{Data, Payload},
};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// Headers that are no part of a signature, and secrets.
const CREDENTIALS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "x-api-key"];

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "documents the parameter; InPath parses it")]
pub(super) struct SourcePath {
    /// Name of the source, as the settings have it.
    #[param(value_type = SourceName, example = "insurgo")]
    source: SourceName,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "documents the parameter; InPath parses it")]
struct EventPath {
    /// Id of the event in the source. It may be any text: percent-encode it.
    #[param(rename = "eventId", value_type = SourceEventId, example = "evt_0001")]
    event_id: SourceEventId,
}

/// What pushes ask.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PushQuery {
    /// `true`: answer what would be done, and do nothing.
    #[param(rename = "dryRun", value_type = Option<bool>)]
    dry_run: bool,
}

impl FromQuery for PushQuery {
    fn from_query(query: &Pairs) -> Result<Self, Problem> {
        Ok(Self { dry_run: query.flag("dryRun")? })
    }
}

/// One event in the source's own shape, or a list of them.
#[derive(ToSchema)]
#[schema(value_type = Value)]
#[expect(dead_code, reason = "documents the body; the source's mapping reads it")]
struct PushedEvents(serde_json::Value);

/// A source tells of changes
///
/// For the source: what bears its signature (Standard Webhooks, or the header that its settings name) needs no API key. With
/// a key (role `write`) no signature is asked for. The events of a request are stored all or none, then answered 202; from
/// there they are carried out in the order of their own time. An event id that came before changes nothing. What cannot be
/// understood is refused with pointers, or kept as a dead letter where the source's settings say so, until it comes again,
/// corrected; what cannot be stored is answered 429: send it again. With `dryRun=true` the answer is what would be done. What GHL holds (`from`, ids, tags) it
/// shows only to a key that has the role `read`, too; what `profile.redact` names it shows to nobody.
#[utoipa::path(
    tag = "sources",
    params(
        SourcePath, PushQuery,
        ("webhook-id" = Option<String>, Header, description = "Standard Webhooks: id of the message"),
        ("webhook-timestamp" = Option<String>, Header, description = "Standard Webhooks: when it was sent, Unix time"),
        ("webhook-signature" = Option<String>, Header, description = "Standard Webhooks: `v1,` and the signature, base64"),
    ),
    request_body(content = PushedEvents, description = "The source's own payload: an event, or a list of them",
        content_type = "application/json", example = json!({
        "id": "evt_0001",
        "type": "contact.created",
        "occurredAt": "2026-11-22T08:00:00Z",
        "data": {
            "contactId": "ins-1001", "email": "rosa@example.com", "firstName": "Rosa", "lastName": "Exemplar",
            "phone": "+14155550100", "tagNames": ["policy holder"]
        }
    })),
    responses(
        (status = 202, description = "They are in the store, and will be carried out", body = SourceReceipt,
            links(("getEvent" = (operation_id = "get_source_event",
                parameters(("source" = "$request.path.source"), ("eventId" = "$response.body#/events/0/eventId")))))),
        (status = 200, description = "What would be done; nothing was", body = DryRun),
    )
)]
#[post("/v1/sources/{source}/events")]
pub(super) async fn push_source_events(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
    InPath(source): InPath<SourceName>,
    Asked(asked): Asked<PushQuery>,
) -> Result<HttpResponse, Problem> {
    let proof = proof(&request, &state, &source, asked.dry_run)?;
    // From here on, who has no key must not be able to tell a source from none: what is refused without asking the source
    // comes first, and a body is read whatever the source says.
    body::check_json(&request)?;
    respond::require_acceptable(&request)?;
    let limit = state.sources.max_body_bytes();
    body::check_length(&request, limit)?;
    if let Err(refused) = state.sources.screen(&source, &proof) {
        if matches!(proof, Proof::Signature(_)) {
            body::discarded(&request, payload, limit, state.deadline).await?;
        }
        return Err(refused);
    }
    let bytes = body::raw(&request, payload, limit, state.deadline).await?;
    if asked.dry_run {
        let plan = state.sources.dry_run(source, proof, bytes).await?;
        return respond::written(&request, StatusCode::OK, &plan).await;
    }
    let receipt = state.sources.push(source, proof, bytes).await?;
    respond::written(&request, StatusCode::ACCEPTED, &receipt).await
}

/// How a request proves to be the source's: by a key that it presents, else by its signature. Where no key is configured
/// everybody on this machine may do anything, but a source that signs is not to be spoken for by mistake: without a
/// signature it can only be tried out.
fn proof(request: &HttpRequest, state: &State, source: &SourceName, dry_run: bool) -> Result<Proof, Problem> {
    if !Keys::are_presented(request.headers()) {
        let headers = signed(request.headers());
        let by_signature = state.keys.len() > 0
            || match state.sources.signing(source, &headers) {
                Signing::Present => true,
                Signing::Missing => !dry_run,
                Signing::Unsigned => false,
            };
        if by_signature {
            return Ok(Proof::Signature(headers));
        }
    }
    let caller = Caller::<Write>::admitted(request)?;
    Ok(Proof::Key { locations: caller.allowed_locations(), reads: caller.also_reads() })
}

/// The headers that a signature may stand in, or be made over. Of one that came twice the first counts, as with our own.
fn signed(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut kept = BTreeMap::new();
    for (name, value) in headers {
        if let (false, Ok(value)) = (CREDENTIALS.contains(&name.as_str()), value.to_str()) {
            kept.entry(name.as_str().to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    kept
}

/// The configured sources.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConfiguredSources {
    /// By name.
    items: Vec<SourceReport>,
}

/// Sources
///
/// Each configured source whose records go to a location that the key may see, with what waits, what failed, and how many
/// records are known.
#[utoipa::path(
    tag = "sources",
    responses((status = 200, description = "The sources", body = ConfiguredSources,
        links(("listEvents" = (operation_id = "list_source_events",
            parameters(("source" = "$response.body#/items/0/name")))))))
)]
#[get("/v1/sources")]
pub(super) async fn list_sources(request: HttpRequest, caller: Caller<Read>) -> Result<HttpResponse, Problem> {
    let items = caller.sources().sources(caller.allowed_locations()).await?;
    respond::json(&request, &ConfiguredSources { items }, &[]).await
}

/// What a caller asks of the list of events.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SourceEventQuery {
    /// Only this kind.
    #[param(value_type = Option<SourceEventKind>)]
    kind: Option<SourceEventKind>,
    /// Only these fates; may be repeated, or be one list with commas.
    #[param(rename = "fate", value_type = Option<Vec<SourceFate>>, style = Form, explode)]
    fates: Vec<SourceFate>,
    /// Only this record, or the records of this contact, by its id in the source.
    #[param(rename = "externalId", value_type = Option<ExternalId>)]
    external_id: Option<ExternalId>,
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

impl FromQuery for SourceEventQuery {
    fn from_query(query: &Pairs) -> Result<Self, Problem> {
        Ok(Self {
            kind: query.get("kind", |text| listing::parse_word(text, SourceEventKind::ALL, SourceEventKind::as_str))?,
            fates: query.list("fate", |text| listing::parse_word(text, SourceFate::ALL, SourceFate::as_str))?,
            external_id: query.get("externalId", ExternalId::parse)?,
            since: query.get("since", listing::parse_time)?,
            until: query.get("until", listing::parse_time)?,
            limit: query.limit()?.unwrap_or(DEFAULT_LIMIT),
            cursor: query.cursor()?,
        })
    }
}

/// Events of a source
///
/// Newest first, page by page, each with what became of it: `applied`, `ignored` (and why), `waiting` (and for what),
/// `failed` (a dead letter, and why), or `pending`. Takes the role `read`. Holds ids and words, never what an event says of a
/// person.
#[utoipa::path(
    tag = "sources",
    params(SourcePath, SourceEventQuery),
    responses((status = 200, description = "One page", body = Paged<ListedEvent>,
        links(("nextPage" = (operation_id = "list_source_events",
                parameters(("source" = "$request.path.source"), ("cursor" = "$response.body#/nextCursor")))),
            ("getEvent" = (operation_id = "get_source_event",
                parameters(("source" = "$request.path.source"), ("eventId" = "$response.body#/items/0/eventId")))))))
)]
#[get("/v1/sources/{source}/events")]
pub(super) async fn list_source_events(
    request: HttpRequest,
    caller: Caller<Read>,
    InPath(source): InPath<SourceName>,
    Asked(asked): Asked<SourceEventQuery>,
) -> Result<HttpResponse, Problem> {
    let filter = SourceEventFilter {
        locations: caller.allowed_locations(),
        source: Some(source),
        kind: asked.kind,
        fates: asked.fates,
        external_id: asked.external_id,
        since: asked.since,
        until: asked.until,
    };
    // All of the filter, so that a cursor goes with it whatever it comes to hold.
    let listing = format!("sources|{filter:?}");
    let before = listing::position(&listing, asked.cursor.as_deref())?;
    let page = caller.sources().events(filter, before, asked.limit).await?;
    respond::json(&request, &Paged::of(page, &listing, |event| event), &[]).await
}

/// An event of a source
///
/// What became of one event. Takes the role `read`.
#[utoipa::path(
    tag = "sources",
    params(SourcePath, EventPath),
    responses((status = 200, description = "The event", body = ListedEvent,
        links(("replayEvent" = (operation_id = "replay_source_event",
            parameters(("source" = "$request.path.source"), ("eventId" = "$response.body#/eventId")))),
            ("getOperation" = (operation_id = "get_operation",
                parameters(("operationId" = "$response.body#/operations/0")))))))
)]
#[get("/v1/sources/{source}/events/{eventId}")]
pub(super) async fn get_source_event(
    request: HttpRequest,
    caller: Caller<Read>,
    InPath(source): InPath<SourceName>,
    InPath(id): InPath<SourceEventId>,
) -> Result<HttpResponse, Problem> {
    let event = caller.sources().event(source, id, caller.allowed_locations()).await?;
    respond::json(&request, &event, &[]).await
}

/// Carries an event out again
///
/// As if it had just arrived: it is read by the mapping as it is now. What is known to be newer stays. Takes an event that
/// has its fate and whose body is still kept (`replayable`); else 409. Takes the role `admin`.
#[utoipa::path(
    tag = "sources",
    params(SourcePath, EventPath),
    responses((status = 200, description = "The event, pending", body = ListedEvent,
        links(("getEvent" = (operation_id = "get_source_event",
            parameters(("source" = "$request.path.source"), ("eventId" = "$response.body#/eventId")))))))
)]
#[post("/v1/sources/{source}/events/{eventId}/replay")]
pub(super) async fn replay_source_event(
    request: HttpRequest,
    caller: Caller<Admin>,
    InPath(source): InPath<SourceName>,
    InPath(id): InPath<SourceEventId>,
) -> Result<HttpResponse, Problem> {
    respond::require_acceptable(&request)?;
    let event = caller.sources().replay(source, id, caller.allowed_locations()).await?;
    respond::written(&request, StatusCode::OK, &event).await
}

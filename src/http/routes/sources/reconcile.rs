//! A full listing of a source's records, of which the differences alone are carried out.

use super::{
    super::{
        super::{
            body,
            caller::{Caller, Write},
            lines,
            params::{Asked, FromQuery, InPath, Pairs},
            respond,
        },
        listing,
    },
    SourcePath,
};
use crate::domain::{
    problem::Problem,
    source::{Listing, ReconcileReport, RecordKind, SourceName},
};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, post, web::Payload};
use jiff::Timestamp;
use std::time::Duration;
use utoipa::IntoParams;

/// How long we wait for the next piece of a listing: who makes it may have to look for it, but does not fall silent.
const IDLE: Duration = Duration::from_secs(60);

/// Longest type that can be named, in bytes.
const MAX_TYPE_BYTES: usize = 64;

/// What a listing is.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in super::super) struct ReconcileQuery {
    /// What lines are that do not say it themselves: a type in the source's own word.
    #[param(rename = "type", value_type = Option<String>, min_length = 1, max_length = 64)]
    kind: Option<String>,
    /// When the listing was made: lines without a time of their own are as old, and what is known to be newer stays. Without
    /// it: now. At most 24 hours ahead.
    #[param(rename = "asOf", value_type = Option<String>, format = DateTime)]
    as_of: Option<Timestamp>,
    /// Records of these kinds that are known and not listed count as deleted; may be repeated, or be one list with commas.
    /// Where a line could not be understood none does. A kind of which nothing is listed is refused; what has no id in the
    /// source, such as the contact and the note of a form, never counts as missing.
    #[param(value_type = Option<Vec<RecordKind>>, style = Form, explode)]
    missing: Vec<RecordKind>,
    /// `true`: compare each record with what GHL holds, not with what is known of it. Costs calls.
    #[param(value_type = Option<bool>)]
    verify: bool,
    /// `true`: answer what would be done, and do nothing.
    #[param(rename = "dryRun", value_type = Option<bool>)]
    dry_run: bool,
}

impl FromQuery for ReconcileQuery {
    fn from_query(query: &Pairs) -> Result<Self, Problem> {
        Ok(Self {
            kind: query.get("type", parse_type)?,
            as_of: query.get("asOf", listing::parse_time)?,
            missing: query.list("missing", |text| listing::parse_word(text, RecordKind::ALL, RecordKind::as_str))?,
            verify: query.flag("verify")?,
            dry_run: query.flag("dryRun")?,
        })
    }
}

fn parse_type(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.len() <= MAX_TYPE_BYTES;
    if fits { Ok(text.to_owned()) } else { Err(format!("must be a type of 1 to {MAX_TYPE_BYTES} bytes")) }
}

/// Compares a full listing
///
/// Takes all records that a source has, one a line: payloads as its events have them, or records alone (`type` says of which
/// type). Only what differs from what is known is carried out, in the background, as events are; `GET
/// /v1/sources/{source}/events` shows them. A line that cannot be understood, or is longer than 64 KiB, is reported, and the
/// others are taken all the same. A note without an id of its own is known by its event's: list the event. A listing that
/// breaks off deletes nothing. Takes the role `write`.
#[utoipa::path(
    tag = "sources",
    params(SourcePath, ReconcileQuery),
    request_body(content = String, description = "One JSON document a line; as many as there are",
        content_type = "application/x-ndjson",
        example = "{\"contactId\":\"ins-1001\",\"email\":\"rosa@example.com\"}\n{\"contactId\":\"ins-1002\",\"phone\":\"+14155550101\"}\n"),
    responses((status = 200, description = "What differs, and what it costs", body = ReconcileReport,
        links(("listEvents" = (operation_id = "list_source_events",
            parameters(("source" = "$request.path.source")))))))
)]
#[post("/v1/sources/{source}/reconcile")]
pub(in super::super) async fn reconcile_source(
    request: HttpRequest,
    payload: Payload,
    caller: Caller<Write>,
    InPath(source): InPath<SourceName>,
    Asked(asked): Asked<ReconcileQuery>,
) -> Result<HttpResponse, Problem> {
    body::check_lines(&request)?;
    respond::require_acceptable(&request)?;
    let by = caller.requester(&request);
    let locations = caller.allowed_locations();
    let sources = caller.sources();
    let report = lines::feed(&request, payload, IDLE, |lines| {
        let listing = Listing {
            kind: asked.kind,
            as_of: asked.as_of,
            missing_deleted: asked.missing,
            verify: asked.verify,
            dry_run: asked.dry_run,
            by,
            locations,
            lines,
        };
        sources.reconcile(source, listing)
    });
    let report = report.await?;
    respond::written(&request, StatusCode::OK, &report).await
}

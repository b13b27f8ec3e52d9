//! The audit log: page by page as JSON, or all of it as lines.
//!
//! An export is read from the store page by page as the client takes it: at most one page of entries is in memory, and a
//! client that goes ends the reading. It goes backwards from the end that the log had at the request, so what is appended
//! meanwhile is not in it. One that breaks off was not ended: its last chunk is missing.

use super::{
    super::{
        caller::{Admin, Caller},
        params::{Asked, FromQuery, Pairs},
        respond,
        write_api::{Listed, WriteApi},
    },
    batch::{Form, NDJSON, form},
    listing::{self, DEFAULT_LIMIT, MAX_LIMIT, Paged},
};
use crate::domain::{
    ids::{ContactId, LocationId, OperationId},
    operation::{AuditEntry, AuditEvent, AuditFilter},
    problem::Problem,
};
use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY},
};
use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use jiff::Timestamp;
use std::sync::Arc;
use utoipa::IntoParams;

/// Lines are put together until a piece is this long: a piece is at most this and one line.
const PIECE_BYTES: usize = 16 * 1024;

/// What a caller asks of the log.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// Only this location. Without it: all that the key may see.
    #[param(rename = "locationId", value_type = Option<LocationId>)]
    location_id: Option<LocationId>,
    /// Only this contact.
    #[param(rename = "contactId", value_type = Option<ContactId>)]
    contact_id: Option<ContactId>,
    /// Only this operation.
    #[param(rename = "operationId", value_type = Option<OperationId>)]
    operation_id: Option<OperationId>,
    /// Only entries that tell this.
    #[param(value_type = Option<AuditEvent>)]
    event: Option<AuditEvent>,
    /// Not before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Entries a page, 50 where it is not given; of an export, how many lines at most, and then all of them.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `nextCursor` of the page before.
    #[param(value_type = Option<String>, max_length = 1024, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

impl FromQuery for AuditQuery {
    fn from_query(query: &Pairs) -> Result<Self, Problem> {
        Ok(Self {
            location_id: query.location()?,
            contact_id: query.get("contactId", ContactId::parse)?,
            operation_id: query.get("operationId", OperationId::parse)?,
            event: query.get("event", |text| listing::parse_word(text, AuditEvent::ALL, AuditEvent::as_str))?,
            since: query.get("since", listing::parse_time)?,
            until: query.get("until", listing::parse_time)?,
            limit: query.limit()?,
            cursor: query.cursor()?,
        })
    }
}

/// The audit log
///
/// One entry for each request for a write that was accepted, refused or replayed, each attempt at GHL, and each retry or
/// cancel; newest first, page by page. With `Accept: application/x-ndjson` it is an export: every entry that the filters
/// admit, one a line, as the log stood at the request. Lines are sent without a content coding; an export that broke off
/// lacks its end. Takes the role `admin`. Entries hold ids and words, never what a record says of a person.
#[utoipa::path(
    tag = "operations",
    params(AuditQuery),
    responses((status = 200, description = "One page, or all entries as lines",
        content((Paged<AuditEntry> = "application/json"), (AuditEntry = "application/x-ndjson")),
        links(("nextPage" = (operation_id = "list_audit", parameters(("cursor" = "$response.body#/nextCursor")))))))
)]
#[get("/v1/audit")]
pub(super) async fn list_audit(
    request: HttpRequest,
    caller: Caller<Admin>,
    Asked(asked): Asked<AuditQuery>,
) -> Result<HttpResponse, Problem> {
    let form = form(request.headers())?;
    let filter = AuditFilter {
        locations: listing::locations(&caller, asked.location_id)?,
        contact: asked.contact_id,
        operation: asked.operation_id,
        event: asked.event,
        since: asked.since,
        until: asked.until,
    };
    // All of the filter, so that a cursor goes with it whatever it comes to hold.
    let listing = format!("audit|{filter:?}");
    let before = listing::position(&listing, asked.cursor.as_deref())?;
    let mut export = Export { writes: Arc::clone(caller.writes()), filter, left: asked.limit };
    match form {
        Form::Document => {
            let page = export.page(before, asked.limit.unwrap_or(DEFAULT_LIMIT)).await?;
            respond::json(&request, &Paged::of(page, &listing, |entry| entry), &[]).await
        }
        Form::Lines => {
            // The first page is read before the answer begins: a log that cannot be read is a problem, not a broken line.
            let first = export.next(before).await?;
            let mut response = HttpResponse::Ok();
            response.insert_header((CACHE_CONTROL, "private, no-cache"));
            response.insert_header((VARY, "Accept")).insert_header((CONTENT_TYPE, NDJSON));
            Ok(response.streaming(export.lines(first)))
        }
    }
}

/// The log on its way out.
struct Export {
    writes: Arc<dyn WriteApi>,
    filter: AuditFilter,
    /// How many more lines are wanted; all, where nothing is said.
    left: Option<u32>,
}

impl Export {
    async fn page(&self, before: Option<i64>, limit: u32) -> Result<Listed<AuditEntry>, Problem> {
        self.writes.audit(self.filter.clone(), before, limit).await
    }

    /// The next page, and what is left after it.
    async fn next(&mut self, before: Option<i64>) -> Result<Listed<AuditEntry>, Problem> {
        let limit = self.left.map_or(MAX_LIMIT, |left| left.min(MAX_LIMIT));
        let mut page = self.page(before, limit).await?;
        let read = u32::try_from(page.items.len()).unwrap_or(u32::MAX);
        self.left = self.left.map(|left| left.saturating_sub(read));
        if self.left == Some(0) {
            page.next = None;
        }
        Ok(page)
    }

    /// All pages from `first` on, each asked for when the one before is on its way.
    fn lines(self, first: Listed<AuditEntry>) -> impl Stream<Item = Result<Bytes, Problem>> + use<> {
        let pages = stream::unfold(Some((self, Turn::Show(first))), async |state| {
            let (mut export, turn): (Self, Turn) = state?;
            let page = match turn {
                Turn::Show(page) => Ok(page),
                Turn::Ask(before) => export.next(Some(before)).await,
            };
            match page {
                Ok(page) => Some((Ok(page.items), page.next.map(|before| (export, Turn::Ask(before))))),
                Err(problem) => {
                    tracing::warn!(%problem, cause = problem.cause.as_deref(), "an export of the audit log broke off");
                    Some((Err(problem), None))
                }
            }
        });
        pages.flat_map(|page| match page {
            Ok(entries) => stream::iter(Pieces(entries.into_iter())).left_stream(),
            Err(problem) => stream::iter([Err(problem)]).right_stream(),
        })
    }
}

/// What an export does next.
enum Turn {
    Show(Listed<AuditEntry>),
    /// Asks for the page before this position.
    Ask(i64),
}

/// The entries of a page as lines, several a piece.
struct Pieces(std::vec::IntoIter<AuditEntry>);

impl Iterator for Pieces {
    type Item = Result<Bytes, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut out = BytesMut::new();
        while out.len() < PIECE_BYTES
            && let Some(entry) = self.0.next()
        {
            match serde_json::to_vec(&entry) {
                Ok(line) => out.put_slice(&line),
                Err(error) => return Some(Err(super::super::problem::internal().with_cause(error.to_string()))),
            }
            out.put_u8(b'\n');
        }
        (!out.is_empty()).then(|| Ok(out.freeze()))
    }
}

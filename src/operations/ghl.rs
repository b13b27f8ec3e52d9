//! GHL as the worker's other side: each kind of write made the call it is, and each answer what it means for the write.
//!
//! Three things differ from calling the client. A token that GHL rejects can be mended, so it fails no write that was
//! accepted. A contact is merged with care (`merge.rs`) where GHL's own upsert loses things. And what may have been made
//! already is looked for (`look.rs`) by what it says, as GHL knows no idempotency key.

mod attempt;
mod look;
mod merge;
mod same;
mod upsert;

pub(crate) use merge::{NOT_IN_PUT, differs};
pub(crate) use same::{same_email, same_phone, words};

use super::{Attempted, Delivery, Looked};
use crate::{
    clock::Clock,
    domain::{
        ids::LocationId,
        operation::{Operation, Written},
    },
    ghl::Client,
    upstream::{CallContext, Lane, Timings},
};
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// How long GHL's search may not know of a contact that is there: measured 10 s (reference: "Lag"), and some.
pub const SEARCH_LAG: Duration = Duration::from_secs(12);

/// Carries writes to GHL.
#[derive(Debug, Clone)]
pub struct GhlDelivery {
    client: Client,
    /// Reads what is redacted too, to compare it.
    whole: Client,
    clock: Clock,
    search_lag: Duration,
}

impl GhlDelivery {
    /// A delivery through a client.
    #[must_use]
    pub fn new(client: Client, clock: Clock) -> Self {
        Self { whole: client.unredacted(), client, clock, search_lag: SEARCH_LAG }
    }

    /// With another lag of the search than GHL's.
    #[must_use]
    pub fn with_search_lag(self, search_lag: Duration) -> Self {
        Self { search_lag, ..self }
    }

    fn reach<'a>(&'a self, operation: &'a Operation, deadline: Instant) -> Reach<'a> {
        let ctx = CallContext { deadline, lane: Lane::Operation, timings: Timings::default(), traceparent: None };
        Reach { delivery: self, client: &self.client, whole: &self.whole, operation, loc: &operation.location, ctx }
    }
}

impl Delivery for GhlDelivery {
    fn attempt<'a>(&'a self, operation: &'a Operation, deadline: Instant) -> BoxFuture<'a, Attempted> {
        Box::pin(async move { self.reach(operation, deadline).attempt().await })
    }

    fn look<'a>(&'a self, operation: &'a Operation, taken: &'a [String], deadline: Instant) -> BoxFuture<'a, Looked> {
        Box::pin(async move { self.reach(operation, deadline).look(taken).await })
    }
}

/// One attempt or look: what it is about and what it may use.
struct Reach<'a> {
    delivery: &'a GhlDelivery,
    client: &'a Client,
    whole: &'a Client,
    operation: &'a Operation,
    loc: &'a LocationId,
    ctx: CallContext,
}

/// A record that was made or changed, as our own routes show it.
fn written(status: u16, record: &impl Serialize, id: &impl AsRef<str>) -> Written {
    // A record is made of texts, numbers, lists and maps with text keys: that it cannot be written down is impossible.
    let body = serde_json::to_value(record).unwrap_or_default();
    Written { status, body, id: Some(id.as_ref().to_owned()) }
}

/// All tags of a contact afterwards.
fn written_tags(tags: &[String], contact: &impl AsRef<str>) -> Written {
    Written { status: 200, body: json!({ "tags": tags }), id: Some(contact.as_ref().to_owned()) }
}

/// A record that is gone.
fn written_gone(id: &impl AsRef<str>) -> Written {
    Written { status: 200, body: json!({ "succeeded": true }), id: Some(id.as_ref().to_owned()) }
}

/// A merged contact: its record, and whether it was made; `kept` names what was asked for and left as it was.
fn written_merged(mut written: Written, new: bool, kept: &[&str]) -> Written {
    if let Value::Object(record) = &mut written.body {
        annotate(record, new, kept);
    }
    written
}

fn annotate(record: &mut Map<String, Value>, new: bool, kept: &[&str]) {
    record.insert("new".into(), new.into());
    if !kept.is_empty() {
        record.insert("kept".into(), json!(kept));
    }
}

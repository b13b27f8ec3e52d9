//! What is answered to who pushes, tries out or reconciles.

use super::{ExternalId, RecordKind, SourceEventId, SourceEventKind, SourceName};
use crate::domain::{
    ids::{ContactId, LocationId},
    operation::words,
    problem::FieldError,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// What was taken in: it is on the disk and will be carried out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceReceipt {
    /// Events that are new.
    pub accepted: u64,
    /// Events that came before: they change nothing.
    pub duplicates: u64,
    /// Each event, in the order of the request.
    pub events: Vec<TakenEvent>,
}

/// One event that was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TakenEvent {
    /// Its id in the source; `GET /v1/sources/{source}/events/{eventId}` shows it.
    pub event_id: SourceEventId,
    /// What it tells of; `null` where it is kept as a dead letter, or is of a kind that is passed over.
    pub kind: Option<SourceEventKind>,
    /// Whether it came before.
    pub duplicate: bool,
}

/// What a test run found: nothing was stored, and nothing written.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DryRun {
    /// Of which source.
    pub source: SourceName,
    /// To which location.
    pub location_id: LocationId,
    /// Each event, in the order of the request, as if those before it had been carried out.
    pub events: Vec<EventPlan>,
    /// What carrying all of it out would cost of GHL's quota.
    pub quota: QuotaCost,
}

/// Calls at GHL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuotaCost {
    /// Calls that read.
    pub reads: u64,
    /// Calls that write.
    pub writes: u64,
}

words! {
    /// What would become of an event.
    PlanOutcome {
        /// The calls would be made.
        Apply = "apply",
        /// Nothing would change; `reason` says why.
        Nothing = "nothing",
        /// It would wait; `reason` says for what.
        Wait = "wait",
        /// It would fail; `reason` says why.
        Fail = "fail",
    }
}

/// What would become of one event.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventPlan {
    /// Its id in the source.
    pub event_id: SourceEventId,
    /// What it tells of; `null` where it is of a kind that is passed over.
    pub kind: Option<SourceEventKind>,
    /// When it happened.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub event_at: Option<Timestamp>,
    /// The contact's id in the source.
    pub contact_external_id: Option<ExternalId>,
    /// The contact in GHL, where there is one; `null`, too, for who may not read what GHL holds.
    pub contact_id: Option<ContactId>,
    /// How that contact was found; `null` where it is not shown.
    #[schema(example = "email")]
    pub found_by: Option<String>,
    /// What would become of it.
    pub outcome: PlanOutcome,
    /// Why, in a sentence.
    pub reason: Option<String>,
    /// Calls that would be made, in order.
    pub calls: Vec<CallPlan>,
    /// Field by field.
    pub fields: Vec<FieldPlan>,
}

/// A call that would be made at GHL.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallPlan {
    /// HTTP method.
    #[schema(example = "PUT")]
    pub method: String,
    /// Path at GHL. `{contactId}` and the like stand where GHL has given no id yet, or it is not shown.
    #[schema(example = "/contacts/seD4PfOuKoVMLkEZqohJ")]
    pub path: String,
    /// Body, where it has one.
    pub body: Option<Value>,
}

words! {
    /// What would be done about a field.
    FieldAction {
        /// It is written.
        Set = "set",
        /// It is left as it is; `why` says for what reason.
        Left = "left",
    }
}

/// One field, and what would be done about it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldPlan {
    /// Of which record.
    pub record: RecordKind,
    /// GHL's name of it, or `tags`.
    pub field: String,
    /// What stands there now, as far as it is known; `null` is nothing, not known, or not shown.
    pub from: Value,
    /// What the source says; of `tags` all that there would be, or, where what GHL holds is not shown, those added.
    pub to: Value,
    /// Whether it is written.
    pub action: FieldAction,
    /// Why.
    pub why: String,
}

/// A configured source and how it fares.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceReport {
    /// Its name.
    pub name: SourceName,
    /// Where its records go.
    pub location_id: LocationId,
    /// The preset that its mapping begins with.
    pub preset: Option<String>,
    /// Events without a fate.
    pub pending: u64,
    /// Events that wait for their contact.
    pub waiting: u64,
    /// Dead letters.
    pub failed: u64,
    /// When the oldest event without a fate arrived.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub oldest_pending_at: Option<Timestamp>,
    /// When the last event arrived.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_received_at: Option<Timestamp>,
    /// Records that are known, by kind.
    pub records: RecordCounts,
}

/// Records that are known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say it")]
pub struct RecordCounts {
    pub contacts: u64,
    pub tasks: u64,
    pub notes: u64,
}

/// What came of a listing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReconcileReport {
    /// Whether nothing was stored because the request said so.
    pub dry_run: bool,
    /// Lines that were read.
    pub lines: u64,
    /// Lines that say something new; these were taken in.
    pub differing: u64,
    /// Lines that say what is known.
    pub unchanged: u64,
    /// Records of the same kinds that are known and were not listed.
    pub missing: u64,
    /// Lines that could not be understood, the first hundred of them.
    pub refused: Vec<RefusedLine>,
    /// How many those were.
    pub refused_count: u64,
    /// Calls at GHL that carrying it out takes, at most.
    pub calls: QuotaCost,
}

/// A line that could not be understood.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefusedLine {
    /// Which, counted from 1.
    pub line: u64,
    /// What is wrong with it.
    pub errors: Vec<FieldError>,
}

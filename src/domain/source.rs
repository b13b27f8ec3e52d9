//! Records of an outside system: what a source says of a contact, a task or a note, and in which order it said so.
//!
//! Every change that a source tells of is laid over what is known of the record field by field ([`RecordState::merge`]):
//! the newest of each field stays. So what is known after some events does not depend on the order they came in, nor on how
//! often each came, and what GHL is to hold follows from what is known and not from which event was last.

mod ids;
mod merge;
mod report;
mod request;

pub use ids::{ExternalId, InvalidName, SourceEventId, SourceName};
pub use report::{
    CallPlan, DryRun, EventPlan, FieldAction, FieldPlan, PlanOutcome, QuotaCost, ReconcileReport, RecordCounts,
    RefusedLine, SourceReceipt, SourceReport, TakenEvent,
};
pub use request::{Listing, MAX_LINE_BYTES, Proof};

use super::{
    ids::{ContactId, LocationId, OperationId},
    operation::words,
    problem::Problem,
    write::{Tag, Write},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

words! {
    /// What a source's event tells of.
    SourceEventKind {
        /// A contact was made.
        ContactCreated = "contact-created",
        /// A contact was changed.
        ContactUpdated = "contact-updated",
        /// A contact was deleted.
        ContactDeleted = "contact-deleted",
        /// A task was made.
        TaskCreated = "task-created",
        /// A task was changed.
        TaskUpdated = "task-updated",
        /// A task was done.
        TaskCompleted = "task-completed",
        /// A task was deleted.
        TaskDeleted = "task-deleted",
        /// A note was added.
        NoteAdded = "note-added",
        /// Tags were added to a contact.
        TagsAdded = "tags-added",
        /// Tags were taken from a contact.
        TagsRemoved = "tags-removed",
        /// Somebody submitted a form.
        FormSubmitted = "form-submitted",
    }
}

words! {
    /// Which kind of record.
    RecordKind {
        /// A contact, with its tags.
        Contact = "contact",
        /// A task of a contact.
        Task = "task",
        /// A note of a contact.
        Note = "note",
    }
}

words! {
    /// Who decides what stands in a field.
    Owner {
        /// The source: what it says is written.
        Source = "source",
        /// GHL: what the source says is written when the record is made, and never again.
        Ghl = "ghl",
        /// Whoever changed it last: written unless somebody changed the record in GHL after the source did.
        Newest = "newest",
        /// GHL, unless nothing stands there.
        IfEmpty = "if-empty",
    }
}

/// The place of a change in the order of changes of a record. The larger one counts.
///
/// Two events never have the same: where their order is the same, their ids decide, so that the outcome is the same
/// whichever came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// The record's own sequence number where the source has one, else the event's time in microseconds since 1970.
    pub order: i64,
    /// A hash of the event's id.
    pub tie: u64,
    /// The event's time, in milliseconds since 1970. Does not order: of two versions that differ, the above does.
    pub at_ms: i64,
}

/// A value, and since which change it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register<T> {
    /// The value.
    pub value: T,
    /// The change that set it.
    pub version: Version,
}

/// What is known of a record: the newest of each field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RecordState {
    /// By the name of GHL's property (`firstName`, `dueDate`), or `customFields.{id}`. `null` is: nothing stands there.
    pub fields: BTreeMap<String, Register<Value>>,
    /// Of each tag, whether the contact has it.
    pub tags: BTreeMap<Tag, Register<bool>>,
    /// The last change that gave all tags there are: what was known of others before it does not count.
    pub all_tags_at: Option<Version>,
    /// Whether the record was deleted in the source.
    pub deleted: Option<Register<bool>>,
    /// The contact that a task or note belongs to.
    pub parent: Option<Register<ExternalId>>,
}

/// What an event says of one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Which kind of record.
    pub kind: RecordKind,
    /// Its id in the source.
    pub id: ExternalId,
    /// Its place in the order.
    pub version: Version,
    /// The contact that a task or note belongs to, where the event says so.
    pub parent: Option<ExternalId>,
    /// As [`RecordState::fields`]; checked against what GHL takes.
    pub fields: BTreeMap<String, Value>,
    /// Tags.
    pub tags: TagChange,
    /// Whether it was deleted, or is there again. Every other change says that it is there.
    pub deleted: bool,
}

/// What an event says of a contact's tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagChange {
    /// All tags there are.
    pub all: Option<BTreeSet<Tag>>,
    /// Further ones.
    pub added: BTreeSet<Tag>,
    /// Ones that are gone.
    pub removed: BTreeSet<Tag>,
}

/// An event of a source, as its mapping understands it.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceEvent {
    /// Its id in the source.
    pub id: SourceEventId,
    /// What it tells of.
    pub kind: SourceEventKind,
    /// When, in the source's words or else when it arrived.
    pub at: Timestamp,
    /// Record by record; a form tells of two. The last is the one whose carrying out settles the event.
    pub changes: Vec<Change>,
}

/// Names a record among those of all sources.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    /// Whose.
    pub source: SourceName,
    /// Which kind.
    pub kind: RecordKind,
    /// Its id there.
    pub id: ExternalId,
}

/// What GHL was made to hold of a record, as far as we know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Delivered {
    /// As [`RecordState::fields`].
    pub fields: BTreeMap<String, Value>,
    /// Tags that we added and did not remove since.
    pub tags: BTreeSet<Tag>,
    /// Tags that are not there on the source's word.
    pub removed: BTreeSet<Tag>,
    /// Address and phone that stay as they are while the source says the same: of two contacts that they matched, somebody
    /// said which is meant, so one of them is the other's.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub left: BTreeSet<String>,
}

/// A write that is on its way for a record: what it is was on the disk before it was asked for, so that after a crash the
/// same is asked for again, under the same key, and nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// What is written.
    pub write: Write,
    /// Under which idempotency key.
    pub key: String,
    /// The operation, once there is one.
    pub operation: Option<OperationId>,
    /// What GHL holds once it is done.
    pub then: Delivered,
}

words! {
    /// Where a record stands.
    RecordStatus {
        /// GHL holds what it should, as far as we know.
        Settled = "settled",
        /// Something is to be done.
        Due = "due",
        /// It waits for its contact to be known.
        Waiting = "waiting",
        /// What was to be done failed.
        Failed = "failed",
    }
}

/// A record, as the store keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceRecord {
    /// Which.
    pub key: RecordKey,
    /// Whose contact.
    pub location: LocationId,
    /// What the source says.
    pub state: RecordState,
    /// Position of the last event that was laid over it.
    pub merged_seq: i64,
    /// What GHL calls it.
    pub ghl_id: Option<String>,
    /// The GHL contact it stands at; of a contact, itself.
    pub ghl_contact: Option<ContactId>,
    /// What GHL was made to hold.
    pub delivered: Delivered,
    /// What is on its way.
    pub intent: Option<Intent>,
    /// Where it stands.
    pub status: RecordStatus,
    /// When something is to be done next.
    pub due_at: Timestamp,
    /// Tries since it last came to something.
    pub tries: u32,
    /// Whether it is to be compared with what GHL holds, not with what we know of it.
    pub verify: bool,
    /// What it waits for, or why it failed.
    pub problem: Option<Problem>,
}

words! {
    /// What became of a source's event. Each has one in the end.
    SourceFate {
        /// None yet.
        Pending = "pending",
        /// GHL holds what it says.
        Applied = "applied",
        /// It changed nothing: something newer was known, or it says what was known, or it is of a kind that is passed over.
        Ignored = "ignored",
        /// It waits; `detail` says for what.
        Waiting = "waiting",
        /// It could not be carried out: a dead letter. `detail` says why; it can be replayed.
        Failed = "failed",
    }
}

/// An event of a source as the list shows it: ids and words, never what it says of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedEvent {
    /// Position in the order of arrival.
    #[serde(skip)]
    pub seq: i64,
    /// Whose.
    pub source: SourceName,
    /// Its id in the source.
    pub event_id: SourceEventId,
    /// What it tells of; `null` where the mapping could not tell.
    pub kind: Option<SourceEventKind>,
    /// Which location's contact.
    pub location_id: LocationId,
    /// The record's id in the source.
    pub external_id: Option<ExternalId>,
    /// The id in the source of the contact it belongs to.
    pub contact_external_id: Option<ExternalId>,
    /// When the source says that it happened.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub event_at: Option<Timestamp>,
    /// When it arrived.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// What became of it.
    pub fate: SourceFate,
    /// When.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub fate_at: Option<Timestamp>,
    /// Why, or what is waited for.
    pub detail: Option<String>,
    /// The writes that carried it out; `GET /v1/operations/{id}` shows each.
    pub operations: Vec<OperationId>,
    /// How often it arrived again.
    pub duplicates: u32,
    /// How often it was replayed.
    pub replays: u32,
    /// Whether it can be replayed: its body is still kept.
    pub replayable: bool,
}

impl ListedEvent {
    /// Whether it could not be understood, so that another one under its id, corrected, takes its place.
    #[must_use]
    pub fn makes_way(&self) -> bool {
        // Only what was forgotten by request has failed and keeps no body.
        self.kind.is_none() && self.fate == SourceFate::Failed && self.replayable
    }
}

/// An event on its way into the store.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "as in `ListedEvent`")]
pub struct NewSourceEvent {
    pub source: SourceName,
    pub event_id: SourceEventId,
    pub kind: Option<SourceEventKind>,
    pub location: LocationId,
    pub external_id: Option<ExternalId>,
    pub contact_external_id: Option<ExternalId>,
    pub event_at: Option<Timestamp>,
    pub received_at: Timestamp,
    /// JSON of this one event.
    pub body: Vec<u8>,
    /// Whether it is a line of a listing ([`RecordState`] of it is compared with GHL).
    pub listed: bool,
    /// A fate that is known from the start: passed over, or a dead letter; with the reason.
    pub fate: Option<(SourceFate, String)>,
}

/// Which events a list shows; nothing means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in `ListedEvent`")]
pub struct SourceEventFilter {
    /// Only these locations; `None` is all.
    pub locations: Option<Vec<LocationId>>,
    pub source: Option<SourceName>,
    pub kind: Option<SourceEventKind>,
    pub fates: Vec<SourceFate>,
    /// The record's id, or its contact's.
    pub external_id: Option<ExternalId>,
    /// Received not before.
    pub since: Option<Timestamp>,
    /// Received before.
    pub until: Option<Timestamp>,
}

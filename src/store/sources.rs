//! The durable side of sources: an event is in here before its sender is told that it was taken, what is known of each
//! record is what all its events came to, and what is on its way to GHL is known after a crash.

use super::{Page, Stored};
use crate::domain::ids::ContactId;
use crate::domain::{
    erasure::ErasureScope,
    ids::{LocationId, OperationId},
    problem::Problem,
    source::{
        Delivered, ExternalId, Intent, ListedEvent, NewSourceEvent, RecordCounts, RecordKey, RecordKind, RecordState,
        RecordStatus, SourceEventFilter, SourceEventId, SourceFate, SourceName, SourceRecord,
    },
};
use jiff::Timestamp;
use std::fmt;

/// What became of events that were to be taken in, all or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakenIn {
    /// They are in the store; of each, whether it is new. One that came before was counted, and nothing else.
    Yes(Vec<bool>),
    /// As many wait already as may: nothing was stored.
    Full,
}

/// An event that has not been laid over what is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingSourceEvent {
    /// Its position.
    pub seq: i64,
    /// Whose.
    pub source: SourceName,
    /// Its id there.
    pub event_id: SourceEventId,
    /// When it arrived.
    pub received_at: Timestamp,
    /// Whether it is a line of a listing.
    pub listed: bool,
    /// Whether somebody asked for it to be carried out again.
    pub replayed: bool,
    /// What it said.
    pub body: Vec<u8>,
}

/// Events that just arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArrivedSourceEvents {
    /// The oldest of them, in the order of their arrival.
    pub events: Vec<PendingSourceEvent>,
    /// Whether others may be left.
    pub more: bool,
}

/// Records that are carried out one after the other: a contact with its tasks and notes, or a record whose contact is not
/// known, alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// Whose.
    pub source: SourceName,
    /// The contact's id there; none for a record alone.
    pub contact: Option<ExternalId>,
    /// The record that is alone.
    pub alone: Option<(RecordKind, ExternalId)>,
}

/// A record after events were laid over it.
#[derive(Debug, Clone, PartialEq)]
pub struct LaidOver {
    /// Which.
    pub key: RecordKey,
    /// Whose contact.
    pub location: LocationId,
    /// What is known now.
    pub state: RecordState,
    /// Position of the last event laid over it.
    pub merged_seq: i64,
    /// Whether something may have to be done: the record is then due, its tries forgotten.
    pub due: bool,
    /// Whether it is to be compared with what GHL holds. Once asked for it stays so until it was done.
    pub verify: bool,
}

/// What became of an event when it was laid over what is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceMark {
    /// Which.
    pub seq: i64,
    /// The record that settles it, in case it is not settled.
    pub settled_by: Option<(RecordKind, ExternalId)>,
    /// Its fate and why; none where the record's end decides.
    pub fate: Option<(SourceFate, String)>,
}

/// How far a record came.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "as in `SourceRecord`")]
pub struct RecordStep {
    pub key: RecordKey,
    /// [`SourceRecord::merged_seq`] of what this was worked out from: where more was laid over it since, it stays due.
    pub seen_seq: i64,
    pub ghl_id: Option<String>,
    pub ghl_contact: Option<ContactId>,
    pub delivered: Delivered,
    pub intent: Option<Intent>,
    /// The intent's operation where it is under way and looked at later: whoever repeats it by hand is not too late.
    pub awaited: Option<OperationId>,
    pub status: RecordStatus,
    pub due_at: Timestamp,
    pub tries: u32,
    pub verify: bool,
    pub problem: Option<Problem>,
    /// What is kept of what the source says in place of what was kept, unless more was laid over it since.
    pub bared: Option<RecordState>,
    /// The fate of its events up to `seen_seq` that have none, or only wait; `Waiting` is told, and may change.
    pub events: Option<EventsEnd>,
}

/// The fate of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsEnd {
    /// Which.
    pub fate: SourceFate,
    /// Why.
    pub detail: Option<String>,
    /// The writes that carried them out.
    pub operations: Vec<OperationId>,
}

/// What became of a request to replay an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplayedSource {
    /// It is pending again.
    Yes(ListedEvent),
    /// It has no fate yet, or its body is gone; the event as it is.
    No(ListedEvent),
    /// There is no such event.
    Unknown,
}

/// How a source fares.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in `SourceReport`")]
pub struct SourceCounts {
    pub source: SourceName,
    pub pending: u64,
    pub waiting: u64,
    pub failed: u64,
    pub oldest_pending_at: Option<Timestamp>,
    pub last_received_at: Option<Timestamp>,
    pub records: RecordCounts,
}

/// Events and records of sources. Methods may be called from any task, any number at once; but events are laid over what is
/// known ([`Self::records`], then [`Self::lay`]) by one task alone.
pub trait SourceStore: Send + Sync + fmt::Debug {
    /// Takes events in, all or none. Whether one is new is decided here and nowhere else, by source and event id. `most`:
    /// how many of one source may be without a fate; and how many with those that wait for their contact, before events of
    /// tasks and notes are refused. Those of contacts are not: they are what the others wait for.
    fn take_in(&self, events: Vec<NewSourceEvent>, most: u64) -> Stored<'_, TakenIn>;

    /// Up to `limit` events that just arrived, in the order of their arrival. They stay so until they are marked.
    fn arrived_from_sources(&self, limit: u32) -> Stored<'_, ArrivedSourceEvents>;

    /// Those of these records that are known. One that cannot be read is an error.
    fn records(&self, keys: Vec<RecordKey>) -> Stored<'_, Vec<SourceRecord>>;

    /// Keeps what events came to, all or none: records (those not known are made) and the marks of the events.
    fn lay(&self, records: Vec<LaidOver>, marks: Vec<SourceMark>, now: Timestamp) -> Stored<'_, ()>;

    /// Up to `limit` lanes in which a record is due, or has waited long enough; the longest due first. Those in `in_hand` are
    /// passed over, as are all of sources in `busy`.
    fn due_lanes(&self, now: Timestamp, limit: u32, in_hand: Vec<Lane>, busy: Vec<SourceName>)
    -> Stored<'_, Vec<Lane>>;

    /// When the next lane is due.
    fn next_lane_due(&self, in_hand: Vec<Lane>, busy: Vec<SourceName>) -> Stored<'_, Option<Timestamp>>;

    /// The records of a lane: its contact, whatever its status, first; and of the others those that are due by `now`, or
    /// have waited long enough, in the order in which they were last laid over. Of very many, those that are due longest.
    fn lane(&self, lane: Lane, now: Timestamp) -> Stored<'_, Vec<SourceRecord>>;

    /// Keeps how far records came, all or none. One that is no longer known is passed over; of each step, whether its
    /// record was there.
    ///
    /// A contact that stands at another GHL contact than before, or at its first, makes those of its tasks and notes due
    /// that waited for it, that were given up before they came to GHL, or that stand at the one before.
    fn step(&self, steps: Vec<RecordStep>, now: Timestamp) -> Stored<'_, Vec<bool>>;

    /// Lanes of failed records whose operation goes on again, or was done, since: somebody retried or resolved it. They are
    /// due then.
    fn stir(&self, now: Timestamp) -> Stored<'_, u64>;

    /// Events, newest first: those before position `before`.
    fn source_events(
        &self,
        filter: SourceEventFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Stored<'_, Page<ListedEvent>>;

    /// One event.
    fn source_event(&self, source: SourceName, id: SourceEventId) -> Stored<'_, Option<ListedEvent>>;

    /// Makes an event pending again.
    fn replay_source_event(&self, source: SourceName, id: SourceEventId, now: Timestamp) -> Stored<'_, ReplayedSource>;

    /// How each source of which something is kept fares.
    fn source_counts(&self) -> Stored<'_, Vec<SourceCounts>>;

    /// Ids of the records of a kind that are not deleted, in their order, those after one.
    fn record_ids(
        &self,
        source: SourceName,
        kind: RecordKind,
        after: Option<ExternalId>,
        limit: u32,
    ) -> Stored<'_, Vec<ExternalId>>;

    /// Whether another contact record, of whichever source, that is not deleted stands at a GHL contact of a location.
    fn is_shared(&self, record: RecordKey, location: LocationId, contact: ContactId) -> Stored<'_, bool>;

    /// Forgets the records of a contact (those that stand at this GHL contact or did last, its own included) or a location, and what
    /// their events said; the events stay, without a body. One that has no fate yet is then `ignored`. Says how many records
    /// and bodies went.
    fn forget_sources(&self, scope: ErasureScope, now: Timestamp) -> Stored<'_, u64>;

    /// Forgets events that had their fate before one time, and the bodies of those that had it before another, dead letters
    /// excepted. Says how many rows were changed.
    fn prune_sources(&self, events: Timestamp, bodies: Timestamp) -> Stored<'_, u64>;
}

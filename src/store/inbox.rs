//! The durable side of webhooks: an event is in here before GHL is told that it arrived, and has one fate in the end.

use super::{Page, StoreError, Stored};
use crate::domain::{
    erasure::ErasureScope,
    ids::{ContactId, LocationId, WebhookId},
    operation::Operation,
    webhook::{EventFate, EventFilter, EventKind, NewEvent, WebhookEvent},
};
use jiff::Timestamp;
use std::fmt;

/// Whether an event is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is in the store.
    New,
    /// Its id came before: it was counted, and nothing else.
    Before,
}

/// An event without a fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingEvent {
    /// What is known of it.
    pub event: WebhookEvent,
    /// What it said.
    pub body: Vec<u8>,
}

/// Events that just arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivedEvents {
    /// The oldest of them.
    pub events: Vec<PendingEvent>,
    /// How many were failed, being unreadable.
    pub unreadable: usize,
    /// Whether others may be left.
    pub more: bool,
}

/// What is to be noted of an event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventEnd {
    /// It has its fate.
    Fate {
        /// Which.
        fate: FateOf,
        /// Why.
        detail: Option<String>,
    },
    /// What can be done at once was done; the rest waits until then.
    Wait(Timestamp),
    /// A try failed, the next one is due then.
    Later {
        /// When.
        due_at: Timestamp,
        /// Why.
        detail: String,
    },
}

/// A fate, but for `pending`, which is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "as in `EventFate`")]
pub enum FateOf {
    Applied,
    Ignored,
    Echo,
    Expired,
    Failed,
}

impl From<FateOf> for EventFate {
    fn from(fate: FateOf) -> Self {
        match fate {
            FateOf::Applied => Self::Applied,
            FateOf::Ignored => Self::Ignored,
            FateOf::Echo => Self::Echo,
            FateOf::Expired => Self::Expired,
            FateOf::Failed => Self::Failed,
        }
    }
}

/// The same for one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Which.
    pub seq: i64,
    /// What.
    pub end: EventEnd,
    /// Whose it was found to be, where it did not say so itself.
    pub contact: Option<ContactId>,
}

/// What became of a request to replay an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// It is pending again.
    Yes(WebhookEvent),
    /// It has no fate yet, or its body is gone; the event as it is.
    No(WebhookEvent),
    /// There is no such event.
    Unknown,
}

/// What of the waiting is not asked for, as it could not be begun.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PassedOver {
    /// These events.
    pub seqs: Vec<i64>,
    /// Those about these contacts.
    pub contacts: Vec<ContactId>,
    /// Those about tasks in these locations.
    pub tasks_of: Vec<LocationId>,
    /// All but these types.
    pub all_but: Option<&'static [EventKind]>,
}

/// How much waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InboxDepth {
    /// Events without a fate.
    pub pending: u64,
    /// When the oldest of them arrived.
    pub oldest: Option<Timestamp>,
}

/// The inbox. Methods may be called from any task, any number at once.
pub trait Inbox: Send + Sync + fmt::Debug {
    /// Takes an event in, unless its id came before: that is decided here and nowhere else.
    fn receive(&self, event: NewEvent) -> Stored<'_, Received>;

    /// Up to `limit` events that just arrived, in the order of their arrival. They stay so until they are settled. One
    /// that cannot be read is failed instead, as of `now`.
    fn arrived(&self, now: Timestamp, limit: u32) -> Stored<'_, ArrivedEvents>;

    /// Up to `limit` events whose rest is due. One that cannot be read is failed instead.
    fn due(&self, now: Timestamp, limit: u32, passed_over: PassedOver) -> Stored<'_, Vec<PendingEvent>>;

    /// When the next rest is due.
    fn next_waiting(&self, passed_over: PassedOver) -> Stored<'_, Option<Timestamp>>;

    /// Whether what becomes of events can be noted at present, as far as is known.
    fn writable(&self) -> Result<(), StoreError>;

    /// Those of these locations that operations or the log tell of.
    fn locations_known(&self, locations: Vec<LocationId>) -> Stored<'_, Vec<LocationId>>;

    /// Notes what became of events, all or none. One that has its fate keeps it. `drop_bodies`: what has its fate now needs
    /// no body any more, unless it failed.
    fn settle(&self, settlements: Vec<Settlement>, now: Timestamp, drop_bodies: bool) -> Stored<'_, ()>;

    /// The writes of ours that events about these contacts may tell of: those under way, and those done since. Also those
    /// under way that are about to make a contact.
    fn own_writes(&self, contacts: Vec<ContactId>, since: Timestamp) -> Stored<'_, Vec<Operation>>;

    /// Events, newest first: those before position `before`.
    fn events(&self, filter: EventFilter, before: Option<i64>, limit: u32) -> Stored<'_, Page<WebhookEvent>>;

    /// One event.
    fn event(&self, id: WebhookId) -> Stored<'_, Option<WebhookEvent>>;

    /// Makes an event pending again.
    fn replay(&self, id: WebhookId, now: Timestamp) -> Stored<'_, Replayed>;

    /// How much waits.
    fn inbox_depth(&self) -> Stored<'_, InboxDepth>;

    /// When each location's last event arrived.
    fn last_received(&self) -> Stored<'_, Vec<(LocationId, Timestamp)>>;

    /// Forgets what the events of a contact or a location said; the events stay. One that has no fate yet keeps its ids, by
    /// which it is applied. Says of how many.
    fn erase_bodies(&self, scope: ErasureScope) -> Stored<'_, u64>;

    /// Forgets events that had their fate before one time, and the bodies of those that had it before another. Says how
    /// many rows were changed.
    fn prune_inbox(&self, events: Timestamp, bodies: Timestamp) -> Stored<'_, u64>;
}

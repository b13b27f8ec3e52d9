//! What must outlive the process: operations, idempotency keys, the audit log and the inbox of webhooks.
//!
//! [`OperationStore`], [`ConnectionStore`] and [`Inbox`] are the seam: SQLite implements them in `sqlite`, PostgreSQL can
//! follow without touching who uses them.
//! Whatever a method answers is on the disk when it answers. Knows nothing of GHL and nothing of HTTP.

mod connections;
mod inbox;
mod sources;
pub mod sqlite;

pub use connections::{ConnectionStore, KeptConnection, SealMark, SealedTokens};
pub use inbox::{
    ArrivedEvents, EventEnd, FateOf, Inbox, InboxDepth, PassedOver, PendingEvent, Received, Replayed, Settlement,
};
pub use sources::{
    ArrivedSourceEvents, EventsEnd, LaidOver, Lane, PendingSourceEvent, RecordStep, ReplayedSource, SourceCounts,
    SourceMark, SourceStore, TakenIn,
};

use crate::domain::{
    erasure::{Erased, ErasureScope},
    ids::{ContactId, LocationId, OperationId},
    operation::{
        AttemptEnd, AuditEntry, AuditFilter, Idempotency, NewOperation, Operation, OperationFilter, OperationState,
    },
    problem::{Problem, ProblemKind},
    write::{Write, WriteKind},
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use std::fmt;

/// Why the store does not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// The file or its folder cannot be written.
    #[error("the store is read-only")]
    ReadOnly,
    /// The file is damaged, or no database of ours.
    #[error("the store is damaged or no database of ours")]
    Corrupt(String),
    /// Another process holds it.
    #[error("another process holds the store")]
    Locked,
    /// The store was closed: the process is stopping.
    #[error("the store is closed")]
    Closed,
    /// Anything else.
    #[error("the store failed")]
    Failed(String),
}

impl StoreError {
    /// What happened and, where that is known, why: for who runs the service, not for who calls it.
    #[must_use]
    pub fn in_full(&self) -> String {
        match self {
            Self::Corrupt(cause) | Self::Failed(cause) => format!("{self}: {cause}"),
            Self::Full | Self::ReadOnly | Self::Locked | Self::Closed => self.to_string(),
        }
    }

    /// The problem for who asked.
    #[must_use]
    pub fn to_problem(&self) -> Problem {
        let detail = match self {
            Self::Full => "The disk that writes are kept on is full. Nothing was accepted.",
            Self::ReadOnly => "The store that writes are kept in is read-only. Nothing was accepted.",
            Self::Corrupt(_) => "The store that writes are kept in is damaged. Nothing was accepted.",
            Self::Locked => "Another process holds the store that writes are kept in. Nothing was accepted.",
            Self::Closed => "The service is stopping. Nothing was accepted.",
            // A commit whose flush fails may be found again after a crash.
            Self::Failed(_) => {
                "The store that writes are kept in failed. Whether this was accepted is not certain: look into \
                 GET /v1/operations, or repeat it with the same Idempotency-Key."
            }
        };
        let problem = Problem::new(ProblemKind::StoreUnavailable, detail);
        match self {
            Self::Corrupt(cause) | Self::Failed(cause) => problem.with_cause(cause.clone()),
            Self::Full | Self::ReadOnly | Self::Locked | Self::Closed => problem.with_cause(self.to_string()),
        }
    }
}

/// An answer of the store.
pub type Stored<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// What became of a new operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Accepted {
    /// It is in the store.
    New(Operation),
    /// Its idempotency key came before with the same request: that one's operation.
    Before(Operation),
    /// Its idempotency key came before with another request. Nothing was stored.
    KeyReused,
}

/// What an idempotency key without an operation of its own stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Reservation {
    /// It is new and now the caller's.
    New,
    /// The first request is still under way.
    UnderWay,
    /// The first request's answer.
    Answered(serde_json::Value),
    /// It came before; the first request's answer was forgotten.
    Erased,
    /// It came before with another request.
    KeyReused,
}

/// What was forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erasure {
    /// How much.
    pub counts: Erased,
    /// Operations that were cancelled for it.
    pub cancelled: Vec<OperationId>,
}

/// What became of a request to retry or cancel an operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// Done; the operation as it is now.
    Yes(Operation),
    /// Its state does not admit it; the operation as it is.
    No(Operation),
    /// It was a source's, whose record went on without it; the operation as it is.
    Superseded(Operation),
    /// There is no such operation.
    Unknown,
}

/// A page of a list, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Where the next page begins (`before` of the next request), where one follows.
    pub next: Option<i64>,
}

/// How many operations stand where, for metrics and readiness.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Depth {
    /// Number by state; states without any are absent.
    pub by_state: Vec<(OperationState, u64)>,
    /// When the oldest one that has not ended was accepted.
    pub oldest_open: Option<Timestamp>,
}

/// Which times of pending operations cannot be right, and what is put in their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hasten {
    /// No attempt has begun later than this.
    pub now: Timestamp,
    /// Nothing is due later than this.
    pub latest: Timestamp,
    /// When those are due, and settled, that would be due later.
    pub settles: Timestamp,
    /// Since when those are uncertain that would be so since a time to come.
    pub since: Timestamp,
}

/// The durable side of operations. Methods may be called from any task, any number at once.
pub trait OperationStore: Send + Sync + fmt::Debug {
    /// Stores an operation and its `accepted` entry in the log, unless its idempotency key came before: the key decides
    /// here and nowhere else, so that two replicas cannot both take it.
    fn accept(&self, new: NewOperation, entry: AuditEntry) -> Stored<'_, Accepted>;

    /// Takes up to `limit` operations whose turn it is: pending, due, and first of those with their order key that have
    /// not ended; they are `running` afterwards. One whose lease ran out (its process died) is taken as well; its
    /// `uncertain_since` is then set, no later than the begin of the lost attempt. Those of a `closed` location are passed
    /// over: GHL takes nothing for it at present.
    fn claim(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
        closed: Vec<LocationId>,
    ) -> Stored<'_, Vec<Operation>>;

    /// At the start of the only process on this store: whatever is `running` was left by one that died. Makes each
    /// pending again, `uncertain_since` set to the begin of its lost attempt unless set before, `settles_at` to `settles`,
    /// and not due before that. Says how many.
    fn recover(&self, settles: Timestamp) -> Stored<'_, u64>;

    /// Mends the times of pending operations that only a clock can have given them which was set back since. Says of how
    /// many.
    fn hasten(&self, times: Hasten) -> Stored<'_, u64>;

    /// Ends an attempt: the operation's new state and the log's entry, both or neither. `false` where the operation is no
    /// longer running this attempt: an entry of an attempt bears its number, one more than those counted before it. An
    /// attempt that counts as lost and was done all the same ends the operation, whatever was begun since.
    fn end_attempt(&self, id: OperationId, end: AttemptEnd, entry: AuditEntry, now: Timestamp) -> Stored<'_, bool>;

    /// One operation.
    fn operation(&self, id: OperationId) -> Stored<'_, Option<Operation>>;

    /// Operations, newest first: those before position `before`.
    fn operations(&self, filter: OperationFilter, before: Option<i64>, limit: u32) -> Stored<'_, Page<Operation>>;

    /// GHL's ids that operations of this kind on this contact have already been told are theirs: a look must not take one
    /// of them for another operation's.
    fn claimed_ids(&self, contact: Option<ContactId>, kind: WriteKind, since: Timestamp) -> Stored<'_, Vec<String>>;

    /// When the next pending operation is due, if one waits for its time alone. Those of a `closed` location wait for it.
    fn next_due(&self, closed: Vec<LocationId>) -> Stored<'_, Option<Timestamp>>;

    /// Makes a failed or dead operation pending again, its attempts counted anew.
    fn retry(&self, id: OperationId, entry: AuditEntry, now: Timestamp) -> Stored<'_, Changed>;

    /// Makes a failed upsert pending again as this change of a contact, its attempts counted anew.
    fn resolve(&self, id: OperationId, write: Write, entry: AuditEntry, now: Timestamp) -> Stored<'_, Changed>;

    /// Takes back a pending operation, unless it is not known whether GHL did it already.
    fn cancel(&self, id: OperationId, entry: AuditEntry, now: Timestamp) -> Stored<'_, Changed>;

    /// Takes an idempotency key for a request that is not one operation.
    fn reserve(&self, key: Idempotency, now: Timestamp) -> Stored<'_, Reservation>;

    /// Stores the answer of a request whose key was reserved; `None` gives the key back.
    fn answer(&self, key: Idempotency, answer: Option<serde_json::Value>) -> Stored<'_, ()>;

    /// Appends to the log.
    fn append(&self, entry: AuditEntry) -> Stored<'_, ()>;

    /// The log, newest first: entries before position `before`.
    fn audit(&self, filter: AuditFilter, before: Option<i64>, limit: u32) -> Stored<'_, Page<AuditEntry>>;

    /// Forgets what is held of a contact or a location: what operations say, what came of them, answers under idempotency
    /// keys, payloads of the log. Ids, kinds, times and states stay. What was pending is cancelled; what is running is never
    /// attempted again and loses its content at its end. `entry` goes to the log with the counts added to its payload. Once
    /// this answers, nothing of it is left on the disk; if it fails or the process dies before, it is to be repeated.
    fn erase(&self, scope: ErasureScope, entry: AuditEntry, now: Timestamp) -> Stored<'_, Erasure>;

    /// How many stand where.
    fn depth(&self) -> Stored<'_, Depth>;

    /// Forgets ended operations last changed before one time, keys of before another, and the log before a third. Says
    /// how many rows went.
    fn prune(&self, operations: Timestamp, keys: Timestamp, audit: Timestamp) -> Stored<'_, u64>;

    /// Whether the store can be written at this moment; what it says goes to readiness.
    fn health(&self) -> Result<(), StoreError>;

    /// Finishes what was begun and closes: every method is `Closed` afterwards.
    fn close(&self) -> BoxFuture<'_, ()>;
}

#[cfg(test)]
pub(crate) mod tests;

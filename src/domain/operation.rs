//! An operation: one durable write to GHL, from the moment it was accepted to its end, and the log of what was tried.

mod choice;

pub use choice::{TwoContacts, Unresolved};

use super::{
    ids::{ContactId, LocationId, OperationId},
    problem::Problem,
    write::{Write, WriteKind},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

macro_rules! words {
    // `tt`: utoipa does not see through a `literal` that a macro passes on, and would document the variant's name.
    ($(#[$doc:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident = $word:tt,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        pub enum $name {
            $($(#[$inner])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable word, as in the API and the store.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The one of that word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }
    };
}

pub(super) use words;

words! {
    /// Where an operation stands.
    OperationState {
        /// Waits for its turn or its next attempt.
        Pending = "pending",
        /// An attempt is under way.
        Running = "running",
        /// GHL did it.
        Done = "done",
        /// GHL refuses it; trying again as it is would not help.
        Failed = "failed",
        /// Ran out of attempts: a dead letter, which can be retried.
        Dead = "dead",
        /// Taken back before it was done.
        Cancelled = "cancelled",
    }
}

impl OperationState {
    /// Whether nothing more will happen to it by itself.
    #[must_use]
    pub const fn ended(self) -> bool {
        match self {
            Self::Pending | Self::Running => false,
            Self::Done | Self::Failed | Self::Dead | Self::Cancelled => true,
        }
    }
}

/// Who asked for something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Requester {
    /// Name of the API key; `None` is anonymous.
    pub key: Option<String>,
    /// Id of the request.
    pub request_id: String,
}

impl Requester {
    /// Begins the name of a source that had something written. No API key's name does.
    pub const SOURCE: &str = "source:";

    /// Whether an outside system had it written.
    #[must_use]
    pub fn is_source(&self) -> bool {
        self.key.as_deref().is_some_and(|key| key.starts_with(Self::SOURCE))
    }
}

/// The key under which a client may repeat a request, and what the request said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Whose keys these are: location and API key. Two clients' keys never meet.
    pub scope: String,
    /// The client's key.
    pub key: String,
    /// SHA-256 over method, path and canonical body.
    pub fingerprint: [u8; 32],
}

/// What GHL answered to a write that was done, in our spelling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// 200 or 201.
    pub status: u16,
    /// The record, or the list of tags.
    pub body: Value,
    /// GHL's id of the record that was made or changed, where there is one.
    pub id: Option<String>,
}

/// One durable write.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// Ours.
    pub id: OperationId,
    /// Position in the order of acceptance.
    pub seq: i64,
    /// Whose contact.
    pub location: LocationId,
    /// Which contact: the one named, or the one that was made.
    pub contact: Option<ContactId>,
    /// What to do.
    pub write: Write,
    /// What it waits its turn behind.
    pub order_key: String,
    /// Where it stands.
    pub state: OperationState,
    /// Who asked.
    pub requester: Requester,
    /// The client's key.
    pub idempotency_key: Option<String>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When its state last changed.
    pub updated_at: Timestamp,
    /// When it may be attempted next, while pending.
    pub due_at: Timestamp,
    /// Attempts begun that may have reached GHL.
    pub attempts: u32,
    /// Since when it is not known whether GHL did it: the begin of the first attempt that left this open. While it is set,
    /// a write that may not be doubled is looked for before it is tried again.
    pub uncertain_since: Option<Timestamp>,
    /// The end of that uncertainty: until then GHL may still be at work on the last attempt.
    pub settles_at: Option<Timestamp>,
    /// What GHL answered, once done.
    pub written: Option<Written>,
    /// Why it failed, or why the last attempt did.
    pub problem: Option<Problem>,
    /// When what it says was forgotten; one that is under way forgets it at its end.
    pub erased_at: Option<Timestamp>,
}

/// An operation on its way into the store.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "as in `Operation`")]
pub struct NewOperation {
    pub id: OperationId,
    pub location: LocationId,
    pub write: Write,
    pub requester: Requester,
    pub idempotency: Option<Idempotency>,
    pub created_at: Timestamp,
}

/// A request for one write.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    /// Whose contact.
    pub location: LocationId,
    /// What to do.
    pub write: Write,
    /// Who asks.
    pub requester: Requester,
    /// Under which key, where the client gave one.
    pub idempotency: Option<Idempotency>,
}

/// A write that is in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Submitted {
    /// The operation as it stands.
    pub operation: Operation,
    /// Whether an earlier request with the same idempotency key made it.
    pub replayed: bool,
}

/// How an attempt ended, for the store.
#[derive(Debug, Clone, PartialEq)]
pub enum AttemptEnd {
    /// GHL did it.
    Done(Written),
    /// It will never do it.
    Failed(Problem),
    /// Out of attempts.
    Dead(Problem),
    /// Again, not before `due_at`.
    Later {
        /// When.
        due_at: Timestamp,
        /// Why this attempt did not do it.
        problem: Problem,
        /// Whether the attempt may have reached GHL and so counts.
        counts: bool,
        /// Since when it is not known what GHL did, and until when it may be at work on it; `None`: it is known.
        uncertain: Option<(Timestamp, Timestamp)>,
    },
}

words! {
    /// What an entry of the audit log tells.
    AuditEvent {
        /// A request for a write was accepted: it is in the store.
        Accepted = "accepted",
        /// A request for a write was refused.
        Refused = "refused",
        /// A request came again under its idempotency key and was given the first answer.
        Replayed = "replayed",
        /// One attempt at GHL ended.
        Attempt = "attempt",
        /// Before another attempt it was looked in GHL whether an earlier one had been carried out.
        Look = "look",
        /// A dead letter or failure was taken up again by request.
        Retried = "retried",
        /// Of two contacts that an operation had failed for, one was chosen by request: it was taken up again as a change of it.
        Resolved = "resolved",
        /// An operation was taken back by request.
        Cancelled = "cancelled",
        /// What was held of a contact, or of a location, was forgotten by request.
        Erased = "erased",
    }
}

/// One line of the audit log. Holds ids and words, never what a record says of a person.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// Position in the log; 0 on its way into the store.
    pub seq: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What.
    pub event: AuditEvent,
    /// Whose contact, where the request said so.
    pub location_id: Option<LocationId>,
    /// Which contact.
    pub contact_id: Option<ContactId>,
    /// Which operation, where there is one.
    pub operation_id: Option<OperationId>,
    /// Which change.
    pub kind: Option<WriteKind>,
    /// Name of the API key that asked; `null` is anonymous.
    pub key: Option<String>,
    /// Id of the request that asked.
    pub request_id: Option<String>,
    /// Which attempt, counted from 1.
    pub attempt: Option<u32>,
    /// Of an attempt or look `done`, `later`, `failed`, `dead`, `found` or `absent`; of a request the state it left the
    /// operation in, the slug of the problem it was refused with, or `erased`.
    pub outcome: String,
    /// Status GHL answered.
    pub upstream_status: Option<u16>,
    /// How long the attempt took, ms.
    pub duration_ms: Option<u64>,
    /// What was asked for; only where `operations.audit_payloads` is switched on. Of `erased`: how much was forgotten.
    pub payload: Option<Value>,
}

/// Which operations a list shows; nothing means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in `Operation`")]
pub struct OperationFilter {
    /// Only these locations; `None` is all.
    pub locations: Option<Vec<LocationId>>,
    pub contact: Option<ContactId>,
    pub states: Vec<OperationState>,
    pub kind: Option<WriteKind>,
}

/// Which entries of the log; nothing means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in `AuditEntry`")]
pub struct AuditFilter {
    /// Only these locations; `None` is all, those that name none included.
    pub locations: Option<Vec<LocationId>>,
    pub contact: Option<ContactId>,
    pub operation: Option<OperationId>,
    pub event: Option<AuditEvent>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

//! A further part of the seam between HTTP and the service: what outside systems push.

use super::{api::Reply, write_api::Listed};
use crate::domain::{
    ids::LocationId,
    operation::Requester,
    problem::{Problem, ProblemKind},
    source::{
        DryRun, ListedEvent, ReconcileReport, RecordKind, SourceEventFilter, SourceEventId, SourceName, SourceReceipt,
        SourceReport,
    },
};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use std::{collections::BTreeMap, fmt};

/// How who pushes proves to be the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// By a signature: the request's headers, names in lower case, credentials excepted.
    Signature(BTreeMap<String, String>),
    /// By an API key.
    Key {
        /// Where it may write; `None` is everywhere.
        locations: Option<Vec<LocationId>>,
        /// Whether it may also read what GHL holds, which a dry run shows then.
        reads: bool,
    },
}

/// What a source takes for a proof, and whether a request brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// There is no such source, or it does not sign: it is pushed into by an API key alone.
    Unsigned,
    /// The source signs, and this request bears no signature.
    Missing,
    /// The source signs, and something that may be a signature is there.
    Present,
}

/// The longest line of a listing, in bytes.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// A listing on its way in.
pub struct Listing {
    /// What lines without a type of their own are.
    pub kind: Option<String>,
    /// When the listing was made; lines without a time of their own are as old.
    pub as_of: Option<Timestamp>,
    /// Whether records of these kinds that are not listed count as deleted.
    pub missing_deleted: Vec<RecordKind>,
    /// Whether each record is compared with what GHL holds, not with what is known of it.
    pub verify: bool,
    /// Whether nothing is to be stored.
    pub dry_run: bool,
    /// In whose name.
    pub by: Requester,
    /// Locations that the key may write in; `None` is all.
    pub locations: Option<Vec<LocationId>>,
    /// The lines without their ends, in order, empty ones included: those are passed over, and counted. One that is longer
    /// than [`MAX_LINE_BYTES`] comes cut off, one byte longer than that, and is refused. An error ends the listing.
    pub lines: BoxStream<'static, Result<Bytes, Problem>>,
}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing").field("kind", &self.kind).field("as_of", &self.as_of).finish_non_exhaustive()
    }
}

/// Everything the routes of sources need.
pub trait SourceApi: Send + Sync + 'static {
    /// The largest body that any source takes, in bytes. It does not depend on the source, so that a refusal for size tells
    /// nothing of which there are.
    fn max_body_bytes(&self) -> usize;

    /// Whether a source signs, and a request with these headers is signed. Verifies nothing. Asked only where nobody is asked
    /// for an API key.
    fn signing(&self, source: &SourceName, headers: &BTreeMap<String, String>) -> Signing;

    /// Refuses what need not be read. An unknown source is refused as a wrong signature is:
    /// who cannot prove anything learns nothing.
    ///
    /// # Errors
    /// `unauthenticated`; with a key, `not-found` where there is no such source in its locations.
    fn screen(&self, source: &SourceName, proof: &Proof) -> Result<(), Problem>;

    /// Verifies and stores events: once this answers, none is lost. `malformed-body`, `validation-failed` with pointers, or
    /// `too-many-requests` where they cannot be stored: nothing of the request was taken then.
    fn push(&self, source: SourceName, proof: Proof, body: Bytes) -> Reply<'_, SourceReceipt>;

    /// Says what pushing this would come to. Asks GHL, and changes nothing.
    fn dry_run(&self, source: SourceName, proof: Proof, body: Bytes) -> Reply<'_, DryRun>;

    /// The sources whose records go to these locations (`None` is all).
    fn sources(&self, locations: Option<Vec<LocationId>>) -> Reply<'_, Vec<SourceReport>>;

    /// Events, newest first, those before a position.
    fn events(&self, filter: SourceEventFilter, before: Option<i64>, limit: u32) -> Reply<'_, Listed<ListedEvent>>;

    /// One event; `not-found` where there is none in these locations (`None` is all).
    fn event(
        &self,
        source: SourceName,
        id: SourceEventId,
        locations: Option<Vec<LocationId>>,
    ) -> Reply<'_, ListedEvent>;

    /// Has an event carried out again; `operation-conflict` where its state does not admit it.
    fn replay(
        &self,
        source: SourceName,
        id: SourceEventId,
        locations: Option<Vec<LocationId>>,
    ) -> Reply<'_, ListedEvent>;

    /// Takes a full listing and carries out the differences alone.
    fn reconcile(&self, source: SourceName, listing: Listing) -> Reply<'_, ReconcileReport>;
}

/// The service without sources: none configured, or without a store.
#[derive(Debug, Clone, Copy)]
pub struct NoSources;

impl NoSources {
    fn refusal() -> Problem {
        Problem::new(ProblemKind::NotFound, "There is no such source.")
    }

    fn refuse<T: Send + 'static>() -> Reply<'static, T> {
        Box::pin(std::future::ready(Err(Self::refusal())))
    }
}

impl SourceApi for NoSources {
    fn max_body_bytes(&self) -> usize {
        1024 * 1024
    }

    fn signing(&self, _: &SourceName, _: &BTreeMap<String, String>) -> Signing {
        Signing::Unsigned
    }

    fn screen(&self, _: &SourceName, proof: &Proof) -> Result<(), Problem> {
        match proof {
            Proof::Signature(_) => {
                Err(Problem::new(ProblemKind::Unauthenticated, "The request bears no valid signature of the source."))
            }
            Proof::Key { .. } => Err(Self::refusal()),
        }
    }

    fn push(&self, _: SourceName, _: Proof, _: Bytes) -> Reply<'_, SourceReceipt> {
        Self::refuse()
    }

    fn dry_run(&self, _: SourceName, _: Proof, _: Bytes) -> Reply<'_, DryRun> {
        Self::refuse()
    }

    fn sources(&self, _: Option<Vec<LocationId>>) -> Reply<'_, Vec<SourceReport>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn events(&self, _: SourceEventFilter, _: Option<i64>, _: u32) -> Reply<'_, Listed<ListedEvent>> {
        Self::refuse()
    }

    fn event(&self, _: SourceName, _: SourceEventId, _: Option<Vec<LocationId>>) -> Reply<'_, ListedEvent> {
        Self::refuse()
    }

    fn replay(&self, _: SourceName, _: SourceEventId, _: Option<Vec<LocationId>>) -> Reply<'_, ListedEvent> {
        Self::refuse()
    }

    fn reconcile(&self, _: SourceName, _: Listing) -> Reply<'_, ReconcileReport> {
        Self::refuse()
    }
}

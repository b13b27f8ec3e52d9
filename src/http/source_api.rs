//! A further part of the seam between HTTP and the service: what outside systems push.

use super::{api::Reply, write_api::Listed};
use crate::domain::{
    ids::LocationId,
    problem::{Problem, ProblemKind},
    source::{
        DryRun, ListedEvent, Listing, Proof, ReconcileReport, SourceEventFilter, SourceEventId, SourceName,
        SourceReceipt, SourceReport,
    },
};
use bytes::Bytes;
use std::collections::BTreeMap;

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

//! The other half of the seam between HTTP and the service: writes, their log, the quota they are paid from, and rules.

use super::api::Reply;
use crate::domain::{
    ids::{ContactId, LocationId, OperationId},
    operation::{AuditEntry, AuditFilter, Operation, OperationFilter, Requester, Submission, Submitted},
    problem::{Problem, ProblemKind},
    quota::QuotaReport,
    rules::{EnrichmentReport, RuleOutcome},
};
use crate::{enrichment::EnrichmentRequest, profiles::ProfileRequest};
use tokio::time::Instant;

/// Everything the routes that write need. Dropping a returned future must leave nothing half-done.
pub trait WriteApi: Send + Sync + 'static {
    /// Puts a write into the store: once this answers, nothing of it is lost.
    fn submit(&self, submission: Submission) -> Reply<'_, Submitted>;

    /// The operation once it has ended, or as it stands at `until`.
    fn wait(&self, id: OperationId, until: Instant) -> Reply<'_, Operation>;

    /// One operation; `not-found` where there is none in these locations (`None` is all).
    fn operation(&self, id: OperationId, locations: Option<Vec<LocationId>>) -> Reply<'_, Operation>;

    /// Operations, newest first, those before a position.
    fn operations(&self, filter: OperationFilter, before: Option<i64>, limit: u32) -> Reply<'_, Listed<Operation>>;

    /// Takes a failed or dead operation up again; `operation-conflict` where its state does not admit it.
    fn retry(&self, id: OperationId, locations: Option<Vec<LocationId>>, by: Requester) -> Reply<'_, Operation>;

    /// Takes an operation up again that failed for two contacts matching, as a change of the one that is meant.
    /// `operation-conflict` where it is no such one, `validation-failed` where the contact is neither of the two.
    fn resolve(
        &self,
        id: OperationId,
        meant: ContactId,
        locations: Option<Vec<LocationId>>,
        by: Requester,
    ) -> Reply<'_, Operation>;

    /// Takes a pending operation back; `operation-conflict` where its state does not admit it.
    fn cancel(&self, id: OperationId, locations: Option<Vec<LocationId>>, by: Requester) -> Reply<'_, Operation>;

    /// The log, newest first, entries before a position.
    fn audit(&self, filter: AuditFilter, before: Option<i64>, limit: u32) -> Reply<'_, Listed<AuditEntry>>;

    /// Logs a request for a write that was refused before it became an operation. Does not wait for the store.
    fn log_refusal(&self, entry: AuditEntry);

    /// Evaluates the rules and writes the difference.
    fn enrich(&self, request: EnrichmentRequest) -> Reply<'_, EnrichmentReport>;

    /// How each rule comes out for the profile that this request shows, for its explanation; writes nothing.
    fn explain_rules(&self, request: ProfileRequest) -> Reply<'_, Vec<RuleOutcome>>;

    /// What a location may spend at GHL and has spent; `None` where no account of it is kept.
    fn quota(&self, location: &LocationId) -> Option<QuotaReport>;
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Where the next page begins, where one follows.
    pub next: Option<i64>,
}

/// The service without a store: every write is refused, and there is nothing to list. What needs no store is asked of the
/// two.
#[derive(Debug)]
pub struct NoWrites<Q, E> {
    /// [`WriteApi::quota`]
    pub quota: Q,
    /// [`WriteApi::explain_rules`]
    pub explain: E,
}

impl<Q, E> NoWrites<Q, E> {
    fn refusal() -> Problem {
        Problem::new(
            ProblemKind::StoreUnavailable,
            "This service keeps no store (store.url is empty), so it takes no writes.",
        )
    }

    fn refuse<T: Send + 'static>() -> Reply<'static, T> {
        Box::pin(std::future::ready(Err(Self::refusal())))
    }
}

impl<Q, E> WriteApi for NoWrites<Q, E>
where
    Q: Fn(&LocationId) -> Option<QuotaReport> + Send + Sync + 'static,
    E: Fn(ProfileRequest) -> Reply<'static, Vec<RuleOutcome>> + Send + Sync + 'static,
{
    fn submit(&self, _: Submission) -> Reply<'_, Submitted> {
        Self::refuse()
    }

    fn wait(&self, _: OperationId, _: Instant) -> Reply<'_, Operation> {
        Self::refuse()
    }

    fn operation(&self, _: OperationId, _: Option<Vec<LocationId>>) -> Reply<'_, Operation> {
        Self::refuse()
    }

    fn operations(&self, _: OperationFilter, _: Option<i64>, _: u32) -> Reply<'_, Listed<Operation>> {
        Self::refuse()
    }

    fn retry(&self, _: OperationId, _: Option<Vec<LocationId>>, _: Requester) -> Reply<'_, Operation> {
        Self::refuse()
    }

    fn resolve(&self, _: OperationId, _: ContactId, _: Option<Vec<LocationId>>, _: Requester) -> Reply<'_, Operation> {
        Self::refuse()
    }

    fn cancel(&self, _: OperationId, _: Option<Vec<LocationId>>, _: Requester) -> Reply<'_, Operation> {
        Self::refuse()
    }

    fn audit(&self, _: AuditFilter, _: Option<i64>, _: u32) -> Reply<'_, Listed<AuditEntry>> {
        Self::refuse()
    }

    fn log_refusal(&self, _: AuditEntry) {}

    fn enrich(&self, _: EnrichmentRequest) -> Reply<'_, EnrichmentReport> {
        Self::refuse()
    }

    fn explain_rules(&self, request: ProfileRequest) -> Reply<'_, Vec<RuleOutcome>> {
        (self.explain)(request)
    }

    fn quota(&self, location: &LocationId) -> Option<QuotaReport> {
        (self.quota)(location)
    }
}

//! What the rest of the service asks of the operations.

mod resolve;

use super::{Operations, core::Core, ids, log};
use crate::{
    domain::{
        erasure::{Erased, ErasureScope},
        ids::{LocationId, OperationId},
        operation::{
            AuditEntry, AuditEvent, AuditFilter, Idempotency, NewOperation, Operation, OperationFilter, Requester,
            Submission, Submitted,
        },
        problem::{Problem, ProblemKind},
    },
    store::{Accepted, Changed, Depth, Page, Reservation, StoreError},
};
use serde_json::{Map, Value};
use std::{future::Future, sync::Arc};
use tokio::time::Instant;

impl Operations {
    /// Puts a write into the store: once this answers, nothing of it is lost. Whoever drops the future leaves either
    /// nothing or all of it.
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, Problem> {
        let core = Arc::clone(&self.core);
        self.aside("submit", async move { submit(&core, submission).await }).await
    }

    /// The operation once it has ended, or as it stands at `until` or when the process stops.
    pub async fn wait(&self, id: OperationId, until: Instant) -> Result<Operation, Problem> {
        let mut ticket = self.core.waiters.ticket(&id);
        let operation = self.read(&id).await?;
        if operation.state.ended() {
            return Ok(operation);
        }
        tokio::select! {
            () = ticket.ended() => {}
            () = tokio::time::sleep_until(until) => {}
            () = self.core.stopping.cancelled() => {}
        }
        // A store that fails by now does not make an accepted write a refused one.
        Ok(self.read(&id).await.unwrap_or(operation))
    }

    /// One operation; `not-found` where there is none in these locations (`None` is all).
    pub async fn operation(&self, id: OperationId, locations: Option<Vec<LocationId>>) -> Result<Operation, Problem> {
        let operation = self.read(&id).await?;
        match locations {
            Some(locations) if !locations.contains(&operation.location) => Err(not_found()),
            _ => Ok(operation),
        }
    }

    /// Operations, newest first, those before a position.
    pub async fn operations(
        &self,
        filter: OperationFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<Operation>, Problem> {
        self.core.store.operations(filter, before, limit).await.map_err(|failure| unreadable(&failure))
    }

    /// Takes a failed or dead operation up again; `operation-conflict` where its state does not admit it.
    pub async fn retry(
        &self,
        id: OperationId,
        locations: Option<Vec<LocationId>>,
        by: Requester,
    ) -> Result<Operation, Problem> {
        self.change(id, locations, AuditEvent::Retried, by).await
    }

    /// Takes a pending operation back; `operation-conflict` where its state does not admit it.
    pub async fn cancel(
        &self,
        id: OperationId,
        locations: Option<Vec<LocationId>>,
        by: Requester,
    ) -> Result<Operation, Problem> {
        self.change(id, locations, AuditEvent::Cancelled, by).await
    }

    /// The log, newest first, entries before a position.
    pub async fn audit(
        &self,
        filter: AuditFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<AuditEntry>, Problem> {
        self.core.store.audit(filter, before, limit).await.map_err(|failure| unreadable(&failure))
    }

    /// Logs a request that was refused before it became an operation. Waits for nothing; where too many wait already, it
    /// is counted instead.
    pub fn log_refusal(&self, mut entry: AuditEntry) {
        if self.core.settings.audit_payloads {
            entry.payload.iter_mut().for_each(log::mask);
        } else {
            entry.payload = None;
        }
        if self.core.refusals.try_send(entry).is_err() {
            self.core.metrics().audit_dropped();
        }
    }

    /// Takes an idempotency key for a request that is not one operation.
    pub async fn reserve(&self, key: Idempotency) -> Result<Reservation, Problem> {
        let now = self.core.clock.now();
        self.core.store.reserve(key, now).await.map_err(|failure| failure.to_problem())
    }

    /// Stores the answer of a request whose key was reserved; `None` gives the key back.
    pub async fn answer(&self, key: Idempotency, answer: Option<Value>) -> Result<(), Problem> {
        let core = Arc::clone(&self.core);
        let stored = async move { core.store.answer(key, answer).await.map_err(|failure| failure.to_problem()) };
        self.aside("idempotency", stored).await
    }

    /// Forgets what is held of a contact or a location (see [`OperationStore::erase`]). `counted` is what was forgotten
    /// elsewhere, for the log.
    ///
    /// [`OperationStore::erase`]: crate::store::OperationStore::erase
    pub async fn erase(
        &self,
        scope: ErasureScope,
        by: Requester,
        counted: Map<String, Value>,
    ) -> Result<Erased, Problem> {
        let core = Arc::clone(&self.core);
        self.aside("erase", async move { erase(&core, scope, by, counted).await }).await
    }

    /// How many stand where.
    pub async fn depth(&self) -> Result<Depth, Problem> {
        self.core.store.depth().await.map_err(|failure| unreadable(&failure))
    }

    /// Whether writes can be taken at this moment.
    pub fn health(&self) -> Result<(), StoreError> {
        self.core.store.health()
    }

    async fn change(
        &self,
        id: OperationId,
        locations: Option<Vec<LocationId>>,
        event: AuditEvent,
        by: Requester,
    ) -> Result<Operation, Problem> {
        let operation = self.operation(id, locations).await?;
        let core = Arc::clone(&self.core);
        self.aside("change", async move { change(&core, operation, event, by).await }).await
    }

    async fn read(&self, id: &OperationId) -> Result<Operation, Problem> {
        let found = self.core.store.operation(id.clone()).await.map_err(|failure| unreadable(&failure))?;
        found.ok_or_else(not_found)
    }

    /// Runs work to its end though its caller hangs up: between the store and the bell nothing may be forgotten.
    async fn aside<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<T, Problem>> + Send + 'static,
    ) -> Result<T, Problem> {
        self.core.tasks.spawn_load(name, work).await.unwrap_or_else(|broken| {
            Err(Problem::new(ProblemKind::Internal, "The request broke down.").with_cause(broken.to_string()))
        })
    }
}

async fn submit(core: &Core, submission: Submission) -> Result<Submitted, Problem> {
    let Submission { location, write, requester, idempotency } = submission;
    let (id, created_at) = (ids::new_id(&core.clock)?, core.clock.now());
    let new = NewOperation { id, location, write, requester: requester.clone(), idempotency, created_at };
    let entry = log::accepted(&new, core.settings.audit_payloads);
    match core.store.accept(new, entry).await.map_err(|failure| failure.to_problem())? {
        Accepted::New(operation) => {
            core.note_change();
            core.wake.notify_one();
            Ok(Submitted { operation, replayed: false })
        }
        Accepted::Before(operation) => {
            let entry = log::asked(&operation, AuditEvent::Replayed, requester, core.clock.now());
            if let Err(failure) = core.store.append(entry).await {
                core.metrics().audit_dropped();
                core.report(&failure);
            }
            Ok(Submitted { operation, replayed: true })
        }
        Accepted::KeyReused => Err(Problem::new(
            ProblemKind::IdempotencyKeyReused,
            "This Idempotency-Key came before with another request. Nothing was accepted.",
        )),
    }
}

async fn erase(
    core: &Core,
    scope: ErasureScope,
    by: Requester,
    counted: Map<String, Value>,
) -> Result<Erased, Problem> {
    let now = core.clock.now();
    let entry = log::erased(&scope, by, counted, now);
    let erasure = core.store.erase(scope, entry, now).await.map_err(|failure| Problem {
        detail: "Not all of it was forgotten, for the store failed. Repeat the request.".into(),
        ..failure.to_problem()
    })?;
    core.note_change();
    for id in &erasure.cancelled {
        core.waiters.wake(id);
    }
    Ok(erasure.counts)
}

async fn change(core: &Core, operation: Operation, event: AuditEvent, by: Requester) -> Result<Operation, Problem> {
    let now = core.clock.now();
    let (id, entry) = (operation.id.clone(), log::asked(&operation, event, by, now));
    let changed = match event {
        AuditEvent::Retried => core.store.retry(id, entry, now).await,
        _ => core.store.cancel(id, entry, now).await,
    };
    match changed.map_err(|failure| failure.to_problem())? {
        Changed::Yes(operation) => {
            core.note_change();
            if operation.state.ended() {
                core.waiters.wake(&operation.id);
            }
            // Retried it is due; cancelled it lets the next one of its contact go.
            core.wake.notify_one();
            Ok(operation)
        }
        Changed::No(operation) => Err(refused(event, &operation)),
        Changed::Superseded(_) => Err(superseded()),
        Changed::Unknown => Err(not_found()),
    }
}

fn refused(event: AuditEvent, operation: &Operation) -> Problem {
    let state = operation.state.as_str();
    let detail = match event {
        AuditEvent::Retried if operation.erased_at.is_some() => {
            "What the operation says was forgotten by request, so it cannot be retried.".to_owned()
        }
        AuditEvent::Retried => format!("The operation is {state}; only a failed or dead one can be retried."),
        _ if operation.state.ended() => format!("The operation is {state}; only a pending one can be cancelled."),
        _ => format!("The operation is {state} and GHL may have done it already, so it cannot be cancelled now."),
    };
    Problem::new(ProblemKind::OperationConflict, detail)
}

/// Repeated, it would write what is old over what came since.
fn superseded() -> Problem {
    let detail = "The source's record that the operation was for went on without it: something newer was told of it, or it \
                  was carried out anew. Replay the event instead.";
    Problem::new(ProblemKind::OperationConflict, detail)
}

fn not_found() -> Problem {
    Problem::new(ProblemKind::NotFound, "There is no such operation.")
}

/// A store that cannot be read: unlike [`StoreError::to_problem`] it says nothing of what was accepted.
fn unreadable(failure: &StoreError) -> Problem {
    let problem = failure.to_problem();
    Problem { detail: "The store that writes are kept in cannot be read at present.".into(), ..problem }
}

//! Saying which of two contacts an operation means that failed for both matching.

use super::{Operations, not_found, superseded};
use crate::{
    domain::{
        ids::{ContactId, LocationId, OperationId},
        operation::{AuditEntry, AuditEvent, Operation, Requester, TwoContacts, Unresolved},
        problem::{Problem, ProblemKind},
    },
    operations::{core::Core, log},
    store::Changed,
};
use std::sync::Arc;

impl Operations {
    /// Takes an operation up again that failed for two contacts matching, as a change of the one that is meant.
    /// `operation-conflict` where it is no such one, `validation-failed` where the contact is neither of the two.
    pub async fn resolve(
        &self,
        id: OperationId,
        meant: ContactId,
        locations: Option<Vec<LocationId>>,
        by: Requester,
    ) -> Result<Operation, Problem> {
        let operation = self.operation(id, locations).await?;
        let core = Arc::clone(&self.core);
        self.aside("resolve", async move { resolve(&core, operation, meant, by).await }).await
    }
}

async fn resolve(core: &Core, operation: Operation, meant: ContactId, by: Requester) -> Result<Operation, Problem> {
    let write = operation.resolved(&meant).map_err(|why| refused(&operation, why))?;
    let now = core.clock.now();
    let asked = log::asked(&operation, AuditEvent::Resolved, by, now);
    let entry = AuditEntry { contact_id: Some(meant), kind: Some(write.kind()), ..asked };
    match core.store.resolve(operation.id, write, entry, now).await.map_err(|failure| failure.to_problem())? {
        Changed::Yes(operation) => {
            core.note_change();
            core.wake.notify_one();
            Ok(operation)
        }
        // Somebody else was quicker.
        Changed::No(operation) => Err(refused(&operation, Unresolved::NoChoice)),
        Changed::Superseded(_) => Err(superseded()),
        Changed::Unknown => Err(not_found()),
    }
}

fn refused(operation: &Operation, why: Unresolved) -> Problem {
    match why {
        Unresolved::NoChoice if operation.erased_at.is_some() => {
            let detail = "What the operation says was forgotten by request, so it cannot be resolved.";
            Problem::new(ProblemKind::OperationConflict, detail)
        }
        Unresolved::NoChoice => {
            let detail = format!(
                "The operation is {}; only one that failed because two contacts match can be resolved.",
                operation.state.as_str()
            );
            Problem::new(ProblemKind::OperationConflict, detail)
        }
        Unresolved::Neither(TwoContacts { by_email, by_phone }) => {
            Problem::new(ProblemKind::ValidationFailed, "The contact is neither of the two that match.")
                .with_error("/contactId", format!("must be {by_email} or {by_phone}"))
        }
        Unresolved::Fields(errors) => {
            let detail = "What the operation says cannot be written to a contact that exists.";
            Problem { errors, ..Problem::new(ProblemKind::OperationConflict, detail) }
        }
    }
}

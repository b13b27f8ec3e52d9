//! The end of an attempt: what it makes of the operation, the log's entry, and whose turn it is then.

use super::{
    audit::append,
    erase::{erased_since, finish},
    rows::{Stored, json, millis},
    turns::{find, promote},
    writer::Work,
};
use crate::{
    domain::{
        ids::OperationId,
        operation::{AttemptEnd, AuditEntry, AuditEvent, Operation, OperationState, Written},
        problem::Problem,
        write::WriteKind,
    },
    store::StoreError,
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use sqlx::SqliteConnection;

/// [`OperationStore::end_attempt`](crate::store::OperationStore::end_attempt)
pub(super) struct EndAttempt {
    pub id: OperationId,
    pub end: AttemptEnd,
    pub entry: AuditEntry,
    pub now: Timestamp,
}

/// What an attempt's end makes of the operation's row.
#[derive(Default)]
struct After<'a> {
    state: Option<OperationState>,
    counts: bool,
    due_at: Option<i64>,
    uncertain_since: Option<i64>,
    settles_at: Option<i64>,
    written: Option<&'a Written>,
    problem: Option<&'a Problem>,
}

impl EndAttempt {
    /// Whether the operation runs, and runs this attempt; or whether it is a lost attempt that was done all the same: no
    /// other can make that untrue.
    fn ends(&self, found: &Stored) -> bool {
        let runs = found.operation.state == OperationState::Running;
        let late = self.is_late(found) && !found.operation.state.ended();
        match &self.end {
            AttemptEnd::Done(_) if late => true,
            _ if self.entry.event == AuditEvent::Attempt && self.entry.attempt.is_some() => runs && self.is_this(found),
            _ => runs,
        }
    }

    fn is_this(&self, found: &Stored) -> bool {
        self.entry.attempt == Some(found.operation.attempts.saturating_add(1))
    }

    /// A lost attempt was counted when it was lost, so its late end has a number that was counted before.
    fn is_late(&self, found: &Stored) -> bool {
        self.entry.event == AuditEvent::Attempt
            && self.entry.attempt.is_some_and(|attempt| attempt <= found.operation.attempts)
    }

    fn after(&self, found: &Stored) -> After<'_> {
        let attempted = self.entry.event == AuditEvent::Attempt && !self.is_late(found);
        let known_since = found.operation.uncertain_since.map(millis);
        let known = After {
            counts: attempted,
            uncertain_since: known_since,
            settles_at: found.operation.settles_at.map(millis),
            ..After::default()
        };
        match &self.end {
            AttemptEnd::Done(written) => After {
                state: Some(OperationState::Done),
                counts: attempted,
                written: Some(written),
                ..After::default()
            },
            AttemptEnd::Failed(problem) => {
                After { state: Some(OperationState::Failed), problem: Some(problem), ..known }
            }
            // Nobody says what became of the last attempt: whoever takes it up again looks first.
            AttemptEnd::Dead(problem) => After {
                state: Some(OperationState::Dead),
                problem: Some(problem),
                uncertain_since: known_since.or(found.started_at),
                settles_at: known.settles_at.or(Some(millis(self.now))),
                ..known
            },
            AttemptEnd::Later { due_at, problem, counts, uncertain } => After {
                state: Some(OperationState::Pending),
                counts: *counts,
                due_at: Some(millis(*due_at)),
                uncertain_since: uncertain
                    .map(|(since, _)| known_since.map_or(millis(since), |old| old.min(millis(since)))),
                settles_at: uncertain.map(|(_, until)| millis(until)),
                written: None,
                problem: Some(problem),
            },
        }
    }

    /// Whether its content was to be forgotten meanwhile. One that made or found its contact only now was not known to be
    /// that contact's.
    async fn is_erased(&self, on: &mut SqliteConnection, operation: &Operation) -> Result<bool, StoreError> {
        let written = match &self.end {
            AttemptEnd::Done(written) => Some(written),
            AttemptEnd::Failed(_) | AttemptEnd::Dead(_) | AttemptEnd::Later { .. } => None,
        };
        match made_contact(operation, written).filter(|_| operation.contact.is_none()) {
            Some(contact) if operation.erased_at.is_none() => {
                erased_since(on, operation.location.as_str(), contact, millis(operation.created_at)).await
            }
            _ => Ok(operation.erased_at.is_some()),
        }
    }

    async fn store(&self, on: &mut SqliteConnection, found: &Stored) -> Result<(), StoreError> {
        let after = self.after(found);
        let state = after.state.unwrap_or(found.operation.state);
        sqlx::query(
            "UPDATE operations SET state = $2, head = $3, attempts = attempts + $4, due_at = coalesce($5, due_at),
                 uncertain_since = $6, settles_at = $7, written_json = $8, written_id = $9, problem_json = $10,
                 contact = coalesce(contact, $11), updated_at = $12, started_at = NULL, lease_until = NULL
             WHERE seq = $1",
        )
        .bind(found.operation.seq)
        .bind(state.as_str())
        .bind(i64::from(!state.ended()))
        .bind(i64::from(after.counts))
        .bind(after.due_at)
        .bind(after.uncertain_since)
        .bind(after.settles_at)
        .bind(after.written.map(json).transpose()?)
        .bind(after.written.and_then(|written| written.id.as_deref()))
        .bind(after.problem.map(json).transpose()?)
        .bind(made_contact(&found.operation, after.written))
        .bind(millis(self.now))
        .execute(&mut *on)
        .await?;
        if state.ended() { promote(on, &found.operation.order_key).await } else { Ok(()) }
    }
}

/// The contact a write made or found.
fn made_contact<'a>(operation: &Operation, written: Option<&'a Written>) -> Option<&'a str> {
    match operation.write.kind() {
        WriteKind::CreateContact | WriteKind::UpsertContact => written?.id.as_deref(),
        _ => None,
    }
}

/// Whether an attempt was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    No,
    Yes,
    /// And what the operation said was forgotten with it.
    Erased,
}

impl Work for EndAttempt {
    type Answer = Ended;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Ended, StoreError>> {
        Box::pin(async move {
            let found = find(on, &self.id).await?.filter(|found| self.ends(found));
            let Some(found) = found else { return Ok(Ended::No) };
            self.store(on, &found).await?;
            append(on, &self.entry).await?;
            if self.is_erased(on, &found.operation).await? {
                finish(on, found.operation.seq, self.now).await?;
                return Ok(Ended::Erased);
            }
            Ok(Ended::Yes)
        })
    }
}

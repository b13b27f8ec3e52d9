//! A scripted double of the half that writes: it remembers what was submitted, knows idempotency keys, and has each write
//! end as it was told.

use crate::{
    domain::{
        ids::{ContactId, LocationId, OperationId},
        operation::{
            AuditEntry, AuditFilter, Idempotency, Operation, OperationFilter, OperationState, Requester, Submission,
            Submitted, Written,
        },
        problem::{Problem, ProblemKind},
        quota::QuotaReport,
        rules::{EnrichmentReport, RuleOutcome},
        write::Write,
    },
    enrichment::EnrichmentRequest,
    http::{
        api::Reply,
        write_api::{Listed, WriteApi},
    },
    profiles::ProfileRequest,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    future::{pending, ready},
    sync::Mutex,
};
use tokio::time::{Instant, sleep_until};

/// How a write ends.
#[derive(Default)]
pub(super) enum Ends {
    /// As GHL would end it.
    #[default]
    Done,
    /// In this state, with this problem.
    As(OperationState, Option<Problem>),
    /// Not while anybody waits; it stands as `running` then.
    Later,
    /// The service never says.
    Never,
    /// The service cannot say how it stands.
    Unsaid,
}

#[derive(Default)]
pub(super) struct WriteDouble {
    ends: Ends,
    /// What every submission is refused with, if set.
    refuses: Option<Problem>,
    pub(super) submitted: Mutex<Vec<Submission>>,
    /// How long each wait was to last, milliseconds.
    pub(super) waits: Mutex<Vec<u128>>,
    pub(super) refusals: Mutex<Vec<AuditEntry>>,
    keys: Mutex<Vec<(Idempotency, Operation)>>,
}

impl WriteDouble {
    pub(super) fn ending(ends: Ends) -> Self {
        Self { ends, ..Self::default() }
    }

    pub(super) fn refusing(problem: Problem) -> Self {
        Self { refuses: Some(problem), ..Self::default() }
    }

    /// The only write that was submitted.
    pub(super) fn only(&self) -> Submission {
        let submitted = self.submitted.lock().unwrap();
        assert_eq!(submitted.len(), 1);
        submitted[0].clone()
    }

    pub(super) fn count(&self) -> usize {
        self.submitted.lock().unwrap().len()
    }

    fn ended(&self, mut operation: Operation) -> Operation {
        match &self.ends {
            Ends::Done => {
                operation.written = Some(answer(&operation.write));
                operation.state = OperationState::Done;
            }
            Ends::As(state, problem) => {
                operation.problem.clone_from(problem);
                operation.state = *state;
            }
            Ends::Later | Ends::Never | Ends::Unsaid => operation.state = OperationState::Running,
        }
        operation
    }

    fn find(&self, id: &OperationId) -> Operation {
        let position: usize = id.as_str().trim_start_matches("op").parse().unwrap();
        operation(position, &self.submitted.lock().unwrap()[position])
    }
}

/// An operation as it was accepted.
fn operation(position: usize, submission: &Submission) -> Operation {
    let at = Timestamp::UNIX_EPOCH;
    Operation {
        id: OperationId::parse(&format!("op{position}")).unwrap(),
        seq: i64::try_from(position).unwrap(),
        location: submission.location.clone(),
        contact: submission.write.contact().cloned(),
        write: submission.write.clone(),
        order_key: String::new(),
        state: OperationState::Pending,
        requester: submission.requester.clone(),
        idempotency_key: submission.idempotency.as_ref().map(|idempotency| idempotency.key.clone()),
        created_at: at,
        updated_at: at,
        due_at: at,
        attempts: 0,
        uncertain_since: None,
        settles_at: None,
        written: None,
        problem: None,
        erased_at: None,
    }
}

/// What GHL makes of a write, in our spelling.
fn answer(write: &Write) -> Written {
    let made = |id: &str, fields: &Value| {
        let mut body = fields.clone();
        body["id"] = json!(id);
        Written { status: 201, body, id: Some(id.to_owned()) }
    };
    match write {
        Write::CreateContact { fields } | Write::UpsertContact { fields } => made("madeContact", &json!(fields)),
        Write::CreateNote { fields, .. } => made("madeNote", &json!(fields)),
        Write::CreateTask { fields, .. } => made("madeTask", &json!(fields)),
        other => Written { status: 200, body: json!({"kind": other.kind()}), id: None },
    }
}

fn reply<'a, T: Send + 'a>(outcome: Result<T, Problem>) -> Reply<'a, T> {
    Box::pin(ready(outcome))
}

impl WriteApi for WriteDouble {
    fn submit(&self, submission: Submission) -> Reply<'_, Submitted> {
        if let Some(problem) = &self.refuses {
            return reply(Err(problem.clone()));
        }
        let mut keys = self.keys.lock().unwrap();
        if let Some(idempotency) = &submission.idempotency {
            let same = |known: &Idempotency| known.scope == idempotency.scope && known.key == idempotency.key;
            match keys.iter().find(|(known, _)| same(known)) {
                Some((known, operation)) if known.fingerprint == idempotency.fingerprint => {
                    let operation = self.ended(operation.clone());
                    return reply(Ok(Submitted { operation, replayed: true }));
                }
                Some(_) => {
                    let detail = "This key came before with another request.";
                    return reply(Err(Problem::new(ProblemKind::IdempotencyKeyReused, detail)));
                }
                None => {}
            }
        }
        let mut submitted = self.submitted.lock().unwrap();
        let operation = operation(submitted.len(), &submission);
        if let Some(idempotency) = &submission.idempotency {
            keys.push((idempotency.clone(), operation.clone()));
        }
        submitted.push(submission);
        reply(Ok(Submitted { operation, replayed: false }))
    }

    fn wait(&self, id: OperationId, until: Instant) -> Reply<'_, Operation> {
        self.waits.lock().unwrap().push(until.duration_since(Instant::now()).as_millis());
        let operation = self.ended(self.find(&id));
        match self.ends {
            Ends::Done | Ends::As(..) => reply(Ok(operation)),
            Ends::Later => Box::pin(async move {
                sleep_until(until).await;
                Ok(operation)
            }),
            Ends::Never => Box::pin(pending()),
            Ends::Unsaid => reply(Err(Problem::new(ProblemKind::StoreUnavailable, "The store is gone."))),
        }
    }

    fn operation(&self, _: OperationId, _: Option<Vec<LocationId>>) -> Reply<'_, Operation> {
        unreachable!("no route that writes asks")
    }

    fn operations(&self, _: OperationFilter, _: Option<i64>, _: u32) -> Reply<'_, Listed<Operation>> {
        unreachable!("no route that writes asks")
    }

    fn retry(&self, _: OperationId, _: Option<Vec<LocationId>>, _: Requester) -> Reply<'_, Operation> {
        unreachable!("no route that writes asks")
    }

    fn resolve(&self, _: OperationId, _: ContactId, _: Option<Vec<LocationId>>, _: Requester) -> Reply<'_, Operation> {
        unreachable!("no route that writes asks")
    }

    fn cancel(&self, _: OperationId, _: Option<Vec<LocationId>>, _: Requester) -> Reply<'_, Operation> {
        unreachable!("no route that writes asks")
    }

    fn audit(&self, _: AuditFilter, _: Option<i64>, _: u32) -> Reply<'_, Listed<AuditEntry>> {
        unreachable!("no route that writes asks")
    }

    fn log_refusal(&self, entry: AuditEntry) {
        self.refusals.lock().unwrap().push(entry);
    }

    fn explain_rules(&self, _: ProfileRequest) -> Reply<'_, Vec<RuleOutcome>> {
        unreachable!("no route that writes asks")
    }

    fn enrich(&self, _: EnrichmentRequest) -> Reply<'_, EnrichmentReport> {
        unreachable!("no route that writes asks")
    }

    fn quota(&self, _: &LocationId) -> Option<QuotaReport> {
        None
    }
}

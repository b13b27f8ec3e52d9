//! How far a record came: noted, together with the fate of its events.

use super::{
    lane::Home,
    run::{End, Run, Step},
};
use crate::{
    domain::{
        ids::{ContactId, OperationId},
        operation::{Operation, OperationState},
        problem::{Problem, ProblemKind},
        source::{Delivered, Intent, RecordKind, RecordStatus, SourceFate, SourceRecord},
        write::{Write, WriteKind},
    },
    sources::{later, plan::is_identity},
    store::{EventsEnd, RecordStep, StoreError},
};
use std::time::Duration;

/// The first and the longest pause after a question that GHL did not answer.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Run<'_> {
    /// Keeps the record as it is. Says whether it is there still: it may have been forgotten by request.
    pub(super) async fn note(&mut self, events: Option<EventsEnd>) -> Result<bool, StoreError> {
        let record = &self.record;
        let awaited = record.intent.as_ref().and_then(|intent| self.parked().get(&intent.key).cloned());
        let step = RecordStep {
            key: record.key.clone(),
            seen_seq: record.merged_seq,
            ghl_id: record.ghl_id.clone(),
            ghl_contact: record.ghl_contact.clone(),
            delivered: record.delivered.clone(),
            intent: record.intent.clone(),
            awaited,
            status: record.status,
            due_at: record.due_at,
            tries: record.tries,
            verify: record.verify,
            problem: record.problem.clone(),
            bared: self.is_gone().then(|| record.state.bare()),
            events,
        };
        let ends = step.events.is_some();
        let known = self.core.parts.store.step(vec![step], self.core.now()).await?;
        if ends {
            self.core.note_change();
        }
        Ok(known == [true])
    }

    /// Whether it is a contact that was deleted in the source and is not in GHL: what was said of it is needed no more.
    fn is_gone(&self) -> bool {
        let SourceRecord { key, state, ghl_contact, status, .. } = &self.record;
        let settled = *status == RecordStatus::Settled;
        settled && key.kind == RecordKind::Contact && state.is_deleted() && ghl_contact.is_none()
    }

    fn stand(&mut self, status: RecordStatus, problem: Option<Problem>) {
        (self.record.status, self.record.problem) = (status, problem);
        self.record.due_at = self.core.now();
        self.record.tries = 0;
    }

    pub(super) async fn settle(&mut self, why: Option<&'static str>) -> Result<End, StoreError> {
        self.stand(RecordStatus::Settled, None);
        (self.record.verify, self.record.intent) = (false, None);
        let operations = std::mem::take(&mut self.operations);
        let fate = if operations.is_empty() && why.is_some() { SourceFate::Ignored } else { SourceFate::Applied };
        let detail = why.filter(|_| operations.is_empty()).map(str::to_owned);
        self.note(Some(EventsEnd { fate, detail, operations })).await?;
        Ok(End::Came)
    }

    /// Waits, from the first time on no longer than the settings say.
    pub(super) async fn wait(&mut self, why: &'static str) -> Result<End, StoreError> {
        let now = self.core.now();
        let waits = self.record.status == RecordStatus::Waiting;
        if waits && self.record.due_at <= now {
            let hours = self.core.settings.wait.as_secs() / 3600;
            let detail = format!("It was given up after {hours} hours: {why}.");
            return self.fail(Problem::new(ProblemKind::NotFound, detail), None).await;
        }
        let told = self.record.problem.as_ref().is_some_and(|problem| problem.detail == why);
        if !(waits && told) {
            let due_at = if waits { self.record.due_at } else { later(now, self.core.settings.wait) };
            self.stand(RecordStatus::Waiting, Some(Problem::new(ProblemKind::NotFound, why)));
            (self.record.due_at, self.record.intent) = (due_at, None);
            let operations = self.operations.clone();
            self.note(Some(EventsEnd { fate: SourceFate::Waiting, detail: Some(why.to_owned()), operations })).await?;
        }
        Ok(End::Came)
    }

    /// It failed until something newer is told, or somebody has the write repeated.
    pub(super) async fn fail(&mut self, problem: Problem, operation: Option<&OperationId>) -> Result<End, StoreError> {
        let why = match problem.errors.as_slice() {
            [] => problem.to_string(),
            errors => format!("{problem} {}", crate::sources::stored::told(errors)),
        };
        let detail = match operation {
            Some(id) => format!("operation {id}: {why}"),
            None => why,
        };
        self.operations.extend(operation.cloned());
        match (operation, self.record.intent.as_mut()) {
            (Some(id), Some(intent)) => intent.operation = Some(id.clone()),
            (_, _) => self.record.intent = None,
        }
        let kind = self.record.key.kind.as_str();
        tracing::warn!(source = %self.record.key.source, kind, problem = problem.kind.slug(), "a source's record failed");
        self.stand(RecordStatus::Failed, Some(problem));
        let operations = std::mem::take(&mut self.operations);
        self.note(Some(EventsEnd { fate: SourceFate::Failed, detail: Some(detail), operations })).await?;
        Ok(End::Came)
    }

    pub(super) async fn fail_homeless(&mut self) -> Result<(), StoreError> {
        let problem = Problem::new(ProblemKind::ContactNotFound, "GHL does not know the contact any more.");
        let operation = self.operations.pop();
        self.fail(problem, operation.as_ref()).await.map(drop)
    }

    /// Something kept it from going on that says nothing of it: later, and no failure.
    pub(super) async fn later(&mut self, problem: Problem) -> Result<End, StoreError> {
        let doubled = 2_u32.checked_pow(self.record.tries).and_then(|factor| FIRST_PAUSE.checked_mul(factor));
        let pause = doubled.unwrap_or(LONGEST_PAUSE).max(problem.retry_after.unwrap_or_default()).min(LONGEST_PAUSE);
        let tries = self.record.tries.saturating_add(1);
        tracing::debug!(source = %self.record.key.source, problem = problem.kind.slug(), "a source's record has to wait");
        self.stand(RecordStatus::Due, Some(problem));
        (self.record.tries, self.record.due_at) = (tries, later(self.core.now(), pause));
        self.note(None).await?;
        Ok(End::Came)
    }

    /// Its contact cannot be asked for yet.
    pub(super) async fn postpone(&mut self, home: &Home) -> Result<End, StoreError> {
        // One that has waited long enough is not given up before its contact could be asked for.
        if let Home::Later(at) = home {
            self.record.due_at = *at;
            self.note(None).await?;
        }
        Ok(End::Came)
    }

    /// What a write that has ended means for the record.
    pub(super) async fn ended(&mut self, intent: &Intent, operation: &Operation) -> Result<Step, StoreError> {
        if operation.state == OperationState::Done {
            self.done(intent, operation);
            return Ok(Step::On);
        }
        let problem = operation.problem.clone().unwrap_or_else(|| {
            let detail = format!("The write was {}.", operation.state.as_str());
            Problem::new(ProblemKind::OperationConflict, detail)
        });
        let gone = matches!(problem.kind, ProblemKind::ContactNotFound | ProblemKind::NotFound);
        let deletes =
            matches!(intent.write.kind(), WriteKind::DeleteContact | WriteKind::DeleteTask | WriteKind::DeleteNote);
        if gone && deletes {
            self.done(intent, operation);
            return Ok(Step::On);
        }
        if gone && operation.state == OperationState::Failed && intent.write.contact().is_some() {
            if problem.kind == ProblemKind::ContactNotFound && self.record.key.kind != RecordKind::Contact {
                self.lose();
                self.operations.push(operation.id.clone());
                return Ok(Step::End(End::Homeless));
            }
            if !self.remade {
                self.forget();
                return Ok(Step::On);
            }
        }
        self.fail(problem, Some(&operation.id)).await.map(Step::End)
    }

    /// GHL holds it now.
    fn done(&mut self, intent: &Intent, operation: &Operation) {
        self.operations.push(operation.id.clone());
        self.record.intent = None;
        self.record.tries = 0;
        let written = operation.written.as_ref();
        match &intent.write {
            Write::DeleteContact { .. } | Write::DeleteNote { .. } | Write::DeleteTask { .. } => return self.lose(),
            Write::CreateContact { .. } | Write::UpsertContact { .. } => {
                let id = written.and_then(|written| ContactId::parse(written.id.as_deref()?).ok());
                let id = id.or_else(|| operation.contact.clone());
                self.record.ghl_id = id.as_ref().map(ToString::to_string);
                self.record.ghl_contact = id;
                let made = written.is_some_and(|written| written.status == 201);
                if matches!(operation.write, Write::UpdateContact { .. }) {
                    // Somebody said which of two contacts is meant. Address and phone stay as they are: one of them is the
                    // other contact's. Tags were no part of it, nor what GHL has a say in: that is looked at.
                    self.record.verify = false;
                    let fields = intent.then.fields.clone();
                    let left = fields.keys().filter(|name| is_identity(name)).cloned().collect();
                    self.record.delivered = Delivered { fields, left, ..Delivered::default() };
                    return;
                }
                if !made {
                    // Somebody's contact was changed, with care, by other rules than the mapping's: what it holds now is
                    // looked at.
                    self.record.verify = true;
                    self.record.delivered = Delivered::default();
                    return;
                }
            }
            Write::CreateNote { contact, .. } | Write::CreateTask { contact, .. } => {
                self.record.ghl_id = written.and_then(|written| written.id.clone());
                self.record.ghl_contact = Some(contact.clone());
            }
            Write::UpdateContact { .. }
            | Write::UpdateNote { .. }
            | Write::UpdateTask { .. }
            | Write::CompleteTask { .. }
            | Write::AddTags { .. }
            | Write::RemoveTags { .. } => {}
        }
        self.record.delivered = intent.then.clone();
        if let Some(held) = self.held.as_mut() {
            held.apply(&intent.write, &intent.then);
        }
    }
}

//! One record on its way: what is on its way already is seen to its end, then step by step whatever the plan says is next,
//! each on the disk before it is asked for.

use super::lane::Home;
use crate::{
    domain::{
        ids::OperationId,
        operation::{Idempotency, Operation, OperationState, Requester, Submission},
        problem::{Problem, ProblemKind},
        source::{Intent, RecordKind, RecordStatus, SourceRecord},
        write::Write,
    },
    sources::{
        Core,
        held::Held,
        later,
        plan::{self, Next, Planned},
        systems::System,
    },
    store::StoreError,
};
use std::{
    collections::HashMap,
    sync::{MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long a lane waits for a write before it lets others go first and looks again.
const PATIENCE: Duration = Duration::from_secs(20);

/// When it looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// No record takes more writes than this at a time: tags go in hundreds.
const MOST_STEPS: usize = 50;

/// How far a record came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// As far as it could; that is noted.
    Came,
    /// The process stops.
    Stopped,
    /// GHL does not know its contact any more.
    Homeless,
}

/// What became of one step.
pub(super) enum Step {
    /// On to the next.
    On,
    /// The end.
    End(End),
}

/// A record in hand.
pub(super) struct Run<'a> {
    pub(super) core: &'a Core,
    pub(super) system: &'a System,
    stop: &'a CancellationToken,
    pub(super) record: SourceRecord,
    /// What GHL holds, once it was asked.
    pub(super) held: Option<Held>,
    /// The writes that carried it out.
    pub(super) operations: Vec<OperationId>,
    /// Whether it was given up as lost and begun anew.
    pub(super) remade: bool,
    /// Whether GHL was asked for a contact like it.
    pub(super) sought: bool,
    /// Whether it has two.
    pub(super) two: bool,
}

impl<'a> Run<'a> {
    pub(super) fn new(core: &'a Core, system: &'a System, stop: &'a CancellationToken, record: SourceRecord) -> Self {
        let (held, operations) = (None, Vec::new());
        Self { core, system, stop, record, held, operations, remade: false, sought: false, two: false }
    }

    /// Whether something is to be done by now, or was waited for long enough.
    pub(super) fn is_due(&self) -> bool {
        match self.record.status {
            RecordStatus::Due | RecordStatus::Waiting => self.record.due_at <= self.core.now(),
            RecordStatus::Settled | RecordStatus::Failed => false,
        }
    }

    /// Carries it as far as it comes.
    pub(super) async fn carry(&mut self, home: &Home) -> Result<End, StoreError> {
        if let Some(intent) = self.record.intent.clone()
            && let Step::End(end) = self.resume(intent).await?
        {
            return Ok(end);
        }
        for _ in 0..MOST_STEPS {
            if let Step::End(end) = self.step(home).await? {
                return Ok(end);
            }
        }
        // More tags than go at a time: the rest has its turn.
        self.later(Problem::new(ProblemKind::Internal, "It has not come to an end yet.")).await
    }

    async fn step(&mut self, home: &Home) -> Result<Step, StoreError> {
        if self.is_to_be_sought()
            && let Some(end) = self.seek().await?
        {
            return Ok(Step::End(end));
        }
        let plan = self.plan(home);
        let Some(plan) = plan else { return self.postpone(home).await.map(Step::End) };
        let end = match plan.next {
            Next::Write(planned) if self.belongs_to_others(&planned.write).await? => {
                self.settle(Some(plan::SHARED)).await?
            }
            Next::Write(planned) => return self.write(*planned).await,
            Next::Read => match self.read().await? {
                Some(end) => end,
                None => return Ok(Step::On),
            },
            Next::Settled(why) => {
                self.record.delivered = plan.delivered;
                self.settle(why).await?
            }
            Next::Wait(why) => self.wait(why).await?,
            Next::Refuse(problem) => self.fail(problem, None).await?,
        };
        Ok(Step::End(end))
    }

    /// Whether a write deletes a contact that is another record's as well.
    async fn belongs_to_others(&self, write: &Write) -> Result<bool, StoreError> {
        let Write::DeleteContact { contact } = write else { return Ok(false) };
        let (record, location) = (self.record.key.clone(), self.record.location.clone());
        self.core.parts.store.is_shared(record, location, contact.clone()).await
    }

    /// None where nothing can be said before the contact could be asked for.
    fn plan(&self, home: &Home) -> Option<plan::Plan> {
        let (record, held, owners) = (&self.record, self.held.as_ref(), &self.system.mapping);
        if self.two && record.ghl_contact.is_none() {
            return Some(plan::contact(&plan::of_either(record, owners), held, owners));
        }
        if record.key.kind == RecordKind::Contact {
            return Some(plan::contact(record, held, owners));
        }
        let home = match home {
            Home::Known(contact) => Ok(contact),
            Home::Unknown(why) => Err(*why),
            Home::Later(_) => Err(""),
        };
        let plan = plan::child(record, home, held, owners);
        (plan.next != Next::Wait("")).then_some(plan)
    }

    /// Gives it up as lost at GHL: it is to be made anew.
    pub(super) fn forget(&mut self) {
        self.remade = true;
        self.lose();
    }

    pub(super) fn lose(&mut self) {
        (self.record.ghl_id, self.record.ghl_contact, self.record.intent) = (None, None, None);
        self.record.delivered = Default::default();
        (self.held, self.sought, self.two) = (None, false, false);
    }

    /// Notes what is to be written, and has it written.
    async fn write(&mut self, planned: Planned) -> Result<Step, StoreError> {
        let key = Uuid::new_v4().simple().to_string();
        let intent = Intent { write: planned.write, key, operation: None, then: planned.then };
        self.record.intent = Some(intent.clone());
        (self.record.status, self.record.due_at) = (RecordStatus::Due, self.core.now());
        self.execute(intent).await
    }

    /// Takes up what an earlier try left. What failed, and was told to have failed, is dropped: something newer was told
    /// since, or somebody asked for it anew. Unless it failed for two contacts matching, which may be so still.
    async fn resume(&mut self, intent: Intent) -> Result<Step, StoreError> {
        let parked = || self.parked().remove(&intent.key);
        let Some(id) = intent.operation.clone() else {
            return match parked() {
                Some(id) => self.look_at(intent, id).await,
                None if self.belongs_to_others(&intent.write).await? => {
                    self.record.intent = None;
                    Ok(Step::On)
                }
                None => self.execute(intent).await,
            };
        };
        let operation = match self.core.parts.writes.operation(id).await {
            Ok(operation) => operation,
            Err(problem) if problem.kind == ProblemKind::NotFound => {
                self.record.intent = None;
                return Ok(Step::On);
            }
            Err(problem) => return self.later(problem).await.map(Step::End),
        };
        match operation.state {
            OperationState::Failed if self.is_undecided(&intent, &operation) => self.ask_again(operation).await,
            OperationState::Failed | OperationState::Dead | OperationState::Cancelled => {
                // Noted before anything is asked: from now on nobody may have it repeated.
                self.record.intent = None;
                Ok(if self.note(None).await? { Step::On } else { Step::End(End::Came) })
            }
            OperationState::Done => self.ended(&intent, &operation).await,
            OperationState::Pending | OperationState::Running => self.await_end(intent, operation).await,
        }
    }

    pub(super) fn parked(&self) -> MutexGuard<'_, HashMap<String, OperationId>> {
        self.core.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at a write that was not waited for any longer.
    async fn look_at(&mut self, intent: Intent, id: OperationId) -> Result<Step, StoreError> {
        match self.core.parts.writes.operation(id).await {
            Ok(operation) => self.await_end(intent, operation).await,
            Err(_) => self.execute(intent).await,
        }
    }

    /// Asks for the write under its key: after a crash the same is asked for again, and it is one. Not for a record that
    /// was forgotten by request meanwhile.
    async fn execute(&mut self, intent: Intent) -> Result<Step, StoreError> {
        if !self.note(None).await? {
            return Ok(Step::End(End::Came));
        }
        match self.core.parts.writes.submit(self.submission(&intent)).await {
            Ok(submitted) => self.await_end(intent, submitted.operation).await,
            Err(problem) => self.later(problem).await.map(Step::End),
        }
    }

    async fn await_end(&mut self, intent: Intent, mut operation: Operation) -> Result<Step, StoreError> {
        if !operation.state.ended() {
            operation = match self.core.parts.writes.wait(operation.id, Instant::now() + PATIENCE).await {
                Ok(operation) => operation,
                Err(problem) => return self.later(problem).await.map(Step::End),
            };
        }
        if operation.state.ended() {
            return self.ended(&intent, &operation).await;
        }
        if self.stop.is_cancelled() {
            return Ok(Step::End(End::Stopped));
        }
        self.parked().insert(intent.key, operation.id);
        // Not a try that failed: the write has its own.
        self.record.due_at = later(self.core.now(), LOOK_AGAIN);
        self.record.status = RecordStatus::Due;
        self.note(None).await?;
        Ok(Step::End(End::Came))
    }

    fn submission(&self, intent: &Intent) -> Submission {
        let (source, location) = (&self.record.key.source, &self.record.location);
        let name = format!("{}{source}", Requester::SOURCE);
        Submission {
            location: location.clone(),
            write: intent.write.clone(),
            requester: Requester { key: Some(name.clone()), request_id: self.request_id() },
            idempotency: Some(Idempotency {
                scope: format!("{location}:{name}"),
                key: intent.key.clone(),
                fingerprint: fingerprint(intent),
            }),
        }
    }

    /// The record's id in the log, unless it may be an address: those are hashed.
    fn request_id(&self) -> String {
        let (kind, id) = (self.record.key.kind.as_str(), self.record.key.id.as_str());
        let plain = id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
        if plain { format!("{kind}:{id}") } else { format!("{kind}:{}", crate::sources::hashed(&[id])) }
    }
}

/// The key is random and the intent is kept under it: it never comes with another write.
fn fingerprint(intent: &Intent) -> [u8; 32] {
    let said = serde_json::to_vec(&intent.write).unwrap_or_default();
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &said).as_ref());
    fingerprint
}

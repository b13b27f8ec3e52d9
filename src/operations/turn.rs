//! One turn of one operation: where it is not known whether GHL did it already, wait until GHL cannot be at work on it any
//! more and look; then attempt it; then tell the store how that ended.

use super::{
    Attempted, Looked,
    backoff::{earlier, later, until},
    core::Core,
    log, may_double,
    slots::Slot,
};
use crate::domain::{
    operation::{AttemptEnd, AuditEntry, AuditEvent, Operation, Written},
    problem::{Problem, ProblemKind},
    write::WriteKind,
};
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};

/// How long after its deadline a delivery is given up that does not keep it.
const GRACE: Duration = Duration::from_secs(2);

/// Longest pause between an answer that is doubted and the look.
const DOUBT_PAUSE: Duration = Duration::from_secs(1);

/// How much earlier than the uncertain attempt an id may have been given out and still be taken for its: the clocks differ.
const CLAIMED_SLACK: Duration = Duration::from_secs(300);

/// An operation in hand.
#[derive(Debug)]
pub(super) struct Turn {
    core: Arc<Core>,
    operation: Operation,
    slot: Slot,
}

/// One attempt or look, as it went.
struct Tried {
    event: AuditEvent,
    began_at: Timestamp,
    took: Duration,
    upstream_status: Option<u16>,
}

/// Why an operation is put off.
struct PutOff {
    problem: Problem,
    wait: Duration,
    counts: bool,
    uncertain: Option<(Timestamp, Timestamp)>,
}

impl Turn {
    pub(super) const fn new(core: Arc<Core>, operation: Operation, slot: Slot) -> Self {
        Self { core, operation, slot }
    }

    /// Takes the turn.
    pub(super) async fn take(mut self) {
        self.slot.resume().await;
        if self.resolve().await {
            self.attempt().await;
        }
    }

    /// Finds out what became of an attempt whose outcome is not known. Says whether to attempt it now.
    async fn resolve(&mut self) -> bool {
        let Some((since, settles_at)) = self.uncertain() else {
            return true;
        };
        // Though it may be repeated: a late first attempt must not land on top of what comes after the second. GHL is
        // never given longer than that, whatever the clock says.
        if !self.rest(until(self.core.clock.now(), settles_at).min(self.core.settings.settle)).await {
            self.park().await;
            return false;
        }
        if !may_double(self.operation.write.kind()) {
            return self.has_attempts_left().await;
        }
        let (looked, tried) = self.look(since).await;
        match looked {
            Looked::Found(written) => self.done(written, tried).await,
            Looked::Absent => return self.absent(tried).await,
            Looked::NotNow { problem, retry_after } => {
                let wait = self.look_again_in(retry_after, settles_at);
                let problem = self.operation.problem.clone().unwrap_or(problem);
                let put_off = PutOff { problem, wait, counts: false, uncertain: Some((since, settles_at)) };
                self.put_off(put_off, tried).await;
            }
        }
        false
    }

    /// An attempt that is lost does not end anything; one that takes the process down each time must end all the same.
    async fn has_attempts_left(&self) -> bool {
        let left = self.operation.attempts < self.core.settings.max_attempts;
        if !left {
            let problem = self.operation.problem.clone().unwrap_or_else(unanswered);
            self.finish(AttemptEnd::Dead(problem), self.nothing_tried(), "dead").await;
        }
        left
    }

    /// GHL does not hold it. Says whether to attempt it now.
    async fn absent(&self, tried: Tried) -> bool {
        if let Some(refusal) = doubted(&self.operation) {
            self.finish(AttemptEnd::Failed(refusal), tried, "absent").await;
            return false;
        }
        if self.operation.attempts >= self.core.settings.max_attempts {
            let problem = self.operation.problem.clone().unwrap_or_else(unanswered);
            self.finish(AttemptEnd::Dead(problem), tried, "absent").await;
            return false;
        }
        let entry = self.entry(&tried, "absent", None);
        // It stays uncertain: GHL's search lags, so what the first attempt made may come to light only now.
        self.core.insist(|store| store.append(entry.clone())).await.is_some()
    }

    /// Attempts it.
    async fn attempt(&mut self) {
        if self.core.stopping.is_cancelled() {
            self.park().await;
            return;
        }
        let (attempted, mut tried) = self.deliver().await;
        self.core.metrics().attempt(self.operation.write.kind(), attempted.word());
        match attempted {
            Attempted::Done { written, upstream_status } => {
                tried.upstream_status = upstream_status;
                self.core.gates.open(&self.operation.location);
                self.done(written, tried).await;
            }
            Attempted::Refused { problem, upstream_status, doubtful } => {
                tried.upstream_status = upstream_status;
                self.core.gates.open(&self.operation.location);
                if doubtful && may_double(self.operation.write.kind()) {
                    self.doubt(problem, tried).await;
                } else {
                    self.finish(AttemptEnd::Failed(problem), tried, "failed").await;
                }
            }
            Attempted::Unknown { problem, upstream_status } => {
                tried.upstream_status = upstream_status;
                self.unknown(problem, tried).await;
            }
            Attempted::Deferred { problem, upstream_status, retry_after } => {
                tried.upstream_status = upstream_status;
                self.not_now(problem, retry_after, tried).await;
            }
            Attempted::NotSent { problem, retry_after } => self.not_now(problem, retry_after, tried).await,
        }
    }

    async fn deliver(&self) -> (Attempted, Tried) {
        let (began_at, began) = (self.core.clock.now(), Instant::now());
        let deadline = began + self.core.settings.attempt_timeout;
        let delivered = timeout_at(deadline + GRACE, self.core.delivery.attempt(&self.operation, deadline)).await;
        let attempted =
            delivered.unwrap_or_else(|_| Attempted::Unknown { problem: unanswered(), upstream_status: None });
        let took = began.elapsed();
        (attempted, Tried { event: AuditEvent::Attempt, began_at, took, upstream_status: None })
    }

    async fn look(&self, since: Timestamp) -> (Looked, Tried) {
        let (began_at, began) = (self.core.clock.now(), Instant::now());
        let deadline = began + self.core.settings.attempt_timeout;
        let looked = match self.claimed_ids(since).await {
            Some(taken) => {
                let look = self.core.delivery.look(&self.operation, &taken, deadline);
                timeout_at(deadline + GRACE, look)
                    .await
                    .unwrap_or_else(|_| Looked::NotNow { problem: unanswered(), retry_after: None })
            }
            None => Looked::NotNow { problem: unanswered(), retry_after: None },
        };
        self.core.metrics().look(looked.word());
        (looked, Tried { event: AuditEvent::Look, began_at, took: began.elapsed(), upstream_status: None })
    }

    /// Ids that other operations were told are theirs. A contact may have been made by an upsert as well.
    async fn claimed_ids(&self, since: Timestamp) -> Option<Vec<String>> {
        let kinds: &[WriteKind] = match self.operation.write.kind() {
            WriteKind::CreateContact => &[WriteKind::CreateContact, WriteKind::UpsertContact],
            WriteKind::UpsertContact => &[WriteKind::UpsertContact, WriteKind::CreateContact],
            WriteKind::CreateNote => &[WriteKind::CreateNote],
            WriteKind::CreateTask => &[WriteKind::CreateTask],
            _ => &[],
        };
        // GHL does not say when a task was made, so one that is as old as can be may pass for this one's.
        let ever = self.operation.write.kind() == WriteKind::CreateTask;
        let since = if ever { Timestamp::MIN } else { earlier(since, CLAIMED_SLACK) };
        let contact = self.operation.write.contact();
        let mut taken = Vec::new();
        for kind in kinds {
            taken.extend(self.core.insist(|store| store.claimed_ids(contact.cloned(), *kind, since)).await?);
        }
        Some(taken)
    }

    async fn done(&self, written: Written, tried: Tried) {
        // Before anybody can know that it is done: who then reads the profile must see it.
        self.core.touch(&self.operation, Some(&written));
        self.core.made(&self.operation, tried.began_at);
        let outcome = if tried.event == AuditEvent::Look { "found" } else { "done" };
        self.finish(AttemptEnd::Done(written), tried, outcome).await;
    }

    /// GHL refused it, and is known to refuse what it did all the same: look before believing it.
    async fn doubt(&mut self, refusal: Problem, tried: Tried) {
        self.core.touch(&self.operation, None);
        let entry = self.entry(&tried, "later", None);
        if self.core.insist(|store| store.append(entry.clone())).await.is_none() {
            return;
        }
        let since = self.begun(&tried);
        let settles_at = later(self.core.clock.now(), self.core.settings.settle);
        self.operation.uncertain_since = Some(since);
        let uncertain = Some((since, settles_at));
        if !self.rest(self.core.settings.settle.min(DOUBT_PAUSE)).await {
            let put_off = PutOff { problem: refusal, wait: Duration::ZERO, counts: true, uncertain };
            self.put_off(put_off, Tried { event: AuditEvent::Look, ..tried }).await;
            return;
        }
        let (looked, tried) = self.look(since).await;
        match looked {
            Looked::Found(written) => self.done(written, tried).await,
            Looked::Absent => self.finish(AttemptEnd::Failed(refusal), tried, "absent").await,
            Looked::NotNow { retry_after, .. } => {
                let wait = self.look_again_in(retry_after, settles_at);
                self.put_off(PutOff { problem: refusal, wait, counts: true, uncertain }, tried).await;
            }
        }
    }

    /// Since when it is not known whether GHL did it: the begin of the first such attempt, by the clock as it is now. What
    /// the clock said at its begin may have been mended since.
    fn begun(&self, tried: &Tried) -> Timestamp {
        self.operation.uncertain_since.unwrap_or_else(|| earlier(self.core.clock.now(), tried.took))
    }

    /// It is not known whether GHL did it.
    async fn unknown(&self, problem: Problem, tried: Tried) {
        self.core.touch(&self.operation, None);
        self.core.gates.failed(&self.operation.location, &self.core.backoff);
        let attempts = self.operation.attempts.saturating_add(1);
        // What may double does not end while it is open whether it was done: it is looked for once more, and then ends.
        if attempts >= self.core.settings.max_attempts && !may_double(self.operation.write.kind()) {
            self.finish(AttemptEnd::Dead(problem), tried, "dead").await;
            return;
        }
        let since = self.begun(&tried);
        let settles_at = later(self.core.clock.now(), self.core.settings.settle);
        let wait = self.core.backoff.pause(attempts);
        let put_off = PutOff { problem, wait, counts: true, uncertain: Some((since, settles_at)) };
        self.put_off(put_off, tried).await;
    }

    /// GHL did not get it or did not do it, for a reason that is the location's: however often, it does not count.
    async fn not_now(&self, problem: Problem, retry_after: Option<Duration>, tried: Tried) {
        let wait = self.close_gate(retry_after);
        let uncertain = self.uncertain();
        self.put_off(PutOff { problem, wait, counts: false, uncertain }, tried).await;
    }

    /// Closes the location's gate. Says when this operation may try again.
    fn close_gate(&self, retry_after: Option<Duration>) -> Duration {
        self.core.gates.close(&self.operation.location, retry_after, &self.core.backoff)
    }

    /// A wait that is known is the location's. Otherwise only this look failed, perhaps for good: it is repeated ever less
    /// often the longer it has been due, and nobody else waits for it.
    fn look_again_in(&self, retry_after: Option<Duration>, settles_at: Timestamp) -> Duration {
        if retry_after.is_some() {
            return self.close_gate(retry_after);
        }
        let waited = until(settles_at, self.core.clock.now());
        self.core.backoff.pause(1).max(self.core.backoff.asked(waited))
    }

    /// The process stops before it was tried: gives it back as it was.
    async fn park(&self) {
        let problem = self.operation.problem.clone().unwrap_or_else(|| {
            Problem::new(
                ProblemKind::ShuttingDown,
                "The service stopped before this was tried; it goes on at its start.",
            )
        });
        let put_off = PutOff { problem, wait: Duration::ZERO, counts: false, uncertain: self.uncertain() };
        self.put_off(put_off, self.nothing_tried()).await;
    }

    fn nothing_tried(&self) -> Tried {
        Tried {
            event: if self.operation.uncertain_since.is_some() { AuditEvent::Look } else { AuditEvent::Attempt },
            began_at: self.core.clock.now(),
            took: Duration::ZERO,
            upstream_status: None,
        }
    }

    async fn put_off(&self, put_off: PutOff, tried: Tried) {
        let PutOff { problem, wait, counts, uncertain } = put_off;
        let due_at = later(self.core.clock.now(), wait);
        let due_at = uncertain.map_or(due_at, |(_, settles_at)| due_at.max(settles_at));
        self.finish(AttemptEnd::Later { due_at, problem, counts, uncertain }, tried, "later").await;
    }

    async fn finish(&self, end: AttemptEnd, tried: Tried, outcome: &str) {
        let (id, now) = (&self.operation.id, self.core.clock.now());
        self.tell(&end);
        let written = match &end {
            AttemptEnd::Done(written) => Some(written),
            _ => None,
        };
        let entry = self.entry(&tried, outcome, written);
        let stored = self.core.insist(|store| store.end_attempt(id.clone(), end.clone(), entry.clone(), now)).await;
        if stored == Some(false) {
            tracing::warn!(operation = %id, "an attempt ended that the store did not know to be under way");
        }
        self.core.note_change();
        if !matches!(end, AttemptEnd::Later { .. }) {
            self.core.waiters.wake(id);
        }
    }

    fn tell(&self, end: &AttemptEnd) {
        let (id, kind) = (&self.operation.id, self.operation.write.kind().as_str());
        match end {
            AttemptEnd::Done(_) => tracing::debug!(operation = %id, kind, "done"),
            AttemptEnd::Later { problem, .. } => {
                tracing::debug!(operation = %id, kind, problem = problem.kind.slug(), "put off");
            }
            AttemptEnd::Failed(problem) => {
                tracing::info!(operation = %id, kind, problem = problem.kind.slug(), "GHL refuses a write");
            }
            AttemptEnd::Dead(problem) => {
                self.core.metrics().dead_letter();
                tracing::warn!(operation = %id, kind, problem = problem.kind.slug(), "a write ran out of attempts");
            }
        }
    }

    fn entry(&self, tried: &Tried, outcome: &str, written: Option<&Written>) -> AuditEntry {
        let attempt = self.operation.attempts.saturating_add(1);
        AuditEntry {
            contact_id: log::contact_of(&self.operation, written),
            attempt: (tried.event == AuditEvent::Attempt).then_some(attempt),
            upstream_status: tried.upstream_status,
            duration_ms: log::milliseconds(tried.took),
            ..log::entry(&self.operation, tried.event, outcome, tried.began_at)
        }
    }

    /// Waits without holding a slot. `false` where the process stops first.
    async fn rest(&mut self, pause: Duration) -> bool {
        if pause.is_zero() {
            return true;
        }
        self.slot.rest();
        let resumed = async {
            tokio::time::sleep(pause).await;
            self.slot.resume().await;
        };
        tokio::select! {
            () = self.core.stopping.cancelled() => false,
            () = resumed => true,
        }
    }

    /// Since when it is not known whether GHL did it, and until when it may be at work on it.
    fn uncertain(&self) -> Option<(Timestamp, Timestamp)> {
        let since = self.operation.uncertain_since?;
        Some((since, self.operation.settles_at.unwrap_or(since)))
    }
}

/// The refusal that an operation waits to have confirmed by a look: GHL's last word was a 4xx that speaks of the write, and
/// nobody asked since to try it again (its attempts would count anew).
fn doubted(operation: &Operation) -> Option<Problem> {
    if operation.attempts == 0 {
        return None;
    }
    let problem = operation.problem.as_ref()?;
    let status = problem.upstream.as_ref()?.status?;
    let speaks_of_the_write = (400..500).contains(&status) && !matches!(status, 401 | 403 | 408 | 429);
    speaks_of_the_write.then(|| problem.clone())
}

fn unanswered() -> Problem {
    Problem::new(ProblemKind::UpstreamTimeout, "GHL did not answer in time.").with_upstream("ghl", None, "timeout")
}

//! The loop that gives out what takes time: rules, look-ups, purges, installations. What is about one contact (or one
//! location's tasks, or one installation) is done together, and by one at a time; different ones side by side.

use super::{
    Core, Installation, earlier, effect, later, requester, rules, tasks,
    worker::{STORE_PAUSE, settle},
};
use crate::{
    domain::{
        ids::LocationId,
        problem::Problem,
        webhook::{EventKind, WebhookEvent},
    },
    ghl::webhook::fields,
    profiles::ContactKey,
    store::{EventEnd, FateOf, PendingEvent, Settlement, StoreError},
};
use jiff::Timestamp;
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// What is done side by side.
const SLOTS: usize = 8;

/// Events looked at together.
const BATCH: u32 = 256;

/// Longest sleep while something is due and cannot be taken: wall time may jump.
const POLL: Duration = Duration::from_secs(1);

/// Longest sleep otherwise.
const IDLE: Duration = Duration::from_secs(10);

/// What is done by one at a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Subject {
    Contact(ContactKey),
    Tasks(LocationId),
    Installation(String),
}

/// What is in hand.
#[derive(Debug, Default)]
pub(super) struct Hand {
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    subjects: HashSet<Subject>,
    seqs: HashSet<i64>,
}

impl Hand {
    fn seqs(&self) -> Vec<i64> {
        self.lock().seqs.iter().copied().collect()
    }

    fn has_room(&self) -> bool {
        self.lock().subjects.len() < SLOTS
    }

    fn take(&self, subject: &Subject, events: &[PendingEvent]) -> bool {
        let mut held = self.lock();
        if held.subjects.len() >= SLOTS || !held.subjects.insert(subject.clone()) {
            return false;
        }
        held.seqs.extend(events.iter().map(|event| event.event.seq));
        true
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lays out of hand, also where the work breaks down: the events are taken up again then.
struct Grip {
    core: Arc<Core>,
    subject: Subject,
    seqs: Vec<i64>,
}

impl Drop for Grip {
    fn drop(&mut self) {
        {
            let mut held = self.core.hand.lock();
            held.subjects.remove(&self.subject);
            for seq in &self.seqs {
                held.seqs.remove(seq);
            }
        }
        self.core.waiting.notify_one();
    }
}

/// Works until `stop`.
pub(super) async fn run(core: Arc<Core>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let pause = match round(&core).await {
            Ok(pause) => pause,
            Err(StoreError::Closed) => return,
            Err(failure) => {
                Core::report(&failure);
                STORE_PAUSE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = core.waiting.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Gives out what is due. Says how long there is nothing to do.
async fn round(core: &Arc<Core>) -> Result<Duration, StoreError> {
    if !core.hand.has_room() {
        return Ok(IDLE);
    }
    let now = core.now();
    let due = core.parts.inbox.due(now, BATCH, core.hand.seqs()).await?;
    let mut groups: HashMap<Subject, Vec<PendingEvent>> = HashMap::new();
    for event in due {
        match subject(core, &event.event) {
            Some(subject) => groups.entry(subject).or_default().push(event),
            None => {
                let end = effect::fate(FateOf::Ignored, "no-effect");
                let settlement = Settlement { seq: event.event.seq, end, contact: None };
                settle(core, &[event], vec![settlement]).await?;
            }
        }
    }
    for (subject, events) in groups {
        begin(core, subject, events);
    }
    let next = core.parts.inbox.next_waiting(core.hand.seqs()).await?;
    Ok(next.map_or(IDLE, |due| until(now, due).clamp(Duration::from_millis(1), POLL)))
}

/// One that is due and was not taken waits for who has its subject in hand.
fn until(now: Timestamp, due: Timestamp) -> Duration {
    if due <= now { POLL } else { due.duration_since(now).try_into().unwrap_or(POLL) }
}

/// What an event that waits is about; none where the settings no longer want anything of it.
fn subject(core: &Core, event: &WebhookEvent) -> Option<Subject> {
    let kind = EventKind::parse(&event.kind)?;
    match kind {
        EventKind::Install | EventKind::Uninstall => {
            Some(Subject::Installation(event.location_id.as_ref().map_or_else(String::new, ToString::to_string)))
        }
        kind if kind.is_of_task() => event.location_id.clone().map(Subject::Tasks),
        kind if kind == EventKind::ContactDelete || core.settings.enrich.contains(&kind) => {
            let (location, contact) = (event.location_id.clone()?, event.contact_id.clone()?);
            Some(Subject::Contact(ContactKey { location, contact }))
        }
        _ => None,
    }
}

fn begin(core: &Arc<Core>, subject: Subject, events: Vec<PendingEvent>) {
    if !core.hand.take(&subject, &events) {
        return;
    }
    let seqs = events.iter().map(|event| event.event.seq).collect();
    let grip = Grip { core: Arc::clone(core), subject, seqs };
    core.parts.tasks.spawn_load("webhook", async move {
        let core = &grip.core;
        let outcome = match &grip.subject {
            Subject::Contact(key) => rules::run(core, key, &events).await,
            Subject::Tasks(location) => tasks::run(core, location, &events).await,
            Subject::Installation(_) => install(core, &events).await,
        };
        // What was not noted is done again.
        if let Err(failure) = outcome {
            Core::report(&failure);
        }
    });
}

/// Installations, one after the other.
async fn install(core: &Core, events: &[PendingEvent]) -> Result<(), StoreError> {
    for pending in events {
        let (event, said) = (&pending.event, fields(&pending.body).unwrap_or_default());
        let told = Installation {
            location: event.location_id.clone(),
            company: said.get("companyId").and_then(Value::as_str).map(str::to_owned),
            at: event.event_at,
            by: requester(&event.webhook_id),
        };
        let installations = &core.parts.installations;
        let outcome = match EventKind::parse(&event.kind) {
            Some(EventKind::Install) => installations.installed(told).await,
            _ => installations.uninstalled(told).await,
        };
        let end = match outcome {
            Ok(true) => effect::APPLIED,
            Ok(false) => effect::fate(FateOf::Ignored, "no-effect"),
            Err(problem) => again(core, event, &problem),
        };
        settle(core, std::slice::from_ref(pending), vec![Settlement { seq: event.seq, end, contact: None }]).await?;
    }
    Ok(())
}

/// After a failed try: the next one, or none.
pub(super) fn again(core: &Core, event: &WebhookEvent, problem: &Problem) -> EventEnd {
    let (pace, attempts) = (core.pace, event.attempts + 1);
    let detail = problem.to_string();
    if attempts >= pace.max_attempts {
        tracing::warn!(webhook.id = %event.webhook_id, %problem, cause = problem.cause, "a webhook failed for good");
        return EventEnd::Fate { fate: FateOf::Failed, detail: Some(detail) };
    }
    tracing::debug!(webhook.id = %event.webhook_id, %problem, cause = problem.cause, "a webhook is tried again later");
    let pause = 2_u32.checked_pow(attempts - 1).and_then(|factor| pace.base.checked_mul(factor)).unwrap_or(pace.cap);
    EventEnd::Later { due_at: later(core.now(), pause.min(pace.cap)), detail }
}

/// Whether an event arrived longer ago than this.
pub(super) fn is_older(core: &Core, event: &WebhookEvent, than: Duration) -> bool {
    event.received_at < earlier(core.now(), than)
}

//! The loop that gives out what takes time: rules, look-ups, purges, installations. What is about one contact (or one
//! location's tasks, or one installation) is done together, and by one at a time; different ones side by side.

use super::{
    Core, Installation, earlier, effect,
    hand::{Grip, Subject},
    later, requester, rules, tasks,
    worker::settle,
};
use crate::{
    domain::{
        problem::{Problem, ProblemKind},
        webhook::{EventKind, WebhookEvent},
    },
    ghl::webhook::fields,
    profiles::ContactKey,
    store::{EventEnd, FateOf, PendingEvent, Settlement, StoreError},
};
use futures_util::FutureExt as _;
use jiff::Timestamp;
use serde_json::Value;
use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// Events looked at together.
const BATCH: u32 = 256;

/// Longest sleep while something is due and cannot be taken: wall time may jump.
const POLL: Duration = Duration::from_secs(1);

/// Longest sleep otherwise.
const IDLE: Duration = Duration::from_secs(10);

/// Works until `stop`.
pub(super) async fn run(core: Arc<Core>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let pause = match round(&core, &stop).await {
            Ok(pause) => pause,
            Err(StoreError::Closed) => return,
            Err(failure) => {
                // Whoever rings meanwhile would find the store as it is.
                rest(&core, &failure, &stop).await;
                continue;
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = core.waiting.notified() => {}
            () = sleep(pause) => {}
        }
    }
}

/// Leaves a store that failed alone for a while.
async fn rest(core: &Core, failure: &StoreError, stop: &CancellationToken) {
    Core::report(failure);
    let pause = core.hand.store_fails(Instant::now());
    stop.run_until_cancelled(sleep(pause)).await;
}

/// Gives out what is due. Says how long there is nothing to do.
async fn round(core: &Arc<Core>, stop: &CancellationToken) -> Result<Duration, StoreError> {
    // What cannot be noted is not begun: it would be done again, and may cost calls.
    core.parts.inbox.writable()?;
    let now = core.now();
    while core.hand.has_room() {
        let due = core.parts.inbox.due(now, BATCH, core.hand.passed_over()).await?;
        if due.is_empty() {
            if core.hand.is_empty() {
                core.hand.store_works();
            }
            let next = core.parts.inbox.next_waiting(core.hand.passed_over()).await?;
            return Ok(next.map_or(IDLE, |due| until(now, due).clamp(Duration::from_millis(1), POLL)));
        }
        if !give_out(core, due, stop).await? {
            return Ok(POLL);
        }
    }
    // Whoever is done rings.
    Ok(IDLE)
}

/// Begins what can be begun. Says whether anything was.
async fn give_out(core: &Arc<Core>, due: Vec<PendingEvent>, stop: &CancellationToken) -> Result<bool, StoreError> {
    let (mut groups, mut unwanted) = (HashMap::<Subject, Vec<PendingEvent>>::new(), Vec::new());
    for event in due {
        match subject(core, &event.event) {
            Some(subject) => groups.entry(subject).or_default().push(event),
            None => unwanted.push(event),
        }
    }
    let mut begun = !unwanted.is_empty();
    if begun {
        let end = effect::fate(FateOf::Ignored, "no-effect");
        let ends =
            unwanted.iter().map(|pending| Settlement { seq: pending.event.seq, end: end.clone(), contact: None });
        settle(core, &unwanted, ends.collect()).await?;
    }
    for (subject, events) in groups {
        begun |= begin(core, subject, events, stop);
    }
    Ok(begun)
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

fn begin(core: &Arc<Core>, subject: Subject, events: Vec<PendingEvent>, stop: &CancellationToken) -> bool {
    if !core.hand.take(&subject, &events) {
        return false;
    }
    let seqs = events.iter().map(|event| event.event.seq).collect();
    let (grip, stop) = (Grip { core: Arc::clone(core), subject, seqs }, stop.clone());
    core.parts.tasks.spawn_load("webhook", async move {
        let core = &grip.core;
        // What could not be noted is done again, and stays in hand until it is time for that.
        match work(core, &grip.subject, &events).await {
            Ok(()) => core.hand.store_works(),
            Err(failure) => rest(core, &failure, &stop).await,
        }
    });
    true
}

async fn work(core: &Core, subject: &Subject, events: &[PendingEvent]) -> Result<(), StoreError> {
    let work = async {
        match subject {
            Subject::Contact(key) => rules::run(core, key, events).await,
            Subject::Tasks(location) => tasks::run(core, location, events).await,
            Subject::Installation(_) => install(core, events).await,
        }
    };
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(_) => {
            // The panic has been told; what caused it would cause it again at once, and so it counts.
            let problem = Problem::new(ProblemKind::Internal, "Applying it broke down.");
            let ends = events.iter().map(|pending| Settlement {
                seq: pending.event.seq,
                end: again(core, &pending.event, &problem),
                contact: None,
            });
            settle(core, events, ends.collect()).await
        }
    }
}

/// Installations, one after the other.
async fn install(core: &Core, events: &[PendingEvent]) -> Result<(), StoreError> {
    for pending in events {
        let (event, said) = (&pending.event, fields(&pending.body).unwrap_or_default());
        let told = Installation {
            location: event.location_id.clone(),
            company: said.get("companyId").and_then(Value::as_str).map(str::to_owned),
            at: event.event_at,
            replayed: event.replays > 0,
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

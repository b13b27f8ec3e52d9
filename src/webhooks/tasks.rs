//! Events about tasks that do not say whose they are: looked up in the location's tasks, several by one page. What is not
//! found, or may not be looked up, makes the tasks of every contact held of the location out of date: dearer, and right.

use super::{Core, effect, waiting::is_older, worker::settle};
use crate::{
    domain::{
        ids::{LocationId, TaskId},
        profile::Section,
        webhook::{EventKind, WebhookEvent},
    },
    ghl::{TaskQuery, webhook::fields},
    profiles::{ContactKey, TouchedBy},
    store::{EventEnd, FateOf, PendingEvent, Settlement, StoreError},
    upstream::{CallContext, Lane},
};
use jiff::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// Tasks on the page that is read where several are looked up.
const PAGE: u32 = 100;

/// Most searches by title for one batch; the others count as not found.
const MAX_SEARCHES: usize = 5;

/// Time for all of it: a reader shall not see for long what is out of date.
const BOUND: Duration = Duration::from_secs(4);

/// When an event that arrives now is looked up: with the others of its second, since one page tells of many. Where events
/// are many that saves most of the calls, and half a second more of doubt is little.
pub(super) fn next_round(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second().saturating_add(1)).unwrap_or(now)
}

/// Looks up whose the tasks are, and marks them.
pub(super) async fn run(core: &Core, location: &LocationId, events: &[PendingEvent]) -> Result<(), StoreError> {
    let spare = core.parts.profiles.has_spare(location, core.pace.spare_percent);
    if spare {
        look_up(core, location, events).await;
    }
    let now = core.now();
    let (mut settlements, mut found_nowhere) = (Vec::new(), Vec::new());
    for pending in events {
        let event = &pending.event;
        let contact = effect::contact_of(core, event);
        let Some(owner) = &contact else {
            if spare || is_older(core, event, BOUND) {
                found_nowhere.push(event);
            } else {
                // What quota is left is the readers'. It comes back soon, or what costs none must do.
                let end = EventEnd::Wait(next_round(now));
                settlements.push(Settlement { seq: event.seq, end, contact });
            }
            continue;
        };
        if event.contact_id.is_none() {
            core.metrics().task_lookup(true);
        }
        let key = ContactKey { location: location.clone(), contact: owner.clone() };
        let marked = effect::mark(core, &key, &[Section::Tasks], effect::changed_by(core, event, now));
        settlements.push(Settlement { seq: event.seq, end: effect::end_of(marked), contact });
    }
    settlements.extend(mark_all(core, location, &found_nowhere));
    settle(core, events, settlements).await
}

/// Once for all of them: it goes through all that is held.
fn mark_all(core: &Core, location: &LocationId, events: &[&WebhookEvent]) -> Vec<Settlement> {
    let now = core.now();
    let Some(by) = events.iter().map(|event| effect::changed_by(core, event, now)).max() else { return Vec::new() };
    let marked = core.parts.profiles.outdate_all(location, Section::Tasks, by, TouchedBy::Webhook);
    let end = effect::fate(FateOf::Applied, &format!("contact-not-found: the tasks of {marked} contacts were marked"));
    let settlement = |event: &&WebhookEvent| {
        core.metrics().task_lookup(false);
        Settlement { seq: event.seq, end: end.clone(), contact: None }
    };
    events.iter().map(settlement).collect()
}

/// Asks GHL, whose answers the client remembers. That it cannot be asked is no failure: see above.
async fn look_up(core: &Core, location: &LocationId, events: &[PendingEvent]) {
    let ctx = CallContext::new(Lane::Operation, BOUND);
    let ask = async |query: Option<String>| {
        let query = TaskQuery { query, limit: PAGE, skip: 0 };
        let answer = core.parts.ghl.search_tasks(location, &query, &ctx).await;
        answer.inspect_err(|error| tracing::debug!(%error, "tasks could not be looked up")).is_ok()
    };
    // The newest come first, and what GHL tells of by webhook is new.
    if unknown(core, events).count() > 1 && !ask(None).await {
        return;
    }
    let titles: Vec<String> = unknown(core, events).filter_map(title).take(MAX_SEARCHES).collect();
    for title in titles {
        if !ask(Some(title)).await {
            return;
        }
    }
}

/// Those of whose task nobody knows whose it is. A deleted task is found nowhere.
fn unknown<'e>(core: &'e Core, events: &'e [PendingEvent]) -> impl Iterator<Item = &'e PendingEvent> {
    events.iter().filter(|pending| {
        let WebhookEvent { kind, subject_id, .. } = &pending.event;
        let known = || effect::contact_of(core, &pending.event).is_some();
        let named = subject_id.as_deref().is_some_and(|id| TaskId::parse(id).is_ok());
        EventKind::parse(kind) != Some(EventKind::TaskDelete) && named && !known()
    })
}

fn title(pending: &PendingEvent) -> Option<String> {
    let said = fields(&pending.body)?;
    let title = said.get("title").and_then(Value::as_str)?.trim();
    (!title.is_empty()).then(|| title.to_owned())
}

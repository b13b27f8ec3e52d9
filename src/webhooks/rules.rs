//! The rules for one contact, and the purge of one that was deleted. However many events ask for it, it is done once: what
//! is read for the rules is read after all of them arrived.

use super::{
    Core, echo, effect, later, requester,
    waiting::{again, is_older},
    worker::{own_writes, settle},
};
use crate::{
    domain::{
        operation::Requester,
        problem::{Problem, ProblemKind},
        webhook::{EventKind, WebhookEvent},
    },
    enrichment::EnrichmentRequest,
    profiles::ContactKey,
    store::{EventEnd, FateOf, PendingEvent, Settlement, StoreError},
};
use std::time::Duration;
use tokio::time::Instant;

/// How long an event waits for a write of ours that it may tell of, and how often it is looked at.
const WAITS_FOR_WRITES: Duration = Duration::from_secs(60);
const LOOKS_EVERY: Duration = Duration::from_millis(500);

/// How long rules wait where what is left of the quota is the readers': the shorter of GHL's windows.
const WAITS_FOR_QUOTA: Duration = Duration::from_secs(10);

/// What these events ask for.
pub(super) async fn run(core: &Core, key: &ContactKey, events: &[PendingEvent]) -> Result<(), StoreError> {
    let own = own_writes(core, events).await?;
    let (mut settlements, mut asking, mut deleted) = (Vec::new(), Vec::new(), Vec::new());
    for pending in events {
        let event = &pending.event;
        let Some(kind) = EventKind::parse(&event.kind) else { continue };
        let said = echo::said(core, pending);
        let echo = if event.replays == 0 { echo::find(kind, event, key, &said, &own) } else { None };
        let end = match echo {
            _ if kind == EventKind::ContactDelete => {
                deleted.push((event, echo));
                continue;
            }
            Some(write) => effect::fate(FateOf::Echo, write.id.as_str()),
            None if echo::is_under_way(kind, key, &own) && !is_older(core, event, WAITS_FOR_WRITES) => {
                EventEnd::Wait(later(core.now(), LOOKS_EVERY))
            }
            None => {
                asking.push(event);
                continue;
            }
        };
        settlements.push(Settlement { seq: event.seq, end, contact: None });
    }
    if let Some((first, _)) = deleted.first() {
        let purged = core.parts.purge.purge(key.clone(), requester(&first.webhook_id)).await;
        for (event, echo) in deleted {
            let end = match (&purged, echo) {
                (Ok(()), Some(write)) => effect::fate(FateOf::Echo, write.id.as_str()),
                (Ok(()), None) => effect::APPLIED,
                (Err(problem), _) => again(core, event, problem),
            };
            settlements.push(Settlement { seq: event.seq, end, contact: None });
        }
    }
    if !core.parts.profiles.has_spare(&key.location, core.pace.spare_percent) {
        let end = EventEnd::Wait(later(core.now(), WAITS_FOR_QUOTA));
        let waits = |event: &WebhookEvent| Settlement { seq: event.seq, end: end.clone(), contact: None };
        settlements.extend(asking.drain(..).map(waits));
    }
    if let Some(first) = asking.first() {
        let outcome = enrich(core, key, requester(&first.webhook_id)).await;
        for event in asking {
            let end = match &outcome {
                Ok(()) => effect::fate(FateOf::Applied, "rules-ran"),
                Err(problem) if problem.kind == ProblemKind::ContactNotFound => {
                    effect::fate(FateOf::Ignored, "contact-not-found")
                }
                Err(problem) => again(core, event, problem),
            };
            settlements.push(Settlement { seq: event.seq, end, contact: None });
        }
    }
    settle(core, events, settlements).await
}

/// Once this is done, what the rules want written is in the store.
async fn enrich(core: &Core, key: &ContactKey, requester: Requester) -> Result<(), Problem> {
    let request = EnrichmentRequest {
        location: key.location.clone(),
        contact: key.contact.clone(),
        dry_run: false,
        rules: None,
        requester,
        idempotency: None,
        deadline: Instant::now() + core.pace.deadline,
    };
    core.parts.enrichment.run(request).await.map(drop)
}

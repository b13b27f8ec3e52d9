//! The loop that takes up what arrived, in the order of arrival, and settles it in batches: one commit for all that came
//! while the last one was under way.

use super::{Core, earlier, echo, effect};
use crate::{
    domain::{
        ids::{ContactId, LocationId},
        operation::Operation,
        webhook::{EventFate, EventKind},
    },
    store::{ArrivedEvents, EventEnd, PendingEvent, Settlement, StoreError},
};
use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// Events settled together.
const BATCH: u32 = 256;

/// For those that arrive close together: while a batch is settled, what arrives waits for the disk, so few are better.
const GATHER: Duration = Duration::from_millis(20);

/// Longest sleep: a replay in another process rings no bell here.
const IDLE: Duration = Duration::from_secs(10);

/// Pause after the store failed.
pub(super) const STORE_PAUSE: Duration = Duration::from_millis(500);

/// Works until `stop`.
pub(super) async fn run(core: Arc<Core>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let pause = match round(&core).await {
            Ok(true) => continue,
            Ok(false) => IDLE,
            Err(StoreError::Closed) => return,
            Err(failure) => {
                Core::report(&failure);
                STORE_PAUSE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = core.arrived.notified() => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Applies a batch. Says whether more may be there.
async fn round(core: &Core) -> Result<bool, StoreError> {
    let ArrivedEvents { events, unreadable, more } = core.parts.inbox.arrived(core.now(), BATCH).await?;
    if unreadable > 0 {
        core.note_change();
    }
    if events.is_empty() {
        return Ok(more);
    }
    let (own, once_served) = (own_writes(core, &events).await?, once_served(core, &events).await?);
    let settlements: Vec<Settlement> = {
        let batch = effect::Batch::new(core, &own, &once_served, core.now());
        events.iter().map(|event| batch.apply(event)).collect()
    };
    let waits = settlements.iter().any(|settlement| matches!(settlement.end, EventEnd::Wait(_)));
    settle(core, &events, settlements).await?;
    if waits {
        core.waiting.notify_one();
    }
    Ok(more)
}

/// Locations without a token whose contacts were deleted, and of which something is kept all the same.
async fn once_served(core: &Core, events: &[PendingEvent]) -> Result<HashSet<LocationId>, StoreError> {
    let deletions = events.iter().filter(|one| EventKind::parse(&one.event.kind) == Some(EventKind::ContactDelete));
    let unserved = deletions.filter_map(|one| one.event.location_id.clone()).filter(|id| !(core.parts.serves)(id));
    let unserved: BTreeSet<LocationId> = unserved.collect();
    if unserved.is_empty() {
        return Ok(HashSet::new());
    }
    Ok(core.parts.inbox.locations_known(unserved.into_iter().collect()).await?.into_iter().collect())
}

/// The writes of ours that these events may tell of.
pub(super) async fn own_writes(core: &Core, events: &[PendingEvent]) -> Result<Vec<Operation>, StoreError> {
    let contacts: BTreeSet<ContactId> =
        events.iter().filter_map(|event| effect::contact_of(core, &event.event)).collect();
    let Some(first) = events.iter().map(|event| event.event.received_at).min() else { return Ok(Vec::new()) };
    if contacts.is_empty() {
        return Ok(Vec::new());
    }
    core.parts.inbox.own_writes(contacts.into_iter().collect(), earlier(first, echo::WINDOW)).await
}

/// Notes what became of events, and counts it.
pub(super) async fn settle(
    core: &Core,
    events: &[PendingEvent],
    settlements: Vec<Settlement>,
) -> Result<(), StoreError> {
    let drop_bodies = core.settings.keep_bodies.is_zero();
    core.parts.inbox.settle(settlements.clone(), core.now(), drop_bodies).await?;
    core.note_change();
    for settlement in settlements {
        let Some(event) = events.iter().find(|event| event.event.seq == settlement.seq) else { continue };
        if let EventEnd::Fate { fate, .. } = settlement.end {
            core.metrics().fate(&event.event.kind, EventFate::from(fate));
        }
    }
    Ok(())
}

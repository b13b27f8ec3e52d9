//! What goes on beside the work: measuring the inbox, forgetting what is old.

use super::{Core, earlier};
use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often the inbox is measured, where it changed.
const MEASURED_EVERY: Duration = Duration::from_secs(5);

/// How often what is old is forgotten, the first time not before the service has started well.
const PRUNED_EVERY: Duration = Duration::from_secs(3600);
const FIRST_PRUNED_AFTER: Duration = Duration::from_secs(60);

/// Measures and forgets until `stop`.
pub(super) async fn run(core: Arc<Core>, stop: CancellationToken) {
    recall(&core).await;
    let mut tick = interval(MEASURED_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut prune_at = Instant::now() + FIRST_PRUNED_AFTER;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if core.changed.swap(false, Ordering::Relaxed) {
            measure(&core).await;
        }
        if Instant::now() >= prune_at {
            prune_at = Instant::now() + PRUNED_EVERY;
            prune(&core).await;
        }
    }
}

/// When each location's last event arrived, of those before this process.
async fn recall(core: &Core) {
    match core.parts.inbox.last_received().await {
        Ok(last) => {
            for (location, at) in last.iter().filter(|(location, _)| (core.parts.serves)(location)) {
                core.parts.liveness.event(location, *at);
            }
        }
        Err(failure) => Core::report(&failure),
    }
}

async fn measure(core: &Core) {
    match core.parts.inbox.inbox_depth().await {
        Ok(depth) => {
            *core.depth.lock().unwrap_or_else(PoisonError::into_inner) = depth;
            core.metrics().depth(depth.pending, depth.oldest);
        }
        Err(failure) => {
            core.note_change();
            Core::report(&failure);
        }
    }
}

async fn prune(core: &Core) {
    let (now, settings) = (core.now(), &core.settings);
    let pruned =
        core.parts.inbox.prune_inbox(earlier(now, settings.retention), earlier(now, settings.keep_bodies)).await;
    match pruned {
        Ok(0) => {}
        Ok(rows) => tracing::debug!(rows, "forgot old webhooks and bodies"),
        Err(failure) => Core::report(&failure),
    }
}

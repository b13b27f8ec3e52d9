//! What goes on beside the work: counting, forgetting what is old, and taking up what somebody had repeated.

use super::{Core, earlier};
use crate::{
    clock::Clock,
    settings::SourceSettings,
    store::{SourceCounts, SourceStore},
    telemetry::metrics::SourceDepth,
};
use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often failed records are looked at whose write goes on again, and what changed is counted.
const STIRRED_EVERY: Duration = Duration::from_secs(3);

/// How often what is old is forgotten, the first time not before the service has started well.
const PRUNED_EVERY: Duration = Duration::from_secs(3600);
const FIRST_PRUNED_AFTER: Duration = Duration::from_secs(60);

/// Works until `stop`.
pub(super) async fn run(core: Arc<Core>, stop: CancellationToken) {
    let mut tick = interval(STIRRED_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut prune_at = Instant::now() + FIRST_PRUNED_AFTER;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        stir(&core).await;
        if core.changed.swap(false, Ordering::Relaxed) {
            count(&core).await;
            if core.settings.keep_bodies.is_zero() {
                // A body is to go with the fate, not when the hour is over.
                prune(&*core.parts.store, &core.parts.clock, &core.settings).await;
            }
        }
        if Instant::now() >= prune_at {
            prune_at = Instant::now() + PRUNED_EVERY;
            prune(&*core.parts.store, &core.parts.clock, &core.settings).await;
        }
    }
}

/// A write that somebody had repeated, or resolved, carries its record on.
async fn stir(core: &Core) {
    match core.parts.store.stir(core.now()).await {
        Ok(0) => {}
        Ok(_) => core.due.notify_one(),
        Err(failure) => Core::report(&failure),
    }
}

async fn count(core: &Core) {
    match core.parts.store.source_counts().await {
        Ok(counts) => {
            for one in &counts {
                let SourceCounts { pending, waiting, failed, oldest_pending_at: oldest, .. } = *one;
                core.parts.metrics.sources().depth(&one.source, &SourceDepth { pending, waiting, failed, oldest });
            }
            *core.counts.lock().unwrap_or_else(PoisonError::into_inner) = counts;
        }
        Err(failure) => {
            core.note_change();
            Core::report(&failure);
        }
    }
}

/// What sources told that are not configured any more is forgotten in its time as well. Works until `stop`.
pub(super) async fn forget(
    store: Arc<dyn SourceStore>,
    clock: Clock,
    settings: SourceSettings,
    stop: CancellationToken,
) {
    let mut pause = FIRST_PRUNED_AFTER;
    while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        prune(&*store, &clock, &settings).await;
        pause = PRUNED_EVERY;
    }
}

async fn prune(store: &dyn SourceStore, clock: &Clock, settings: &SourceSettings) {
    let now = clock.now();
    let pruned = store.prune_sources(earlier(now, settings.retention), earlier(now, settings.keep_bodies));
    match pruned.await {
        Ok(0) => {}
        Ok(rows) => tracing::debug!(rows, "forgot old events of sources and their bodies"),
        Err(failure) => Core::report(&failure),
    }
}

//! What goes on beside the work: measuring the queue, forgetting what is old, logging what was refused.

use super::{backoff::earlier, core::Core};
use crate::domain::operation::AuditEntry;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

/// How often the queue is measured, where it changed.
const MEASURED_EVERY: Duration = Duration::from_secs(5);

/// The pause is this many times what measuring took: all that are kept are counted, and they may be millions.
const MEASURED_SHARE: u32 = 100;

/// How often what is old is forgotten.
const PRUNED_EVERY: Duration = Duration::from_secs(3600);

/// Not before the service has started well.
const FIRST_PRUNED_AFTER: Duration = Duration::from_secs(60);

/// How many entries are written together.
const BATCH: usize = 64;

/// Measures and forgets until `stop`.
pub(super) async fn run(core: Arc<Core>, stop: CancellationToken) {
    let mut tick = interval(MEASURED_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut measure_at, mut prune_at) = (Instant::now(), Instant::now() + FIRST_PRUNED_AFTER);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if Instant::now() >= measure_at && core.take_change() {
            let began = Instant::now();
            measure(&core).await;
            measure_at = Instant::now() + began.elapsed() * MEASURED_SHARE;
        }
        if Instant::now() >= prune_at {
            prune_at = Instant::now() + PRUNED_EVERY;
            prune(&core).await;
        }
    }
}

pub(super) async fn measure(core: &Core) {
    match core.store.depth().await {
        Ok(depth) => core.metrics().depth(&depth.by_state, depth.oldest_open),
        Err(failure) => {
            core.note_change();
            core.report(&failure);
        }
    }
}

pub(super) async fn prune(core: &Core) {
    let (now, settings) = (core.clock.now(), &core.settings);
    let before = |age| earlier(now, age);
    let pruned = core
        .store
        .prune(before(settings.retention), before(settings.idempotency_key), before(settings.audit_retention))
        .await;
    match pruned {
        Ok(0) => {}
        Ok(rows) => {
            core.note_change();
            tracing::debug!(rows, "forgot old operations, idempotency keys and log entries");
        }
        Err(failure) => core.report(&failure),
    }
}

/// Logs refused requests until `stop`, and then those that still wait.
pub(super) async fn log_refusals(core: Arc<Core>, mut waiting: mpsc::Receiver<AuditEntry>, stop: CancellationToken) {
    let mut entries = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            _ = waiting.recv_many(&mut entries, BATCH) => {}
            () = stop.cancelled() => break,
        }
        write(&core, &mut entries).await;
    }
    waiting.close();
    while waiting.recv_many(&mut entries, BATCH).await > 0 {
        write(&core, &mut entries).await;
    }
}

/// Together, so that the store commits them together. What it does not take is counted: a request that was refused anyway
/// must not wait for it.
async fn write(core: &Core, entries: &mut Vec<AuditEntry>) {
    let appended = entries.drain(..).map(|entry| core.store.append(entry));
    for failure in futures_util::future::join_all(appended).await.into_iter().filter_map(Result::err) {
        core.metrics().audit_dropped();
        tracing::warn!(error = %failure, "an entry of the audit log was lost");
    }
}

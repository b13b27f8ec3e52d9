//! The loop that gives out lanes in which something is to be done at GHL: a contact with its tasks and notes by one task
//! at a time, different ones side by side, and no source more of them than its share.

mod ends;
mod lane;
mod looking;
mod run;

pub(super) use looking::{Found, find, held};

use super::{Core, laying::STORE_PAUSE};
use crate::{
    domain::source::{RecordKey, SourceName},
    store::{Lane, StoreError},
};
use futures_util::FutureExt as _;
use jiff::Timestamp;
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::OwnedMutexGuard, time::sleep};
use tokio_util::sync::CancellationToken;

/// Lanes asked for together.
const BATCH: u32 = 256;

/// Longest sleep while something is due and cannot be taken: wall time may jump.
const POLL: Duration = Duration::from_secs(1);

/// Longest sleep otherwise.
const IDLE: Duration = Duration::from_secs(10);

/// What is in hand.
#[derive(Debug, Default)]
pub(super) struct Hand {
    held: Mutex<Held>,
    /// Records that somebody works on. One that moves to another contact is for a moment in two lanes.
    records: Mutex<HashMap<RecordKey, Arc<tokio::sync::Mutex<()>>>>,
}

#[derive(Debug, Default)]
struct Held {
    lanes: HashSet<Lane>,
    by_source: HashMap<SourceName, usize>,
    /// Sources of which there are records, and no settings any more.
    orphans: BTreeSet<SourceName>,
}

/// A record that nobody else works on.
struct Hold<'a> {
    hand: &'a Hand,
    key: RecordKey,
    _guard: OwnedMutexGuard<()>,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let mut records = self.hand.records.lock().unwrap_or_else(PoisonError::into_inner);
        // One is the table's, one ours; others wait for it.
        if records.get(&self.key).is_some_and(|lock| Arc::strong_count(lock) <= 2) {
            records.remove(&self.key);
        }
    }
}

impl Hand {
    /// Waits until nobody else works on a record.
    async fn hold(&self, key: RecordKey) -> Hold<'_> {
        let lock = {
            let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(records.entry(key.clone()).or_default())
        };
        Hold { hand: self, key, _guard: lock.lock_owned().await }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lanes in hand, and the sources that may have no more of them.
    fn passed_over(&self, share: usize) -> (Vec<Lane>, Vec<SourceName>) {
        let held = self.lock();
        let full = held.by_source.iter().filter(|(_, lanes)| **lanes >= share).map(|(source, _)| source.clone());
        (held.lanes.iter().cloned().collect(), full.chain(held.orphans.iter().cloned()).collect())
    }

    fn take(&self, lane: &Lane, share: usize) -> bool {
        let mut held = self.lock();
        let lanes = held.by_source.get(&lane.source).copied().unwrap_or_default();
        if lanes >= share || !held.lanes.insert(lane.clone()) {
            return false;
        }
        held.by_source.insert(lane.source.clone(), lanes + 1);
        true
    }
}

/// Lays a lane out of hand, also where its work breaks down: it is taken up again then.
struct Grip {
    core: Arc<Core>,
    lane: Lane,
}

impl Drop for Grip {
    fn drop(&mut self) {
        {
            let mut held = self.core.hand.lock();
            held.lanes.remove(&self.lane);
            if let Some(lanes) = held.by_source.get_mut(&self.lane.source) {
                *lanes = lanes.saturating_sub(1);
            }
        }
        self.core.due.notify_one();
    }
}

/// Works until `stop`.
pub(super) async fn run(core: Arc<Core>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let pause = match round(&core, &stop).await {
            Ok(pause) => pause,
            Err(StoreError::Closed) => return,
            Err(failure) => {
                // Whoever rings meanwhile would find the store as it is.
                rest(&failure, &stop).await;
                continue;
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = core.due.notified() => {}
            () = sleep(pause) => {}
        }
    }
}

/// Leaves a store that failed alone for a while.
async fn rest(failure: &StoreError, stop: &CancellationToken) {
    Core::report(failure);
    stop.run_until_cancelled(sleep(STORE_PAUSE)).await;
}

/// Gives out what is due. Says how long there is nothing to do.
async fn round(core: &Arc<Core>, stop: &CancellationToken) -> Result<Duration, StoreError> {
    let now = core.now();
    let share = core.settings.concurrency;
    loop {
        let (in_hand, busy) = core.hand.passed_over(share);
        let lanes = core.parts.store.due_lanes(now, BATCH, in_hand, busy).await?;
        let mut begun = false;
        for lane in lanes {
            begun |= begin(core, lane, stop);
        }
        if !begun {
            break;
        }
    }
    let (in_hand, busy) = core.hand.passed_over(share);
    let next = core.parts.store.next_lane_due(in_hand, busy).await?;
    Ok(next.map_or(IDLE, |due| until(now, due).clamp(Duration::from_millis(1), POLL)))
}

fn until(now: Timestamp, due: Timestamp) -> Duration {
    if due <= now { POLL } else { due.duration_since(now).try_into().unwrap_or(POLL) }
}

fn begin(core: &Arc<Core>, lane: Lane, stop: &CancellationToken) -> bool {
    if core.systems.of(&lane.source).is_none() {
        // What it has under way waits for its settings to come back.
        return core.hand.lock().orphans.insert(lane.source);
    }
    if !core.hand.take(&lane, core.settings.concurrency) {
        return false;
    }
    let (grip, stop) = (Grip { core: Arc::clone(core), lane }, stop.clone());
    core.parts.tasks.spawn_load("source-lane", async move {
        let work = AssertUnwindSafe(lane::carry(&grip.core, &grip.lane, &stop)).catch_unwind().await;
        // What could not be noted is done again, and stays in hand until it is time for that. So does what broke down:
        // the panic has been told, and what caused it would cause it again at once.
        match work {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => rest(&failure, &stop).await,
            Err(_) => drop(stop.run_until_cancelled(sleep(IDLE)).await),
        }
    });
    true
}

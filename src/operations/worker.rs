//! The loop that claims what is due and gives each operation its turn.
//!
//! It sleeps until it is rung (a write was accepted, an attempt ended) or something falls due. How many rows it writes is
//! bounded: at most [`Slots`](super::slots::Slots) operations are in hand, and a location that GHL takes nothing for is
//! passed over by the store itself, but for one operation each time its gate opens.

use super::{backoff, core::Core, gates::GateView, slots::Window, turn::Turn};
use crate::{
    domain::{
        ids::OperationId,
        operation::{Operation, OperationState},
    },
    store::StoreError,
};
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Longest sleep while an operation waits for its time: wall time may jump.
const POLL: Duration = Duration::from_secs(1);

/// Longest sleep otherwise. A lease can run out only where a turn broke down, so this need not be short.
const IDLE_POLL: Duration = Duration::from_secs(10);

/// Pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// Added to the longest turn: its waits for the store.
const LEASE_MARGIN: Duration = Duration::from_secs(60);

/// How far the clock may be set back unnoticed.
const SET_BACK: Duration = Duration::from_secs(1);

/// What the clock said, and when.
struct Seen {
    time: Timestamp,
    at: Instant,
}

impl Seen {
    fn now(core: &Core) -> Self {
        Self { time: core.clock.now(), at: Instant::now() }
    }

    /// Whether the clock was set back between the two.
    fn is_after(&self, later: &Self) -> bool {
        backoff::later(later.time, SET_BACK) < backoff::later(self.time, later.at.duration_since(self.at))
    }
}

/// Works until `stop`.
pub(super) async fn run(core: Arc<Core>, stop: CancellationToken) {
    let mut twice = Vec::new();
    let mut seen = Seen::now(&core);
    while !stop.is_cancelled() {
        let pause = match round(&core, &mut twice, &mut seen).await {
            Ok(pause) => pause,
            Err(StoreError::Closed) => break,
            Err(failure) => {
                core.report(&failure);
                STORE_PAUSE
            }
        };
        if pause.is_zero() {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = core.wake.notified() => {}
            () = core.slots.freed.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    // Who rests or waits is parked; attempts under way end by themselves, within the bound of the shutdown.
    core.stopping.cancel();
}

/// Claims what there is room for. Says how long there is nothing to do. `twice` are operations that were claimed while
/// they were in hand.
async fn round(core: &Arc<Core>, twice: &mut Vec<OperationId>, seen: &mut Seen) -> Result<Duration, StoreError> {
    let present = Seen::now(core);
    if seen.is_after(&present) {
        core.hasten().await?;
    }
    *seen = present;
    take_again(core, twice).await?;
    let gates = core.gates.view();
    let Some(Window { limit, closed }) = core.slots.window(&gates) else {
        return Ok(IDLE_POLL);
    };
    let now = core.clock.now();
    let claimed =
        core.store.claim(now, lease_until(core, now), u32::try_from(limit).unwrap_or(u32::MAX), closed.clone()).await?;
    let full = claimed.len() >= limit;
    for operation in claimed {
        let id = operation.id.clone();
        if !begin(core, operation) {
            twice.push(id);
        }
    }
    if full {
        return Ok(Duration::ZERO);
    }
    let due = core.store.next_due(closed).await?;
    Ok(pause(now, core.clock.now(), due, &gates))
}

/// Spawns an operation's turn; `false` where it is in hand.
fn begin(core: &Arc<Core>, operation: Operation) -> bool {
    let Some(slot) = core.slots.enter(&operation) else {
        return false;
    };
    core.note_change();
    let turn = Turn::new(Arc::clone(core), operation, slot);
    core.tasks.spawn_load("operation", turn.take());
    true
}

/// A turn tells the store its end before it lets go of the operation, which may be claimed again in between. Once the
/// turn has let go, the store says which of the two came first: an operation that is still running was claimed after.
async fn take_again(core: &Arc<Core>, twice: &mut Vec<OperationId>) -> Result<(), StoreError> {
    let mut index = 0;
    while let Some(id) = twice.get(index).cloned() {
        if core.slots.in_hand(&id) {
            index += 1;
            continue;
        }
        let operation = core.store.operation(id).await?;
        twice.swap_remove(index);
        if let Some(operation) = operation.filter(|operation| operation.state == OperationState::Running) {
            begin(core, operation);
        }
    }
    Ok(())
}

/// How long to sleep where nothing more could be claimed at `claimed_at`.
fn pause(claimed_at: Timestamp, now: Timestamp, due: Option<Timestamp>, gates: &GateView) -> Duration {
    const SHORTEST: Duration = Duration::from_millis(1);
    let until_due = match due {
        // It fell due in that moment, or somebody made it due.
        Some(due) if due <= claimed_at => POLL,
        Some(due) => backoff::until(now, due).min(POLL),
        None => IDLE_POLL,
    };
    gates.opens_in.map_or(until_due, |opens_in| opens_in.min(until_due)).max(SHORTEST)
}

/// A turn may look, rest and attempt; nobody else takes its operation meanwhile.
fn lease_until(core: &Core, now: Timestamp) -> Timestamp {
    let settings = &core.settings;
    let turn = settings.attempt_timeout.saturating_mul(3).saturating_add(settings.settle.saturating_mul(2));
    backoff::later(now, turn.saturating_add(LEASE_MARGIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_sleeps_until_something_can_be_done_and_never_long_while_something_waits() {
        let now = Timestamp::constant(1_000, 0);
        let at = |ms: u64| Some(backoff::later(now, Duration::from_millis(ms)));
        let gates = |ms: Option<u64>| GateView { opens_in: ms.map(Duration::from_millis), ..GateView::default() };
        let millis = |due, opens| pause(now, now, due, &gates(opens)).as_millis();
        assert_eq!(millis(None, None), 10_000);
        assert_eq!(millis(at(300), None), 300);
        assert_eq!(millis(at(300_000), None), 1_000);
        assert_eq!(millis(at(0), None), 1_000);
        assert_eq!(millis(at(0), Some(200)), 200);
        assert_eq!(millis(None, Some(200)), 200);
        // It fell due between the claim and now.
        assert_eq!(pause(now, backoff::later(now, Duration::from_millis(5)), at(2), &gates(None)).as_millis(), 1);
    }
}

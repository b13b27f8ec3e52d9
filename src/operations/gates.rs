//! Locations that GHL takes nothing for at present: their quota is spent, their breaker is open, their token is refused,
//! or one write after the other fails while reads are answered, which no breaker notices.
//!
//! Without a gate each of a location's waiting operations would be claimed, found unsendable and written back, again and
//! again. With it the location is passed over; once its time has come one operation tries, and the rest follow only when
//! GHL answered that one.

use super::backoff::Backoff;
use crate::domain::ids::LocationId;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How long a location counts as untried after its gate opened: it may have had nothing left to try with.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// Longest wait of a location that nobody asked for: no longer than the breaker leaves GHL alone, or a location that is
/// well again would wait for its writes long after its reads are answered.
const LONGEST_UNASKED: Duration = Duration::from_secs(60);

/// So many attempts in a row that leave open what GHL did close a location's gate: each would be looked for and made again
/// on its own, and hundreds may wait.
const FAILURES_TO_CLOSE: u32 = 5;

/// The gates that are closed, or opened and not passed yet.
#[derive(Debug, Default)]
pub(super) struct Gates {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    gates: HashMap<LocationId, Gate>,
    /// Failures in a row.
    failing: HashMap<LocationId, u32>,
}

#[derive(Debug, Clone, Copy)]
struct Gate {
    opens_at: Instant,
    /// How often it was closed without an answer of GHL in between.
    closings: u32,
}

/// What the gates say at a moment.
#[derive(Debug, Default)]
pub(super) struct GateView {
    /// Locations to pass over.
    pub(super) closed: Vec<LocationId>,
    /// Locations whose first operation tries.
    pub(super) trying: Vec<LocationId>,
    /// Until the next gate opens.
    pub(super) opens_in: Option<Duration>,
}

impl Gates {
    /// Closes a location's gate, for as long as was asked or for longer each time. Says for how long from now.
    pub(super) fn close(&self, location: &LocationId, asked: Option<Duration>, backoff: &Backoff) -> Duration {
        let now = Instant::now();
        let mut table = self.lock();
        let gate = table.gates.entry(location.clone()).or_insert(Gate { opens_at: now, closings: 0 });
        // Those who were under way when it closed do not close it again.
        if gate.opens_at <= now {
            gate.closings = gate.closings.saturating_add(1);
        }
        let pause = asked.map_or_else(
            || backoff.pause(gate.closings).min(LONGEST_UNASKED),
            // What was asked for did not help last time: no shorter than if nothing had been asked.
            |wait| backoff.asked(wait).max(backoff.pause_again(gate.closings).min(LONGEST_UNASKED)),
        );
        gate.opens_at = gate.opens_at.max(now + pause);
        gate.opens_at - now
    }

    /// An attempt left open what GHL did. Closes the gate after some in a row, or after one that tried.
    pub(super) fn failed(&self, location: &LocationId, backoff: &Backoff) {
        if self.lock().fails_too_often(location) {
            self.close(location, None, backoff);
        }
    }

    /// GHL answered for the location.
    pub(super) fn open(&self, location: &LocationId) {
        let mut table = self.lock();
        table.gates.remove(location);
        table.failing.remove(location);
    }

    /// As they stand.
    pub(super) fn view(&self) -> GateView {
        let now = Instant::now();
        let mut table = self.lock();
        table.gates.retain(|_, gate| now < gate.opens_at + FORGOTTEN_AFTER);
        let mut view = GateView::default();
        for (location, gate) in &table.gates {
            let left = gate.opens_at.saturating_duration_since(now);
            if left.is_zero() {
                view.trying.push(location.clone());
            } else {
                view.closed.push(location.clone());
                view.opens_in = Some(view.opens_in.map_or(left, |other| other.min(left)));
            }
        }
        view
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn fails_too_often(&mut self, location: &LocationId) -> bool {
        let tried = self.gates.get(location).is_some_and(|gate| gate.opens_at <= Instant::now());
        let failures = self.failing.entry(location.clone()).or_default();
        *failures += 1;
        let too_often = tried || *failures >= FAILURES_TO_CLOSE;
        if too_often {
            self.failing.remove(location);
        }
        too_often
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    fn location() -> LocationId {
        LocationId::parse("loc1").unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_gate_opens_for_one_and_an_answer_opens_it_for_all() {
        let (gates, backoff) = (Gates::default(), Backoff::new(Duration::from_secs(1), Duration::from_secs(300)));
        let wait = gates.close(&location(), Some(Duration::from_secs(10)), &backoff);
        let view = gates.view();
        assert_eq!((view.closed, view.opens_in), (vec![location()], Some(wait)));
        advance(wait).await;
        let view = gates.view();
        assert_eq!((view.closed, view.trying, view.opens_in), (vec![], vec![location()], None));
        gates.open(&location());
        assert!(gates.view().trying.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_told_to_wait_for_nothing_waits_longer_each_time_all_the_same() {
        let (gates, backoff) = (Gates::default(), Backoff::new(Duration::from_secs(1), Duration::from_secs(300)));
        let began = Instant::now();
        for _ in 0..30 {
            let wait = gates.close(&location(), Some(Duration::ZERO), &backoff);
            advance(wait).await;
        }
        assert!(began.elapsed() > Duration::from_secs(300), "{:?} for 30 closings", began.elapsed());
        gates.open(&location());
        assert_eq!(gates.close(&location(), Some(Duration::ZERO), &backoff), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_close_it_and_then_each_that_tries() {
        let (gates, backoff) = (Gates::default(), Backoff::new(Duration::from_secs(1), Duration::from_secs(300)));
        let fail = |times| (0..times).for_each(|_| gates.failed(&location(), &backoff));
        fail(FAILURES_TO_CLOSE - 1);
        gates.open(&location());
        fail(FAILURES_TO_CLOSE - 1);
        assert!(gates.view().closed.is_empty(), "an answer lay between");
        fail(1);
        for closings in 1..=10 {
            assert_eq!(gates.lock().gates[&location()].closings, closings);
            let opens_in = gates.view().opens_in.unwrap_or_default();
            assert!(opens_in <= LONGEST_UNASKED);
            advance(opens_in).await;
            assert_eq!(gates.view().trying, [location()]);
            fail(1);
        }
        gates.open(&location());
        assert!(gates.view().closed.is_empty() && gates.view().trying.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn only_who_is_told_to_waits_longer_than_a_minute() {
        let (gates, backoff) = (Gates::default(), Backoff::new(Duration::from_secs(1), Duration::from_secs(300)));
        for asked in [None, Some(Duration::ZERO), Some(Duration::from_secs(5))].repeat(20) {
            let wait = gates.close(&location(), asked, &backoff);
            assert!(wait <= LONGEST_UNASKED, "{asked:?}: {wait:?}");
            advance(wait).await;
        }
        assert!(gates.close(&location(), Some(Duration::from_secs(7_200)), &backoff) >= Duration::from_secs(300));
    }

    #[tokio::test(start_paused = true)]
    async fn those_under_way_do_not_lengthen_the_wait_and_an_unused_gate_is_forgotten() {
        let (gates, backoff) = (Gates::default(), Backoff::new(Duration::from_secs(1), Duration::from_secs(300)));
        for _ in 0..100 {
            // Each closes the gate for up to two seconds as if it had been the first.
            assert!(gates.close(&location(), None, &backoff) <= Duration::from_secs(2));
        }
        advance(Duration::from_secs(2)).await;
        assert!(gates.close(&location(), None, &backoff) <= Duration::from_secs(4));
        assert_eq!(gates.lock().gates.values().map(|gate| gate.closings).collect::<Vec<_>>(), [2]);
        advance(Duration::from_secs(64)).await;
        assert!(gates.view().trying.is_empty());
    }
}

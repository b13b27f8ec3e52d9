//! How many requests a second a key may make: one GCRA cell a key, an atomic each, no lock and no upkeep.

use crate::domain::problem::{Problem, ProblemKind};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::time::Instant;

/// The request limits of all keys, and of everybody without one.
#[derive(Debug)]
pub(super) struct Limits {
    /// Nanoseconds between two requests at the full rate; 0 is no limit.
    interval: u64,
    start: Instant,
    cells: Vec<AtomicU64>,
}

impl Limits {
    /// Each of `keys` keys, and the anonymous as one, may make this many requests a second, that many at once.
    pub(super) fn new(requests_per_second: u32, keys: usize) -> Self {
        let interval = match requests_per_second {
            0 => 0,
            rate => 1_000_000_000 / u64::from(rate),
        };
        Self { interval, start: Instant::now(), cells: (0..=keys).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Counts one request of a key.
    pub(super) fn admit(&self, key: Option<usize>) -> Result<(), Problem> {
        if self.interval == 0 {
            return Ok(());
        }
        let now = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.spend(key, now).map_err(|wait| {
            Problem::new(ProblemKind::TooManyRequests, "This key makes more requests a second than it may.")
                .with_retry_after(wait)
        })
    }

    /// Spends one request at `now`, or says how long to wait.
    fn spend(&self, key: Option<usize>, now: u64) -> Result<(), Duration> {
        const BURST: u64 = 1_000_000_000;
        let position = key.map_or(0, |key| key + 1);
        let Some(cell) = self.cells.get(position) else { return Ok(()) };
        let spent = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |due| {
            let next = due.max(now) + self.interval;
            (next <= now + BURST.max(self.interval)).then_some(next)
        });
        spent.map(|_| ()).map_err(|due| Duration::from_nanos((due + self.interval).saturating_sub(now + BURST)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_as_many_as_allowed_and_refills_evenly() {
        let limits = Limits::new(10, 1);
        for _ in 0..10 {
            assert!(limits.spend(Some(0), 0).is_ok());
        }
        assert_eq!(limits.spend(Some(0), 0), Err(Duration::from_millis(100)));
        assert!(limits.spend(None, 0).is_ok(), "another key has its own");
        assert!(limits.spend(Some(0), 100_000_000).is_ok());
        assert!(limits.spend(Some(0), 100_000_000).is_err());
    }

    #[test]
    fn zero_is_no_limit() {
        let limits = Limits::new(0, 0);
        assert!((0..1000).all(|_| limits.admit(None).is_ok()));
    }
}

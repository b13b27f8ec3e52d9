//! When a call that failed is made again, and after how long.
//!
//! Only reads and other calls that may be repeated blindly, and only where nobody else has a schedule for them: durable
//! writes have their own. Full jitter keeps callers from coming back together; the budget keeps an outage from being
//! amplified by all who suffer it.

use super::{CallError, Lane, Repeat};
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// The longest wait before the first repetition; it doubles with each.
const BASE: Duration = Duration::from_millis(200);

/// No wait is longer, unless the upstream asks for it.
const CAP: Duration = Duration::from_secs(5);

/// Retries that a budget holds at most: what a quiet service may use at once.
const BUDGET: f64 = 10.0;

/// Retries of one service.
#[derive(Debug)]
pub(super) struct Retries {
    most: u32,
    earned_by_call: f64,
    budget: Mutex<f64>,
    jitter: Jitter,
}

impl Retries {
    pub(super) fn new(most: u32, budget_percent: u32, jitter: Jitter) -> Self {
        Self { most, earned_by_call: f64::from(budget_percent) / 100.0, budget: Mutex::new(BUDGET), jitter }
    }

    /// An attempt is made: it earns a share of a retry.
    pub(super) fn earn(&self) {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        *budget = (*budget + self.earned_by_call).min(BUDGET);
    }

    /// After how long a call that failed is to be made again, if it is: takes a retry out of the budget.
    pub(super) fn after(
        &self,
        error: &CallError,
        repeat: Repeat,
        lane: Lane,
        made: u32,
        left: Duration,
    ) -> Option<Duration> {
        if repeat != Repeat::Safe || lane == Lane::Operation || made >= self.most || !transient(error) {
            return None;
        }
        let jitter = || self.jitter.up_to(BASE.saturating_mul(1 << made.min(10)).min(CAP));
        let wait = match error {
            // The quota's gate knows how long that takes, and lets one through to see.
            CallError::Status { status: 429, retry_after, .. } => retry_after.unwrap_or_default(),
            CallError::Status { retry_after, .. } => jitter().max(retry_after.unwrap_or_default()),
            _ => jitter(),
        };
        (wait < left && self.pay()).then_some(wait)
    }

    fn pay(&self) -> bool {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let can = *budget >= 1.0;
        if can {
            *budget -= 1.0;
        }
        can
    }
}

/// Whether the same call may fare better in a moment.
const fn transient(error: &CallError) -> bool {
    match error {
        CallError::Connect(_) | CallError::Broken(_) | CallError::TimedOut(_) => true,
        CallError::Status { status, .. } => matches!(*status, 429 | 502..=504),
        CallError::Deadline
        | CallError::QuotaSpent { .. }
        | CallError::BreakerOpen { .. }
        | CallError::BodyTooLarge(_)
        | CallError::Decode { .. } => false,
    }
}

/// A small generator (splitmix64): waits need to differ, not to be secret.
#[derive(Debug)]
pub(super) struct Jitter(AtomicU64);

impl Jitter {
    pub(super) fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// Anything from nothing to `most`.
    fn up_to(&self, most: Duration) -> Duration {
        let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let share = (mixed ^ (mixed >> 31)) >> 32;
        let nanos = (most.as_nanos() * u128::from(share)) >> 32;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn retries(budget_percent: u32) -> Retries {
        Retries::new(2, budget_percent, Jitter::seeded(7))
    }

    fn status(status: u16, retry_after: Option<Duration>) -> CallError {
        CallError::Status { status, body: String::new(), retry_after }
    }

    #[test]
    fn only_what_may_be_repeated_blindly_and_might_fare_better() {
        let retries = retries(100);
        let broken = CallError::Broken(String::new());
        let after = |error: &CallError, repeat, lane, made| retries.after(error, repeat, lane, made, LONG).is_some();
        assert!(after(&broken, Repeat::Safe, Lane::Interactive, 0));
        assert!(after(&status(503, None), Repeat::Safe, Lane::Bulk, 1));
        assert!(!after(&broken, Repeat::Safe, Lane::Interactive, 2), "often enough");
        assert!(!after(&broken, Repeat::AfterLook, Lane::Interactive, 0));
        assert!(!after(&broken, Repeat::Safe, Lane::Operation, 0), "the worker has its own schedule");
        for hopeless in [status(500, None), status(404, None), CallError::Deadline, CallError::BodyTooLarge(1)] {
            assert!(!after(&hopeless, Repeat::Safe, Lane::Interactive, 0), "{hopeless:?}");
        }
    }

    #[test]
    fn a_wait_that_is_asked_for_is_honoured_or_there_is_none() {
        let asked = Duration::from_secs(7);
        let error = status(503, Some(asked));
        let after = |left| retries(100).after(&error, Repeat::Safe, Lane::Interactive, 0, left);
        assert_eq!(after(LONG), Some(asked));
        assert_eq!(after(asked), None);
    }

    #[test]
    fn waits_are_spread_over_their_whole_range() {
        let jitter = Jitter::seeded(1);
        let waits: Vec<f64> = (0..1000).map(|_| jitter.up_to(BASE).as_secs_f64() / BASE.as_secs_f64()).collect();
        let mean = waits.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
        assert!(waits.iter().any(|wait| *wait < 0.05) && waits.iter().any(|wait| *wait > 0.95));
        assert!(waits.iter().all(|wait| (0.0..=1.0).contains(wait)));
    }

    #[test]
    fn the_budget_bounds_the_share_of_retries() {
        let retries = retries(10);
        let mut made = 0;
        for _ in 0..1000 {
            retries.earn();
            made += u32::from(retries.after(&status(502, None), Repeat::Safe, Lane::Interactive, 0, LONG).is_some());
        }
        assert!((100..=111).contains(&made), "{made}");
    }
}

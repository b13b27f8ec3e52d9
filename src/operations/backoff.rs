//! How long to wait before another attempt: exponential backoff with full jitter.
//!
//! Full jitter (a pause drawn evenly from nothing to the ceiling) spreads those who failed together best:
//! <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>.

use jiff::{SignedDuration, Timestamp};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use uuid::Uuid;

/// Draws pauses.
#[derive(Debug)]
pub(super) struct Backoff {
    /// The first pause, on average.
    base: Duration,
    /// The longest pause.
    cap: Duration,
    /// State of a small generator: pauses need to differ, not to be secret.
    state: AtomicU64,
}

impl Backoff {
    pub(super) fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap, state: AtomicU64::new(Uuid::new_v4().as_u64_pair().0) }
    }

    /// The pause after so many failures.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        let ceiling = 2_u32.checked_pow(failures.max(1)).and_then(|factor| self.base.checked_mul(factor));
        self.below(ceiling.unwrap_or(self.cap).min(self.cap))
    }

    /// The pause after so many failures of which the first costs nothing.
    pub(super) fn pause_again(&self, failures: u32) -> Duration {
        if failures > 1 { self.pause(failures - 1) } else { Duration::ZERO }
    }

    /// The pause before what somebody asked to wait for: no shorter, a little longer, never beyond the cap. The cap is a
    /// look from time to time whether a spent day is still spent.
    pub(super) fn asked(&self, wait: Duration) -> Duration {
        let wait = wait.min(self.cap);
        wait.saturating_add(self.below(wait / 10))
    }

    /// Evenly from nothing to `bound`.
    fn below(&self, bound: Duration) -> Duration {
        // 2^53: every value of the upper 53 bits is a distinct fraction of one.
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit an f64")]
        let fraction = (self.random() >> 11) as f64 / 9_007_199_254_740_992.0;
        bound.mul_f64(fraction)
    }

    /// splitmix64.
    fn random(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let state = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// A moment so much later.
pub(super) fn later(at: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| at.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

/// A moment so much earlier.
pub(super) fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| at.checked_sub(by).ok()).unwrap_or(Timestamp::MIN)
}

/// From one moment to another; nothing where that has passed.
pub(super) fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_grows_with_failures_up_to_the_cap_and_its_mean_is_as_set() {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        for (failures, mean_s) in [(1, 1.0), (2, 2.0), (4, 8.0), (6, 30.0), (40, 30.0)] {
            let pauses: Vec<f64> = (0..4_000).map(|_| backoff.pause(failures).as_secs_f64()).collect();
            let mean = pauses.iter().sum::<f64>() / 4_000.0;
            assert!((mean / mean_s - 1.0).abs() < 0.1, "{failures} failures: {mean} s, not {mean_s} s");
            assert!(pauses.iter().all(|pause| *pause <= 2.0 * mean_s));
            assert!(pauses.iter().any(|pause| *pause < 0.1 * mean_s), "the jitter is full");
        }
    }

    #[test]
    fn a_wait_that_was_asked_for_is_kept_within_the_cap() {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        for _ in 0..1_000 {
            let pause = backoff.asked(Duration::from_secs(10));
            assert!((10.0..=11.0).contains(&pause.as_secs_f64()), "{pause:?}");
            assert!(backoff.asked(Duration::from_secs(86_400)) <= Duration::from_secs(66));
        }
    }

    #[test]
    fn moments_saturate() {
        assert_eq!(later(Timestamp::MAX, Duration::MAX), Timestamp::MAX);
        assert_eq!(earlier(Timestamp::MIN, Duration::MAX), Timestamp::MIN);
        assert_eq!(until(Timestamp::MAX, Timestamp::MIN), Duration::ZERO);
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(until(now, later(now, Duration::from_millis(7))), Duration::from_millis(7));
    }
}

//! GHL's rate limits: a burst window, of 10 s unless told otherwise, and a day, per location (or company), told in six headers of every answer.
//! More tokens add no capacity; a refused request costs nothing.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::clock::{DAY_MS, Millis};
use crate::config::{QuotaProfile, QuotaWindow};

#[derive(Clone, Debug)]
pub(crate) struct Quota {
    profile: QuotaProfile,
    window: QuotaWindow,
    interval: Millis,
    buckets: BTreeMap<String, Bucket>,
}

#[derive(Clone, Debug, Default)]
struct Bucket {
    /// When each request of the current window came; its first opened the window.
    recent: VecDeque<Millis>,
    day: i64,
    today: u32,
}

/// What one request did to its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) allowed: bool,
    burst: u32,
    burst_left: u32,
    daily: u32,
    daily_left: u32,
    daily_reset_ms: Millis,
    interval: Millis,
}

impl Quota {
    pub(crate) fn new(profile: QuotaProfile, window: QuotaWindow, interval: Duration) -> Self {
        let interval = Millis::try_from(interval.as_millis()).unwrap_or(Millis::MAX).max(1);
        Self { profile, window, interval, buckets: BTreeMap::new() }
    }

    /// Counts one request of `owner`, or refuses it.
    pub(crate) fn take(&mut self, owner: &str, now: Millis) -> Standing {
        let (burst, daily) = self.profile.limits();
        let unlimited = self.profile == QuotaProfile::Unlimited;
        let (window, interval) = (self.window, self.interval);
        let bucket = self.buckets.entry(owner.to_owned()).or_default();
        bucket.roll(window, interval, now);
        let used = u32::try_from(bucket.recent.len()).unwrap_or(u32::MAX);
        let allowed = unlimited || (used < burst && bucket.today < daily);
        if allowed {
            bucket.today = bucket.today.saturating_add(1);
            if used < burst {
                bucket.recent.push_back(now);
            }
        }
        bucket.standing(allowed, (burst, daily), interval, now)
    }

    /// Spends of an owner's day all but `left`.
    pub(crate) fn set_day_left(&mut self, owner: &str, left: u32, now: Millis) {
        let (_, daily) = self.profile.limits();
        let bucket = self.buckets.entry(owner.to_owned()).or_default();
        bucket.roll(self.window, self.interval, now);
        bucket.today = daily.saturating_sub(left);
    }

    /// The headers for an answer to somebody without a bucket (no token, a bad one).
    pub(crate) fn untouched(&self, now: Millis) -> Standing {
        let (burst, daily) = self.profile.limits();
        Bucket::default().standing(true, (burst, daily), self.interval, now)
    }
}

impl Bucket {
    fn roll(&mut self, window: QuotaWindow, interval: Millis, now: Millis) {
        match window {
            QuotaWindow::Fixed if self.recent.front().is_some_and(|first| now - first >= interval) => {
                self.recent.clear()
            }
            QuotaWindow::Fixed => {}
            QuotaWindow::Sliding => {
                while self.recent.front().is_some_and(|first| now - first >= interval) {
                    self.recent.pop_front();
                }
            }
        }
        let day = now.div_euclid(DAY_MS);
        if day != self.day {
            (self.day, self.today) = (day, 0);
        }
    }

    fn standing(&self, allowed: bool, (burst, daily): (u32, u32), interval: Millis, now: Millis) -> Standing {
        let used = u32::try_from(self.recent.len()).unwrap_or(u32::MAX);
        Standing {
            allowed,
            burst,
            burst_left: burst.saturating_sub(used),
            daily,
            daily_left: daily.saturating_sub(self.today),
            daily_reset_ms: DAY_MS - now.rem_euclid(DAY_MS),
            interval,
        }
    }
}

impl Standing {
    pub(crate) fn headers(self) -> [(&'static str, String); 6] {
        [
            ("x-ratelimit-max", self.burst.to_string()),
            ("x-ratelimit-remaining", self.burst_left.to_string()),
            ("x-ratelimit-interval-milliseconds", self.interval.to_string()),
            ("x-ratelimit-limit-daily", self.daily.to_string()),
            ("x-ratelimit-daily-remaining", self.daily_left.to_string()),
            ("x-ratelimit-daily-reset", self.daily_reset_ms.to_string()),
        ]
    }

    /// As after a 429 that was injected.
    #[must_use]
    pub(crate) fn spent(self) -> Self {
        Self { burst_left: 0, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);
    const NOON: Millis = 20_000 * DAY_MS + DAY_MS / 2;

    #[test]
    fn the_twenty_sixth_request_of_a_trial_is_refused_until_the_window_ends() {
        let mut quota = Quota::new(QuotaProfile::Trial, QuotaWindow::Fixed, INTERVAL);
        assert!((0..25).all(|_| quota.take("a", NOON).allowed));
        let refused = quota.take("a", NOON + 9_999);
        assert!(!refused.allowed);
        assert_eq!(refused.headers()[1].1, "0");
        assert!(quota.take("b", NOON).allowed, "another location has its own bucket");
        assert!(quota.take("a", NOON + 10_000).allowed);
    }

    #[test]
    fn a_day_runs_out_and_says_when_it_ends() {
        let mut quota = Quota::new(QuotaProfile::Custom { burst: 100, daily: 3 }, QuotaWindow::Fixed, INTERVAL);
        for step in 0..3 {
            assert!(quota.take("a", NOON + step * 20_000).allowed);
        }
        let refused = quota.take("a", NOON + 80_000);
        assert!(!refused.allowed);
        assert_eq!((refused.daily_left, refused.daily_reset_ms), (0, DAY_MS / 2 - 80_000));
        assert!(quota.take("a", NOON + DAY_MS / 2).allowed);
    }

    #[test]
    fn a_sliding_window_sees_the_boundary_burst_that_a_fixed_one_misses() {
        for (window, expected) in [(QuotaWindow::Fixed, true), (QuotaWindow::Sliding, false)] {
            let mut quota = Quota::new(QuotaProfile::Custom { burst: 3, daily: 100 }, window, INTERVAL);
            quota.take("a", NOON);
            quota.take("a", NOON + 9_000);
            quota.take("a", NOON + 9_000);
            quota.take("a", NOON + 10_000);
            assert_eq!(quota.take("a", NOON + 10_000).allowed, expected, "{window:?}");
        }
    }

    #[test]
    fn without_limits_the_figures_are_out_of_reach() {
        let mut quota = Quota::new(QuotaProfile::Unlimited, QuotaWindow::Fixed, INTERVAL);
        for _ in 0..1_000 {
            assert!(quota.take("a", NOON).allowed);
        }
        let headers = quota.take("a", NOON).headers();
        assert_eq!((headers[1].1.as_str(), headers[4].1.as_str()), ("998999", "999998999"));
    }
}

//! How events go to one receiver: how late, how often, in what order, and when GHL would give up. Every decision follows
//! from the seed and from the event's number, so the order in which deliveries end changes none.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::rng::Rng;

/// No back-off is longer.
const BACKOFF_MAX: Duration = Duration::from_secs(3_600);
/// No time of a plan is longer, in milliseconds: a day.
const TIME_MAX_MS: u64 = 86_400_000;
const CONCURRENCY_MAX: usize = 1_024;

/// How webhooks go to one receiver. Times are real time: moving the sandbox's clock hurries nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookPlan {
    /// Of a hundred events, so many are sent once more: same `webhookId`, same body.
    pub duplicate_percent: u8,
    /// Of a hundred events, so many are held back, so that later ones overtake them.
    pub reorder_percent: u8,
    /// How long those are held back, beyond the longest delay.
    pub reorder_hold_ms: u64,
    /// The shortest and the longest delay between the change and its event.
    pub delay_ms: [u64; 2],
    /// How often a delivery is tried again that met anything but a 2xx: 12 times at GHL.
    pub retries: u32,
    /// The wait before the first of these; it doubles with each, up to an hour, and a random half of it is left out.
    pub retry_base_ms: u64,
    /// How long an answer is waited for.
    pub timeout_ms: u64,
    /// So many deliveries are under way at once.
    pub concurrency: usize,
    /// After so many deliveries their success is reviewed; under 90 % pauses the receiver until it is resumed.
    pub breaker_after: u64,
    /// Which of the two signatures is made.
    pub signing: WebhookSigning,
}

impl Default for WebhookPlan {
    fn default() -> Self {
        Self {
            duplicate_percent: 0,
            reorder_percent: 0,
            reorder_hold_ms: 100,
            delay_ms: [0, 0],
            retries: 12,
            retry_base_ms: 1_000,
            timeout_ms: 10_000,
            concurrency: 16,
            breaker_after: 10_000,
            signing: WebhookSigning::Ed25519,
        }
    }
}

/// Which signatures a delivery bears. The header of one that is not made says `N/A`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookSigning {
    /// `X-GHL-Signature`, as GHL does now.
    #[default]
    Ed25519,
    /// `x-wh-signature` alone, as GHL did before.
    Rsa,
    /// Both, as GHL did between.
    Both,
}

/// When the copies of an event leave, counted from the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Departures {
    pub(super) first: Duration,
    pub(super) duplicate: Option<Duration>,
}

impl WebhookPlan {
    /// What is wrong with it, in words.
    pub(super) fn check(&self) -> Result<(), String> {
        let [shortest, longest] = self.delay_ms;
        let times = [longest, self.reorder_hold_ms, self.retry_base_ms, self.timeout_ms];
        if self.duplicate_percent > 100 || self.reorder_percent > 100 {
            Err("duplicatePercent and reorderPercent must be 0 to 100".to_owned())
        } else if shortest > longest {
            Err("delayMs must be the shortest and the longest delay, in this order".to_owned())
        } else if times.iter().any(|ms| *ms > TIME_MAX_MS) {
            Err(format!("no time may be longer than a day ({TIME_MAX_MS} ms)"))
        } else if self.timeout_ms == 0 || self.breaker_after == 0 {
            Err("timeoutMs and breakerAfter must not be 0".to_owned())
        } else if !(1..=CONCURRENCY_MAX).contains(&self.concurrency) {
            Err(format!("concurrency must be 1 to {CONCURRENCY_MAX}"))
        } else {
            Ok(())
        }
    }

    pub(super) fn departures(&self, luck: u64) -> Departures {
        let mut rng = Rng::new(luck);
        let [shortest, longest] = self.delay_ms;
        let mut delay = || shortest + rng.next() % (longest - shortest + 1);
        let (first, second) = (delay(), delay());
        let held = rng.percent(self.reorder_percent.into());
        let doubled = rng.percent(self.duplicate_percent.into());
        let first = if held { longest.saturating_add(self.reorder_hold_ms) } else { first };
        Departures {
            first: Duration::from_millis(first),
            duplicate: doubled.then(|| Duration::from_millis(first.saturating_add(second))),
        }
    }

    /// The wait after the `attempt`-th attempt failed, or nothing if that was the last.
    pub(super) fn backoff(&self, attempt: u32, luck: u64) -> Option<Duration> {
        if attempt > self.retries {
            return None;
        }
        let doublings = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        let full = Duration::from_millis(self.retry_base_ms).saturating_mul(doublings).min(BACKOFF_MAX);
        let share = 0.5 + Rng::new(luck ^ u64::from(attempt)).unit() / 2.0;
        Some(full.mul_f64(share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::mix;

    #[test]
    fn shares_are_about_as_asked_and_follow_from_the_luck() {
        let plan = WebhookPlan {
            duplicate_percent: 20,
            reorder_percent: 10,
            delay_ms: [5, 15],
            reorder_hold_ms: 50,
            ..WebhookPlan::default()
        };
        let all: Vec<Departures> = (0..2_000).map(|number| plan.departures(mix(number))).collect();
        let doubled = all.iter().filter(|departures| departures.duplicate.is_some()).count();
        let held = all.iter().filter(|departures| departures.first == Duration::from_millis(65)).count();
        let others = all.iter().filter(|departures| (5..=15).contains(&departures.first.as_millis())).count();
        assert!((340..460).contains(&doubled), "{doubled}");
        assert!((150..250).contains(&held), "{held}");
        assert_eq!(held + others, 2_000);
        assert_eq!(plan.departures(7), plan.departures(7));
    }

    #[test]
    fn back_off_doubles_to_an_hour_and_ends() {
        let plan = WebhookPlan { retry_base_ms: 100, ..WebhookPlan::default() };
        for attempt in 1..=12 {
            let wait = plan.backoff(attempt, 1).expect("one more").as_millis();
            let full = 100 << (attempt - 1);
            assert!((full / 2..=full).contains(&wait), "{attempt}: {wait}");
        }
        assert_eq!(plan.backoff(13, 1), None);
        let patient = WebhookPlan { retries: u32::MAX, retry_base_ms: TIME_MAX_MS, ..WebhookPlan::default() };
        assert!(patient.backoff(1_000, 1).is_some_and(|wait| wait <= BACKOFF_MAX));
    }

    #[test]
    fn plans_that_cannot_be_are_refused() {
        let good = WebhookPlan::default();
        assert_eq!(good.check(), Ok(()));
        let bad = [
            WebhookPlan { duplicate_percent: 101, ..good.clone() },
            WebhookPlan { delay_ms: [2, 1], ..good.clone() },
            WebhookPlan { retry_base_ms: u64::MAX, ..good.clone() },
            WebhookPlan { timeout_ms: 0, ..good.clone() },
            WebhookPlan { concurrency: 0, ..good.clone() },
        ];
        for plan in bad {
            assert!(plan.check().is_err(), "{plan:?}");
        }
        assert!(serde_json::from_str::<WebhookPlan>(r#"{"duplicatePercents": 1}"#).is_err());
    }
}

//! The ledger of a location's day. GHL's own count is believed, as every answer tells it; between answers ours goes on
//! from it.
//!
//! GHL does not document when a day ends. Its answers tell it in an undocumented header, which is believed; without it
//! the day is taken to end at midnight UTC. A day that is spent is probed now and then, in case that was wrong or the
//! limit was raised.

use super::{Lane, Policy, headers::RateHeaders, percent_of};
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// How often a spent day is probed.
const PROBE_EVERY: Duration = Duration::from_secs(15 * 60);

/// For how long after a call somebody waited for, durable work leaves its reserve of the day.
const RECENT: Duration = Duration::from_secs(3_600);

/// Minutes by which the rate is reckoned.
const RATE_MINUTES: usize = 5;

const MINUTE: Duration = Duration::from_secs(60);

pub(super) const DAY: Duration = Duration::from_secs(86_400);

#[derive(Debug)]
pub(super) struct Day {
    pub(super) limit: u64,
    pub(super) left: u64,
    pub(super) ends: Instant,
    /// When this day began as far as we know: answers to calls sent before speak of another.
    began: Instant,
    /// When GHL's count was last heard.
    heard: Instant,
    probe_at: Instant,
    last_interactive: Option<Instant>,
    /// Calls in each of the last minutes, by when the minute began.
    minutes: VecDeque<(Instant, u64)>,
}

impl Day {
    pub(super) fn new(policy: &Policy, ends: Instant, now: Instant) -> Self {
        Self {
            limit: policy.day_limit,
            left: policy.day_limit,
            ends,
            began: now,
            heard: now,
            probe_at: now,
            last_interactive: None,
            minutes: VecDeque::new(),
        }
    }

    pub(super) fn saw_interactive(&mut self, now: Instant) {
        self.last_interactive = Some(now);
    }

    /// Begins another day if this one is over. Calls on their way may count in either.
    pub(super) fn roll(&mut self, in_flight: u64, now: Instant) {
        if now < self.ends {
            return;
        }
        self.left = self.limit.saturating_sub(in_flight);
        (self.began, self.heard) = (now, now);
        while self.ends <= now {
            self.ends += DAY;
        }
    }

    /// Whether one call of a lane may be sent now; else, when it may be.
    pub(super) fn may_send(&self, lane: Lane, policy: &Policy, now: Instant) -> Result<(), Instant> {
        let lapses = self.last_interactive.map(|last| last + RECENT).filter(|until| now < *until);
        let (percent, until) = match lane {
            Lane::Interactive => (0, self.ends),
            Lane::Operation => match lapses {
                Some(lapses) if self.left > 0 => (policy.operation_reserve_percent, self.ends.min(lapses)),
                _ => (0, self.ends),
            },
            Lane::Bulk => (policy.bulk_reserve_percent, self.ends),
        };
        let probe_due = self.left == 0 && now >= self.probe_at;
        let free = self.left > percent_of(self.limit, percent);
        if free || probe_due { Ok(()) } else { Err(until) }
    }

    /// Counts a call that is sent now.
    pub(super) fn send(&mut self, now: Instant) {
        if self.left <= 1 {
            self.probe_at = now + PROBE_EVERY;
        }
        self.left = self.left.saturating_sub(1);
        match self.minutes.back_mut().filter(|(began, _)| now < *began + MINUTE) {
            Some((_, calls)) => *calls += 1,
            None => self.minutes.push_back((now, 1)),
        }
        if self.minutes.len() > RATE_MINUTES {
            self.minutes.pop_front();
        }
    }

    /// Takes back a call that was not sent after all.
    pub(super) fn not_sent(&mut self) {
        self.left = (self.left + 1).min(self.limit);
    }

    /// Corrects this by an answer to a call sent at `sent_at`; other calls are on their way, which GHL may not have
    /// counted yet.
    pub(super) fn answered(&mut self, sent_at: Instant, headers: &RateHeaders, in_flight: u64, now: Instant) {
        if let Some(limit) = headers.day_limit {
            self.left = limit.saturating_sub(self.limit.saturating_sub(self.left));
            self.limit = limit;
        }
        if sent_at < self.began {
            return;
        }
        if let Some(ends_in) = headers.day_ends_in {
            self.ends = now + ends_in;
        }
        if let Some(left) = headers.day_left {
            let was_spent = self.left == 0;
            let theirs = left.min(self.limit).saturating_sub(in_flight);
            // Answers overtake each other: only a call sent after the last news is known to bring newer.
            self.left = if sent_at >= self.heard { theirs } else { theirs.min(self.left) };
            self.heard = now;
            if self.left == 0 && !was_spent {
                self.probe_at = now + PROBE_EVERY;
            }
        }
    }

    /// How long until the day's quota runs out at the rate of the last minutes; `None` where the day ends before.
    pub(super) fn runs_out_in(&self, now: Instant) -> Option<Duration> {
        let horizon = MINUTE * u32::try_from(RATE_MINUTES).unwrap_or(u32::MAX);
        let recent = self.minutes.iter().filter(|(began, _)| now < *began + horizon);
        let (mut calls, mut since) = (0_u64, now);
        for (began, count) in recent {
            calls += count;
            since = since.min(*began);
        }
        if self.left == 0 {
            return Some(Duration::ZERO);
        }
        // Calls of less than a minute tell no rate of minutes.
        let span = now.saturating_duration_since(since).max(MINUTE);
        let nanos = span.as_nanos().saturating_mul(u128::from(self.left)).checked_div(u128::from(calls))?;
        let lasts = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        (lasts < self.ends.saturating_duration_since(now)).then_some(lasts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::quota::tests::policy;

    fn day(limit: u64, now: Instant) -> Day {
        Day::new(&Policy { day_limit: limit, ..policy() }, now + Duration::from_secs(3_600), now)
    }

    fn left(left: u64) -> RateHeaders {
        RateHeaders { day_left: Some(left), ..RateHeaders::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_spent_day_is_probed_rarely_and_ends() {
        let now = Instant::now();
        let mut day = day(2, now);
        for _ in 0..2 {
            assert_eq!(day.may_send(Lane::Interactive, &policy(), now), Ok(()));
            day.send(now);
        }
        assert_eq!(day.may_send(Lane::Interactive, &policy(), now), Err(day.ends));
        let later = now + PROBE_EVERY;
        assert_eq!(day.may_send(Lane::Operation, &policy(), later), Ok(()));
        day.send(later);
        assert_eq!(day.may_send(Lane::Operation, &policy(), later + MINUTE), Err(day.ends));
        assert_eq!(day.runs_out_in(later), Some(Duration::ZERO));
        let over = now + Duration::from_secs(3_600);
        day.roll(0, over);
        assert_eq!((day.left, day.may_send(Lane::Interactive, &policy(), over)), (2, Ok(())));
        assert_eq!(day.ends, over + DAY);
    }

    #[tokio::test(start_paused = true)]
    async fn newer_news_are_believed_and_overtaken_ones_only_where_they_are_worse() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let mut day = day(100, now);
        day.answered(at(0), &left(60), 0, at(2));
        assert_eq!(day.left, 60);
        day.answered(at(1), &left(61), 0, at(3));
        assert_eq!(day.left, 60, "sent before the last news came");
        day.answered(at(1), &left(50), 2, at(4));
        assert_eq!(day.left, 48);
        day.answered(at(4), &left(90), 0, at(5));
        assert_eq!(day.left, 90, "it is known to be newer");
        day.roll(0, at(3_600));
        day.answered(at(3_599), &left(1), 0, at(3_601));
        assert_eq!(day.left, 100, "that was another day");
    }

    #[tokio::test(start_paused = true)]
    async fn it_runs_out_at_the_rate_of_the_last_minutes() {
        let now = Instant::now();
        let mut day = day(1_000, now);
        for second in 0..240 {
            day.send(now + Duration::from_secs(second));
        }
        let lasts = day.runs_out_in(now + Duration::from_secs(240)).unwrap();
        assert_eq!(lasts.as_secs(), 760);
        assert_eq!(day.runs_out_in(now + Duration::from_secs(1_000)), None, "nothing was sent for a while");
    }
}

//! The queue to one receiver: what is to leave when, how much is under way, and GHL's circuit breaker over it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use tokio::time::Instant;

use super::plan::WebhookPlan;
use crate::rng::mix;

/// GHL pauses a receiver that takes less than this.
const BREAKER_PERCENT: u64 = 90;

/// One copy of an event that is to leave. The order is that of departure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    at: Instant,
    /// Keeps apart, and in order, what leaves at the same time.
    order: u64,
    pub(super) seq: u64,
    /// From 1.
    pub(super) attempt: u32,
    /// Made on purpose: not tried again.
    pub(super) duplicate: bool,
}

/// Whether a receiver is sent anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Open,
    /// By hand.
    Paused,
    /// By the circuit breaker.
    Broken,
}

impl Standing {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paused => "paused",
            Self::Broken => "broken",
        }
    }
}

#[derive(Debug)]
pub(super) struct Line {
    pub(super) id: u64,
    pub(super) url: Arc<str>,
    pub(super) plan: WebhookPlan,
    pub(super) standing: Standing,
    seed: u64,
    /// Made, and not yet given a time: only the sending thread reads the time.
    fresh: VecDeque<u64>,
    waiting: BinaryHeap<Reverse<Due>>,
    under_way: usize,
    queued: u64,
    /// Since the last review.
    sent: u64,
    succeeded: u64,
}

/// What a failed delivery leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Again,
    GivenUp,
    /// The receiver is paused.
    Held,
}

impl Line {
    pub(super) fn new(id: u64, url: &str, plan: WebhookPlan, seed: u64) -> Self {
        Self {
            id,
            url: url.into(),
            plan,
            standing: Standing::Open,
            seed: mix(seed ^ 0x3EB_4001),
            fresh: VecDeque::new(),
            waiting: BinaryHeap::new(),
            under_way: 0,
            queued: 0,
            sent: 0,
            succeeded: 0,
        }
    }

    /// How many copies have not come to an end.
    pub(super) fn pending(&self) -> usize {
        self.fresh.len() + self.waiting.len() + self.under_way
    }

    /// An event for this receiver; false if it is paused.
    pub(super) fn push(&mut self, seq: u64) -> bool {
        let open = self.standing == Standing::Open;
        if open {
            self.fresh.push_back(seq);
        }
        open
    }

    /// What is to leave now, as far as there is room, and when to ask again.
    pub(super) fn take(&mut self, now: Instant) -> (Vec<Due>, Option<Instant>) {
        while let Some(seq) = self.fresh.pop_front() {
            let departures = self.plan.departures(self.luck(seq));
            self.queue(now + departures.first, seq, 1, false);
            if let Some(wait) = departures.duplicate {
                self.queue(now + wait, seq, 1, true);
            }
        }
        let mut leaving = Vec::new();
        while self.under_way < self.plan.concurrency {
            match self.waiting.peek() {
                Some(Reverse(due)) if due.at <= now => {}
                Some(Reverse(due)) => return (leaving, Some(due.at)),
                None => break,
            }
            leaving.extend(self.waiting.pop().map(|Reverse(due)| due));
            self.under_way += 1;
        }
        (leaving, None)
    }

    /// One copy has nothing to bear: a duplicate of an event that the log has let go.
    pub(super) fn gone(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// One copy has come back. Returns what follows from a failure, and the events that a breaker
    /// which opened keeps back.
    pub(super) fn ended(&mut self, due: Due, success: bool, now: Instant) -> (Option<Next>, Vec<u64>) {
        self.under_way = self.under_way.saturating_sub(1);
        self.sent += 1;
        self.succeeded += u64::from(success);
        let kept = self.review();
        if success || due.duplicate {
            return (None, kept);
        }
        let next = match self.plan.backoff(due.attempt, self.luck(due.seq)) {
            None => Next::GivenUp,
            Some(_) if self.standing != Standing::Open => Next::Held,
            Some(wait) => {
                self.queue(now + wait, due.seq, due.attempt + 1, false);
                Next::Again
            }
        };
        (Some(next), kept)
    }

    fn review(&mut self) -> Vec<u64> {
        if self.sent < self.plan.breaker_after {
            return Vec::new();
        }
        let bad = self.succeeded.saturating_mul(100) < self.sent.saturating_mul(BREAKER_PERCENT);
        (self.sent, self.succeeded) = (0, 0);
        if bad && self.standing == Standing::Open { self.pause(Standing::Broken) } else { Vec::new() }
    }

    /// Sends nothing from now on, and gives back the events that were still to leave.
    pub(super) fn pause(&mut self, standing: Standing) -> Vec<u64> {
        self.standing = standing;
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let kept = waiting.filter(|Reverse(due)| !due.duplicate).map(|Reverse(due)| due.seq);
        kept.chain(std::mem::take(&mut self.fresh)).collect()
    }

    pub(super) fn resume(&mut self) {
        self.standing = Standing::Open;
        (self.sent, self.succeeded) = (0, 0);
    }

    fn queue(&mut self, at: Instant, seq: u64, attempt: u32, duplicate: bool) {
        self.queued += 1;
        self.waiting.push(Reverse(Due { at, order: self.queued, seq, attempt, duplicate }));
    }

    fn luck(&self, seq: u64) -> u64 {
        mix(self.seed ^ seq)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn line(plan: WebhookPlan) -> Line {
        Line::new(1, "http://localhost/", plan, 1)
    }

    #[tokio::test]
    async fn a_failure_is_tried_again_later_and_given_up_in_the_end() {
        let mut line = line(WebhookPlan { retries: 1, retry_base_ms: 1_000, ..WebhookPlan::default() });
        let now = Instant::now();
        assert!(line.push(1));
        let first = line.take(now).0[0];
        assert_eq!(line.ended(first, false, now).0, Some(Next::Again));
        let (none, at) = line.take(now);
        let wait = at.expect("a retry").duration_since(now);
        assert!(none.is_empty() && wait >= Duration::from_millis(500) && wait <= Duration::from_secs(1));
        let second = line.take(now + wait).0[0];
        assert_eq!((second.seq, second.attempt), (1, 2));
        assert_eq!(line.ended(second, false, now + wait).0, Some(Next::GivenUp));
        assert_eq!(line.pending(), 0);
    }

    #[tokio::test]
    async fn no_more_is_under_way_than_the_plan_says() {
        let mut line = line(WebhookPlan { concurrency: 2, ..WebhookPlan::default() });
        let now = Instant::now();
        for seq in 1..=5 {
            line.push(seq);
        }
        let (leaving, _) = line.take(now);
        assert_eq!(leaving.iter().map(|due| due.seq).collect::<Vec<_>>(), [1, 2]);
        assert!(line.take(now).0.is_empty());
        line.ended(leaving[1], true, now);
        assert_eq!(line.take(now).0.len(), 1);
        assert_eq!(line.pending(), 4);
    }

    #[tokio::test]
    async fn the_breaker_opens_below_nine_in_ten_and_keeps_the_rest() {
        let mut line = line(WebhookPlan { breaker_after: 10, concurrency: 10, ..WebhookPlan::default() });
        let now = Instant::now();
        assert!((1..=12).all(|seq| line.push(seq)));
        let (leaving, _) = line.take(now);
        for due in &leaving[..9] {
            assert_eq!(line.ended(*due, due.seq != 1 && due.seq != 2, now).1, Vec::<u64>::new());
        }
        let (_, kept) = line.ended(leaving[9], true, now);
        assert_eq!(line.standing, Standing::Broken);
        assert_eq!(kept.len(), 4, "two retries and two that never left: {kept:?}");
        assert!(!line.push(13));
        line.resume();
        assert!(line.push(13));
    }
}

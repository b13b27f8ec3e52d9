//! The ledger of a location's burst window: what may be sent now, and if nothing, when. Pure: the time is given.
//!
//! A call counts from when it is sent until a window after its answer. GHL counts it at some moment between the two, so
//! whichever calls GHL sees in one window, all of them count here when the last of them is sent: their number never
//! exceeds the limit, be GHL's window fixed or sliding, however long the network takes. It costs one round trip in each
//! window: 1 % at 100 ms.

use super::{Lane, Policy, headers::RateHeaders};
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// Calls without an answer before the first one has told the limits: a trial location has a quarter of the usual.
const UNLEARNED_CALLS: u64 = 4;

/// Of calls that failed before any answer, so many do not count as unanswered: else an outage at the start would look like
/// a spent quota, and the circuit breaker would not come to see it.
const EXCUSED_FAILURES: u64 = 8;

/// So many answers without a word of limits, and the configured ones are taken for granted.
const SILENT_ANSWERS: u64 = 8;

/// Part of a window that durable and bulk work may fill at once before it is paced: one in so many.
const UNPACED_SHARE: u64 = 4;

/// Calls by which paced work may be ahead of its pace, to catch up after a late timer.
const PACE_SLACK: u32 = 2;

/// Room that is left to others of whom we learned, as a part of what they spent in a window.
const OTHERS_ROOM_PERCENT: u32 = 10;

/// How long "seen recently" is, in windows.
const RECENT_WINDOWS: u32 = 2;

/// A call that was sent, as the ledger has to know it when its answer comes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) at: Instant,
    /// Whether it finds out if the location is let in again after a 429.
    probe: bool,
    /// Calls that counted when it was sent, itself among them.
    counted: u64,
    /// How many had been counted ever, by then.
    ever: u64,
}

/// Why nothing may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// Until then at least.
    Until(Instant),
    /// Until another call is answered.
    Answer,
}

/// Calls that were answered at one moment.
#[derive(Debug, Clone, Copy)]
struct Done {
    at: Instant,
    calls: u64,
    /// Of them, those we did not send.
    others: u64,
}

#[derive(Debug)]
pub(super) struct Burst {
    pub(super) limit: u64,
    pub(super) window: Duration,
    /// Whether GHL told the limit.
    pub(super) learned: bool,
    silent_answers: u64,
    /// Calls that failed since the last answer.
    failed: u64,
    in_flight: u64,
    /// By time.
    done: VecDeque<Done>,
    done_calls: u64,
    others: u64,
    /// Calls counted so far, others' that we learned of among them.
    ever: u64,
    /// When the next call would be due at an even pace.
    due: Instant,
    last_interactive: Option<Instant>,
    /// After a 429: when a probe may be sent.
    full_until: Option<Instant>,
    probe_in_flight: bool,
}

impl Burst {
    pub(super) fn new(policy: &Policy, now: Instant) -> Self {
        Self {
            limit: policy.burst_limit.max(1),
            window: policy.burst_window,
            learned: false,
            silent_answers: 0,
            failed: 0,
            in_flight: 0,
            done: VecDeque::new(),
            done_calls: 0,
            others: 0,
            ever: 0,
            due: now,
            last_interactive: None,
            full_until: None,
            probe_in_flight: false,
        }
    }

    /// Takes note that somebody waits: durable and bulk work leaves its reserve for a while.
    pub(super) fn saw_interactive(&mut self, now: Instant) {
        self.last_interactive = Some(now);
    }

    /// Calls that count now.
    pub(super) fn used(&mut self, now: Instant) -> u64 {
        while let Some(oldest) = self.done.front().filter(|done| done.at + self.window <= now) {
            self.done_calls -= oldest.calls;
            self.others -= oldest.others;
            self.done.pop_front();
        }
        self.in_flight.saturating_add(self.done_calls)
    }

    /// Whether one call of a lane may be sent now.
    pub(super) fn may_send(&mut self, lane: Lane, policy: &Policy, now: Instant) -> Result<(), Wait> {
        let used = self.used(now);
        if let Some(until) = self.full_until.filter(|until| now < *until) {
            return Err(Wait::Until(until));
        }
        if self.probe_in_flight {
            return Err(Wait::Answer);
        }
        if let Some(until) = self.paced_until(lane, used).filter(|until| now < *until) {
            return Err(Wait::Until(until));
        }
        let unheard = used.saturating_sub(self.silent_answers).saturating_sub(self.failed);
        if used < self.share_of(lane, policy, now) && (self.trusted() || unheard < UNLEARNED_CALLS) {
            return Ok(());
        }
        let freed = self.done.front().map(|done| done.at + self.window);
        let lapsed = self.reserve_lapses(lane, now).filter(|_| used < self.limit);
        match (freed, lapsed) {
            (Some(freed), Some(lapsed)) => Err(Wait::Until(freed.min(lapsed))),
            (Some(until), None) | (None, Some(until)) => Err(Wait::Until(until)),
            (None, None) => Err(Wait::Answer),
        }
    }

    /// When a call could be sent at the earliest, with so many before it.
    pub(super) fn earliest(&mut self, lane: Lane, ahead: u64, policy: &Policy, now: Instant) -> Instant {
        let used = self.used(now);
        let share = self.share_of(lane, policy, now);
        let mut at = self.free_slot(ahead, used, share, now);
        if let Some(lapsed) = self.reserve_lapses(lane, now) {
            at = at.min(lapsed.max(self.free_slot(ahead, used, self.limit, now)));
        }
        if let Some(paced_until) = self.paced_until(lane, used.saturating_add(ahead)) {
            let queue = self.pace().saturating_mul(u32::try_from(ahead).unwrap_or(u32::MAX));
            at = at.max(paced_until + queue.min(MAX_ESTIMATE));
        }
        self.full_until.map_or(at, |until| at.max(until))
    }

    /// When the `ahead + 1`th slot is free under a bound of `share`.
    fn free_slot(&self, ahead: u64, used: u64, share: u64, now: Instant) -> Instant {
        let needed = (ahead + 1).saturating_add(used).saturating_sub(share);
        let mut freed = 0_u64;
        if needed == 0 {
            return now;
        }
        for done in &self.done {
            freed = freed.saturating_add(done.calls);
            if freed >= needed {
                return done.at + self.window;
            }
        }
        // What is on its way may be answered at once; beyond it, each window frees as much again.
        let windows = 1 + needed.saturating_sub(used).div_ceil(share.max(1));
        now + self.window.saturating_mul(u32::try_from(windows).unwrap_or(u32::MAX)).min(MAX_ESTIMATE)
    }

    /// Counts a call that is sent now.
    pub(super) fn send(&mut self, now: Instant) -> Sent {
        let probe = self.full_until.is_some();
        self.probe_in_flight |= probe;
        self.in_flight += 1;
        self.ever += 1;
        self.due = self.due.max(now) + self.pace();
        Sent { at: now, probe, counted: self.used(now), ever: self.ever }
    }

    /// Takes back a call that was not sent after all.
    pub(super) fn not_sent(&mut self, sent: Sent) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.probe_in_flight &= !sent.probe;
    }

    /// A call that ended without an answer: GHL may count it yet for as long as a packet can be on its way.
    pub(super) fn lost(&mut self, sent: Sent, now: Instant) {
        self.not_sent(sent);
        self.add_done(now + STRAGGLER, 1, 0);
    }

    /// A call that broke or got no answer in its own time: GHL may count it all the same.
    pub(super) fn failed(&mut self, sent: Sent, now: Instant) {
        self.lost(sent, now);
        self.failed = (self.failed + 1).min(EXCUSED_FAILURES);
    }

    /// An answer came.
    pub(super) fn answered(&mut self, sent: Sent, refused: bool, headers: &RateHeaders, now: Instant) {
        self.not_sent(sent);
        self.failed = 0;
        self.add_done(now, 1, 0);
        self.learn(headers);
        self.count_others(sent, headers, now);
        if refused {
            self.full_until = Some(now + headers.retry_after.unwrap_or_default().max(self.window));
        } else if sent.probe {
            self.full_until = None;
        }
    }

    fn learn(&mut self, headers: &RateHeaders) {
        if let Some(limit) = headers.limit {
            (self.limit, self.learned) = (limit, true);
        } else {
            self.silent_answers = self.silent_answers.saturating_add(1);
        }
        if let Some(window) = headers.window {
            self.window = window;
        }
    }

    /// What GHL counts beyond all that we sent, others sent: they count here from now on.
    fn count_others(&mut self, sent: Sent, headers: &RateHeaders, now: Instant) {
        let Some(left) = headers.left else { return };
        // All that GHL can have counted of ours: what counted when this was sent, and what was sent since.
        let ours = sent.counted.saturating_add(self.ever.saturating_sub(sent.ever));
        let theirs = self.limit.saturating_sub(left).saturating_sub(ours);
        if theirs > 0 {
            self.ever = self.ever.saturating_add(theirs);
            self.add_done(now, theirs, theirs);
        }
    }

    fn add_done(&mut self, at: Instant, calls: u64, others: u64) {
        self.done_calls = self.done_calls.saturating_add(calls);
        self.others = self.others.saturating_add(others);
        let place = self.done.partition_point(|done| done.at <= at);
        match place.checked_sub(1).and_then(|last| self.done.get_mut(last)).filter(|done| done.at == at) {
            Some(same) => {
                same.calls = same.calls.saturating_add(calls);
                same.others = same.others.saturating_add(others);
            }
            None => self.done.insert(place, Done { at, calls, others }),
        }
    }

    /// When all of the window is there again, if nothing more is sent.
    pub(super) fn all_free_at(&self, now: Instant) -> Instant {
        let newest = if self.in_flight > 0 { Some(now) } else { self.done.back().map(|done| done.at) };
        newest.map_or(now, |at| at + self.window)
    }

    /// Until when the location counts as full after a 429.
    pub(super) fn full_until(&self) -> Option<Instant> {
        self.full_until
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Whether nothing is on its way and nothing counts: there is nothing to forget but the limits.
    pub(super) fn idle(&mut self, now: Instant) -> bool {
        self.used(now) == 0 && self.full_until.is_none_or(|until| until <= now)
    }

    fn trusted(&self) -> bool {
        self.learned || self.silent_answers >= SILENT_ANSWERS
    }

    /// Calls that may count when one of this lane is sent: all of them, less what it leaves to others.
    fn share_of(&self, lane: Lane, policy: &Policy, now: Instant) -> u64 {
        let percent = match lane {
            Lane::Interactive => 0,
            Lane::Operation if self.reserve_lapses(lane, now).is_none() => 0,
            Lane::Operation => policy.operation_reserve_percent,
            Lane::Bulk => policy.bulk_reserve_percent,
        };
        // Others who spend of the same quota will have spent more by the time a call arrives.
        let room = super::percent_of(self.others, OTHERS_ROOM_PERCENT);
        self.limit.saturating_sub(super::percent_of(self.limit, percent)).saturating_sub(room).max(1)
    }

    /// When durable work need not leave its reserve any more; `None` where it leaves none.
    fn reserve_lapses(&self, lane: Lane, now: Instant) -> Option<Instant> {
        let until = self.last_interactive? + self.window * RECENT_WINDOWS;
        (lane == Lane::Operation && now < until).then_some(until)
    }

    /// Time from one call to the next at an even pace.
    fn pace(&self) -> Duration {
        let nanos = self.window.as_nanos() / u128::from(self.limit);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Work that nobody waits for goes at an even pace unless the window is all but empty: slots then come free one by
    /// one, and who waits has the next. `None` where there is no pace to keep.
    fn paced_until(&self, lane: Lane, used: u64) -> Option<Instant> {
        let paced = lane != Lane::Interactive && used >= self.limit / UNPACED_SHARE;
        self.due.checked_sub(self.pace() * PACE_SLACK).filter(|_| paced)
    }
}

/// How long after a call was given up GHL may still receive it.
const STRAGGLER: Duration = Duration::from_secs(1);

/// No estimate is longer: it would only be further off.
const MAX_ESTIMATE: Duration = Duration::from_secs(86_400);

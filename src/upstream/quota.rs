//! The gate to a location's quota: who may call now, who waits, and who is told at once that waiting is of no use.
//!
//! Waiting calls are served by lane, within a lane in the order of coming. What was spent and learned is in two ledgers,
//! [`burst`] and [`day`], which know no waiting; this file is the waiting.

mod burst;
mod day;
mod headers;
mod queue;
#[cfg(test)]
pub(super) mod tests;

use super::{Answer, CallError, Lane, Policy};
use crate::{
    clock::Clock,
    domain::{
        ids::LocationId,
        quota::{QuotaReport, QuotaSpend, QuotaWindow},
    },
};
use burst::{Burst, Sent, Wait};
use day::Day;
use headers::RateHeaders;
use jiff::{SignedDuration, Timestamp, Unit};
use queue::{LANES, Place, Queue};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// So much of a number, rounded up.
fn percent_of(number: u64, percent: u32) -> u64 {
    number.saturating_mul(u64::from(percent)).div_ceil(100)
}

/// The quota of one location.
#[derive(Debug)]
pub(super) struct Gate {
    policy: Arc<Policy>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    burst: Burst,
    day: Day,
    queue: Queue,
    by_lane: BTreeMap<&'static str, u64>,
    by_endpoint: BTreeMap<&'static str, u64>,
    rate_limited: u64,
}

/// A call that wants to be sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) lane: Lane,
    pub(super) endpoint: &'static str,
    pub(super) deadline: Instant,
}

/// Leave to send one call now. Dropped without a word, the call counts as sent: it may have been.
#[derive(Debug)]
pub(super) struct Ticket {
    gate: Arc<Gate>,
    wish: Wish,
    sent: Option<Sent>,
}

impl Gate {
    pub(super) fn new(policy: Arc<Policy>, clock: &Clock) -> Self {
        let now = Instant::now();
        let state = State {
            burst: Burst::new(&policy, now),
            day: Day::new(&policy, now + until_midnight(clock.now()), now),
            queue: Queue::default(),
            by_lane: BTreeMap::new(),
            by_endpoint: BTreeMap::new(),
            rate_limited: 0,
        };
        Self { policy, state: Mutex::new(state) }
    }

    /// Waits for leave to send; refuses at once where there is none before the deadline.
    pub(super) async fn acquire(self: &Arc<Self>, wish: Wish) -> Result<Ticket, CallError> {
        let waiter = match self.arrive(wish)? {
            Arrival::Go(ticket) => return Ok(ticket),
            Arrival::Wait(waiter) => waiter,
        };
        loop {
            let until = match waiter.look()? {
                Look::Go(ticket) => return Ok(ticket),
                Look::Wait(until) => until,
            };
            tokio::select! {
                () = waiter.call.notified() => {}
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }

    fn arrive(self: &Arc<Self>, wish: Wish) -> Result<Arrival, CallError> {
        let now = Instant::now();
        let mut state = self.state();
        if wish.lane == Lane::Interactive {
            state.burst.saw_interactive(now);
            state.day.saw_interactive(now);
        }
        let ahead = state.queue.ahead_of(wish.lane);
        if ahead == 0 && state.may_send(wish.lane, &self.policy, now).is_ok() {
            return Ok(Arrival::Go(self.ticket(&mut state, wish, now)));
        }
        state.worth_waiting(wish, ahead, &self.policy, now)?;
        let (place, call) = state.queue.join(wish.lane);
        Ok(Arrival::Wait(Waiter { gate: Arc::clone(self), wish, place, call }))
    }

    fn ticket(self: &Arc<Self>, state: &mut State, wish: Wish, now: Instant) -> Ticket {
        let sent = state.burst.send(now);
        state.day.send(now);
        *state.by_lane.entry(wish.lane.as_str()).or_default() += 1;
        *state.by_endpoint.entry(wish.endpoint).or_default() += 1;
        Ticket { gate: Arc::clone(self), wish, sent: Some(sent) }
    }

    /// Whether nothing would be lost but the limits learned and the counters, if this were forgotten.
    pub(super) fn idle(&self) -> bool {
        let mut state = self.state();
        state.queue.len() == 0 && state.burst.idle(Instant::now())
    }

    /// Whether the day is spent, and how long still.
    pub(super) fn day_spent(&self) -> Option<Duration> {
        let now = Instant::now();
        let state = self.state();
        (state.day.left == 0 && now < state.day.ends).then(|| state.day.ends - now)
    }

    /// Calls that wait, by lane.
    pub(super) fn waiting(&self) -> [(Lane, u64); 3] {
        let state = self.state();
        LANES.map(|lane| (lane, state.queue.waiting(lane)))
    }

    /// What is spent and left.
    pub(super) fn report(&self, id: &LocationId, clock: &Clock) -> QuotaReport {
        let (wall, now) = (clock.now(), Instant::now());
        let at = |instant: Instant| later(wall, instant.saturating_duration_since(now));
        let mut state = self.state();
        let in_flight = state.burst.in_flight();
        state.day.roll(in_flight, now);
        let used = state.burst.used(now);
        let full = state.burst.full_until().filter(|until| now < *until);
        let burst_left = if full.is_some() { 0 } else { state.burst.limit.saturating_sub(used) };
        let (burst, day) = (&state.burst, &state.day);
        let spends = |spent: &BTreeMap<&'static str, u64>| {
            spent.iter().map(|(name, calls)| QuotaSpend { name, calls: *calls }).collect()
        };
        QuotaReport {
            location_id: id.clone(),
            learned: burst.learned,
            burst: QuotaWindow {
                limit: burst.limit,
                used,
                left: burst_left,
                window_ms: milliseconds(burst.window),
                resets_at: at(burst.all_free_at(now).max(full.unwrap_or(now))),
            },
            day: QuotaWindow {
                limit: day.limit,
                used: day.limit.saturating_sub(day.left),
                left: day.left,
                window_ms: milliseconds(day::DAY),
                resets_at: at(day.ends),
            },
            day_runs_out_at: day.runs_out_in(now).map(|lasts| later(wall, lasts)),
            by_lane: LANES
                .map(|lane| lane.as_str())
                .map(|name| QuotaSpend { name, calls: state.by_lane.get(name).copied().unwrap_or_default() })
                .to_vec(),
            by_endpoint: spends(&state.by_endpoint),
            saved_by_cache: 0,
            waiting: state.queue.len(),
            rate_limited: state.rate_limited,
            breaker: "closed",
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn may_send(&mut self, lane: Lane, policy: &Policy, now: Instant) -> Result<(), Wait> {
        self.day.roll(self.burst.in_flight(), now);
        self.day.may_send(lane, policy, now).map_err(Wait::Until)?;
        self.burst.may_send(lane, policy, now)
    }

    /// Refuses a call that cannot be sent before its deadline, with so many before it.
    fn worth_waiting(&mut self, wish: Wish, ahead: u64, policy: &Policy, now: Instant) -> Result<(), CallError> {
        let by_day = self.day.may_send(wish.lane, policy, now).err();
        let at = by_day.unwrap_or_else(|| self.burst.earliest(wish.lane, ahead, policy, now));
        if at.max(now) < wish.deadline {
            return Ok(());
        }
        let retry_after = at.saturating_duration_since(now).max(LEAST_WAIT);
        Err(CallError::QuotaSpent { retry_after, day: by_day.is_some() })
    }
}

/// The least wait that is named, so that nobody comes back at once.
const LEAST_WAIT: Duration = Duration::from_millis(50);

enum Arrival {
    Go(Ticket),
    Wait(Waiter),
}

enum Look {
    Go(Ticket),
    Wait(Instant),
}

/// A place in the queue, given up when dropped.
struct Waiter {
    gate: Arc<Gate>,
    wish: Wish,
    place: Place,
    call: Arc<Notify>,
}

impl Waiter {
    /// Goes if it may; else says until when there is no use in looking again, unless called.
    fn look(&self) -> Result<Look, CallError> {
        let (now, policy) = (Instant::now(), &*self.gate.policy);
        let mut state = self.gate.state();
        let wait = if state.queue.is_first(self.place) {
            match state.may_send(self.wish.lane, policy, now) {
                Ok(()) => {
                    let ticket = self.gate.ticket(&mut state, self.wish, now);
                    state.queue.leave(self.place);
                    return Ok(Look::Go(ticket));
                }
                Err(wait) => wait,
            }
        } else {
            Wait::Answer
        };
        let ahead = state.queue.before(self.place);
        state.worth_waiting(self.wish, ahead, policy, now)?;
        Ok(Look::Wait(match wait {
            Wait::Until(until) => until.min(self.wish.deadline),
            Wait::Answer => self.wish.deadline,
        }))
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.gate.state().queue.leave(self.place);
    }
}

impl Ticket {
    /// An answer came, be it an error: what it says of the quota is believed.
    pub(super) fn answered(mut self, answer: &Answer) {
        let Some(sent) = self.sent.take() else { return };
        let (now, headers, refused) = (Instant::now(), RateHeaders::of(answer), answer.status == 429);
        let mut state = self.gate.state();
        let limit_before = state.burst.limit;
        let in_flight = state.burst.in_flight().saturating_sub(1);
        state.day.answered(sent.at, &headers, in_flight, now);
        // A day that is spent refuses, too; the burst window has no part in that.
        let burst_refused = refused && state.day.left > 0;
        state.burst.answered(sent, burst_refused, &headers, now);
        state.rate_limited += u64::from(refused);
        if refused || state.burst.limit < limit_before || state.day.left == 0 {
            state.queue.call_all();
        } else {
            state.queue.call_first();
        }
    }

    /// The call failed, whoever is to blame for it but its caller.
    pub(super) fn failed(mut self) {
        let Some(sent) = self.sent.take() else { return };
        let mut state = self.gate.state();
        state.burst.failed(sent, Instant::now());
        state.queue.call_first();
    }

    /// The call was not sent after all.
    pub(super) fn not_sent(mut self) {
        let Some(sent) = self.sent.take() else { return };
        let mut state = self.gate.state();
        state.burst.not_sent(sent);
        state.day.not_sent();
        take_one(&mut state.by_lane, self.wish.lane.as_str());
        take_one(&mut state.by_endpoint, self.wish.endpoint);
        state.queue.call_first();
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(sent) = self.sent.take() {
            let mut state = self.gate.state();
            state.burst.lost(sent, Instant::now());
            state.queue.call_first();
        }
    }
}

fn take_one(spent: &mut BTreeMap<&'static str, u64>, name: &'static str) {
    if let Some(calls) = spent.get_mut(name) {
        *calls = calls.saturating_sub(1);
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn later(wall: Timestamp, by: Duration) -> Timestamp {
    let at = SignedDuration::try_from(by).ok().and_then(|by| wall.checked_add(by).ok()).unwrap_or(Timestamp::MAX);
    // Two clocks were read one after the other: what is finer is noise.
    at.round(Unit::Millisecond).unwrap_or(at)
}

/// From now until the day ends in UTC, and a second more: clocks differ.
fn until_midnight(now: Timestamp) -> Duration {
    const DAY_MS: i64 = 86_400_000;
    let left = DAY_MS - now.as_millisecond().rem_euclid(DAY_MS);
    Duration::from_millis(u64::try_from(left).unwrap_or_default()) + Duration::from_secs(1)
}

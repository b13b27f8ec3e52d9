//! The circuit breaker of a location: after failures in a row it is left alone, longer after each probe that fails.
//!
//! A failure is no connection, no answer in the call's own time, a broken one, or a 5xx. What the caller brought about is
//! none: a refusal (4xx), a 429, its own deadline. Nor is 501, which says that the route is unknown.

use super::CallError;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// No hold is longer.
const LONGEST_HOLD: Duration = Duration::from_secs(60);

/// When to come again while a probe is on its way.
const PROBE_TAKES: Duration = Duration::from_secs(1);

/// One breaker.
#[derive(Debug)]
pub(super) struct Breaker {
    failures_to_open: u32,
    first_hold: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Grows with each change of phase, so that calls begun in an earlier one have no say.
    era: u64,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Closed { failures: u32 },
    Open { until: Instant, hold: Duration },
    HalfOpen { hold: Duration },
}

/// Leave for one call; dropped without a word, it says nothing of the upstream.
#[derive(Debug)]
pub(super) struct Pass {
    breaker: Arc<Breaker>,
    era: u64,
    told: bool,
}

impl Breaker {
    pub(super) fn new(failures_to_open: u32, first_hold: Duration) -> Self {
        let state = State { phase: Phase::Closed { failures: 0 }, era: 0 };
        Self { failures_to_open: failures_to_open.max(1), first_hold, state: Mutex::new(state) }
    }

    /// `closed`, `open` or `half-open`.
    pub(super) fn word(&self) -> &'static str {
        match self.state().phase {
            Phase::Closed { .. } => "closed",
            Phase::Open { until, .. } if Instant::now() < until => "open",
            Phase::Open { .. } | Phase::HalfOpen { .. } => "half-open",
        }
    }

    /// Whether a call would be let through and nothing but failures of long ago would be forgotten.
    pub(super) fn idle(&self) -> bool {
        match self.state().phase {
            Phase::Closed { .. } => true,
            // Nobody has come for as long again as it was left alone.
            Phase::Open { until, hold } => until + hold <= Instant::now(),
            Phase::HalfOpen { .. } => false,
        }
    }

    /// Whether a call would be let through now.
    pub(super) fn check(&self) -> Result<(), CallError> {
        self.state().check()
    }

    /// Lets one call through, as the probe where the hold is over.
    pub(super) fn admit(self: &Arc<Self>) -> Result<Pass, CallError> {
        let mut state = self.state();
        state.check()?;
        if let Phase::Open { hold, .. } = state.phase {
            state.enter(Phase::HalfOpen { hold });
        }
        Ok(Pass { breaker: Arc::clone(self), era: state.era, told: false })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check(&self) -> Result<(), CallError> {
        let retry_after = match self.phase {
            Phase::Closed { .. } => return Ok(()),
            Phase::Open { until, .. } => until.saturating_duration_since(Instant::now()),
            Phase::HalfOpen { .. } => PROBE_TAKES,
        };
        if retry_after.is_zero() { Ok(()) } else { Err(CallError::BreakerOpen { retry_after }) }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.era += 1;
    }

    fn failed(&mut self, breaker: &Breaker) {
        let hold = match &mut self.phase {
            Phase::Closed { failures } => {
                *failures += 1;
                if *failures < breaker.failures_to_open {
                    return;
                }
                breaker.first_hold
            }
            Phase::HalfOpen { hold } => hold.saturating_mul(2),
            Phase::Open { .. } => return,
        };
        let hold = hold.min(LONGEST_HOLD);
        tracing::warn!(hold_ms = hold.as_millis(), "an upstream failed repeatedly and is left alone");
        self.enter(Phase::Open { until: Instant::now() + hold, hold });
    }

    fn succeeded(&mut self) {
        match &mut self.phase {
            Phase::Closed { failures } => *failures = 0,
            Phase::HalfOpen { .. } => {
                tracing::info!("an upstream that was left alone answers again");
                self.enter(Phase::Closed { failures: 0 });
            }
            Phase::Open { .. } => {}
        }
    }
}

impl Pass {
    /// How the call ended.
    pub(super) fn tell<T>(mut self, result: &Result<T, CallError>) {
        let Some(failed) = verdict(result) else { return };
        self.told = true;
        let mut state = self.breaker.state();
        if state.era == self.era {
            if failed { state.failed(&self.breaker) } else { state.succeeded() }
        }
    }
}

impl Drop for Pass {
    /// A probe that ended without a verdict: the next call is one.
    fn drop(&mut self) {
        let mut state = self.breaker.state();
        if let (false, true, Phase::HalfOpen { hold }) = (self.told, state.era == self.era, state.phase) {
            state.enter(Phase::Open { until: Instant::now(), hold });
        }
    }
}

/// Whether the upstream failed; `None` where the call does not tell.
fn verdict<T>(result: &Result<T, CallError>) -> Option<bool> {
    match result {
        Ok(_) | Err(CallError::BodyTooLarge(_) | CallError::Decode { .. }) => Some(false),
        Err(CallError::Status { status, .. }) => Some(*status >= 500 && *status != 501),
        Err(CallError::Connect(_) | CallError::Broken(_) | CallError::TimedOut(_)) => Some(true),
        Err(CallError::Deadline | CallError::QuotaSpent { .. } | CallError::BreakerOpen { .. }) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(2);

    fn status(status: u16) -> Result<(), CallError> {
        Err(CallError::Status { status, body: String::new(), retry_after: None })
    }

    fn opened() -> Arc<Breaker> {
        let breaker = Arc::new(Breaker::new(3, HOLD));
        for _ in 0..3 {
            breaker.admit().unwrap().tell(&status(503));
        }
        breaker
    }

    fn wait(breaker: &Arc<Breaker>) -> Option<Duration> {
        match breaker.check() {
            Ok(()) => None,
            Err(CallError::BreakerOpen { retry_after }) => Some(retry_after),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_what_the_caller_did_does_not() {
        let breaker = Arc::new(Breaker::new(3, HOLD));
        for harmless in [status(429), status(404), status(501), Err(CallError::Deadline)] {
            for _ in 0..9 {
                breaker.admit().unwrap().tell(&harmless);
            }
        }
        for _ in 0..2 {
            breaker.admit().unwrap().tell(&status(500));
        }
        breaker.admit().unwrap().tell(&Ok(()));
        for failure in [status(500), Err(CallError::Broken(String::new()))] {
            breaker.admit().unwrap().tell(&failure);
            assert_eq!(breaker.word(), "closed", "a success lay between");
        }
        breaker.admit().unwrap().tell::<()>(&Err(CallError::Connect(String::new())));
        assert_eq!((breaker.word(), wait(&breaker)), ("open", Some(HOLD)));
    }

    #[tokio::test(start_paused = true)]
    async fn one_probe_at_a_time_and_longer_holds_up_to_a_minute() {
        let breaker = opened();
        let mut hold = HOLD;
        for _ in 0..7 {
            tokio::time::advance(hold).await;
            let probe = breaker.admit().unwrap();
            assert!(breaker.admit().is_err(), "one at a time");
            probe.tell(&status(502));
            hold = (hold * 2).min(LONGEST_HOLD);
            assert_eq!(wait(&breaker), Some(hold));
        }
        assert_eq!(hold, LONGEST_HOLD);
        tokio::time::advance(hold).await;
        breaker.admit().unwrap().tell(&Ok(()));
        assert_eq!((breaker.word(), wait(&breaker)), ("closed", None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_given_up_makes_way_for_the_next_and_late_answers_have_no_say() {
        let breaker = Arc::new(Breaker::new(3, HOLD));
        let early = breaker.admit().unwrap();
        for _ in 0..3 {
            breaker.admit().unwrap().tell(&status(503));
        }
        tokio::time::advance(HOLD).await;
        drop(breaker.admit().unwrap());
        let probe = breaker.admit().unwrap();
        early.tell(&Ok(()));
        assert_eq!(breaker.word(), "half-open", "that call was sent before");
        probe.tell(&Ok(()));
        assert_eq!(breaker.word(), "closed");
    }
}

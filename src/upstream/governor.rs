//! What governs the calls of a service: a quota and a circuit breaker for each location, one budget of retries for all.

use super::{
    Answer, Call, CallContext, CallError, Policy,
    breaker::{Breaker, Pass},
    quota::{Gate, Ticket, Wish},
    retry::{Jitter, Retries},
};
use crate::{
    clock::Clock,
    domain::{ids::LocationId, quota::QuotaReport},
    telemetry::metrics::QuotaSample,
};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::time::Instant;

/// So many locations are kept; beyond it, the one that was idle longest is forgotten. What it had learned is learned
/// again from its next answer.
const MAX_LOCATIONS: usize = 1_000;

/// So many locations appear in metrics: those called last.
const MAX_SAMPLES: usize = 50;

/// Counts calls that were not needed. Cheap to clone; kept beside what was served from memory.
#[derive(Debug, Clone, Default)]
pub struct Savings(Arc<AtomicU64>);

impl Savings {
    /// Counts some more.
    pub fn add(&self, calls: u64) {
        self.0.fetch_add(calls, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Governor {
    policy: Arc<Policy>,
    clock: Clock,
    pub(super) retries: Retries,
    /// For calls of no location.
    general: Arc<Breaker>,
    locations: Mutex<HashMap<LocationId, Known>>,
}

#[derive(Debug)]
struct Known {
    location: Arc<Location>,
    called_at: Instant,
}

#[derive(Debug)]
struct Location {
    gate: Arc<Gate>,
    breaker: Arc<Breaker>,
    saved: Savings,
}

/// Leave for one attempt.
#[derive(Debug)]
pub(super) struct Leave {
    ticket: Option<Ticket>,
    pass: Pass,
}

impl Governor {
    pub(super) fn new(policy: Policy, clock: Clock, jitter: Jitter) -> Self {
        Self {
            retries: Retries::new(policy.retries, policy.retry_budget_percent, jitter),
            general: Arc::new(Breaker::new(policy.breaker_failures, policy.breaker_hold)),
            locations: Mutex::default(),
            policy: Arc::new(policy),
            clock,
        }
    }

    /// Waits until an attempt may be made; refuses at once where it may not before the deadline.
    pub(super) async fn leave(&self, call: &Call, context: &CallContext) -> Result<Leave, CallError> {
        let Some(id) = &call.bucket else { return Ok(Leave { ticket: None, pass: self.general.admit()? }) };
        let location = self.location(id);
        // Whoever waits for the quota of a location that is left alone waits in vain.
        location.breaker.check()?;
        let wish = Wish { lane: context.lane, endpoint: call.endpoint, deadline: context.deadline };
        let ticket = location.gate.acquire(wish).await?;
        match location.breaker.admit() {
            Ok(pass) => Ok(Leave { ticket: Some(ticket), pass }),
            Err(open) => {
                ticket.not_sent();
                Err(open)
            }
        }
    }

    /// A 429 of a spent day is told as such: GHL's own words do not tell the two apart.
    pub(super) fn understood(&self, error: CallError, call: &Call) -> CallError {
        let CallError::Status { status: 429, .. } = error else { return error };
        let spent = call.bucket.as_ref().and_then(|id| self.location(id).gate.day_spent());
        spent.map_or(error, |retry_after| CallError::QuotaSpent { retry_after, day: true })
    }

    /// Whether the breaker would let another attempt through.
    pub(super) fn lets_through(&self, call: &Call) -> bool {
        let breaker = call.bucket.as_ref().map(|id| Arc::clone(&self.location(id).breaker));
        breaker.as_ref().unwrap_or(&self.general).check().is_ok()
    }

    /// A location's ledger. One that was never called has the configured limits.
    pub(super) fn report(&self, id: &LocationId) -> QuotaReport {
        let known = self.known().get(id).map(|known| Arc::clone(&known.location));
        known.unwrap_or_else(|| Arc::new(self.make())).report(id, &self.clock)
    }

    /// The handle that counts what a location saved; for nobody where it was never called. Who asks for a location that
    /// is none must not push one out that is.
    pub(super) fn savings(&self, id: &LocationId) -> Savings {
        self.known().get(id).map(|known| known.location.saved.clone()).unwrap_or_default()
    }

    /// For metrics: the locations called last.
    pub(super) fn samples(&self) -> Vec<QuotaSample> {
        let mut known: Vec<_> = {
            let known = self.known();
            known.iter().map(|(id, known)| (known.called_at, id.clone(), Arc::clone(&known.location))).collect()
        };
        known.sort_unstable_by_key(|(called_at, ..)| std::cmp::Reverse(*called_at));
        let sample = |(_, id, location): (Instant, LocationId, Arc<Location>)| QuotaSample {
            report: location.report(&id, &self.clock),
            waiting: location.gate.waiting().map(|(lane, calls)| (lane.as_str(), calls)),
        };
        known.into_iter().take(MAX_SAMPLES).map(sample).collect()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<LocationId, Known>> {
        self.locations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn location(&self, id: &LocationId) -> Arc<Location> {
        let now = Instant::now();
        let mut all = self.known();
        if let Some(known) = all.get_mut(id) {
            known.called_at = now;
            return Arc::clone(&known.location);
        }
        if all.len() >= MAX_LOCATIONS {
            forget_one(&mut all);
        }
        let location = Arc::new(self.make());
        all.insert(id.clone(), Known { location: Arc::clone(&location), called_at: now });
        location
    }

    fn make(&self) -> Location {
        Location {
            gate: Arc::new(Gate::new(Arc::clone(&self.policy), &self.clock)),
            breaker: Arc::new(Breaker::new(self.policy.breaker_failures, self.policy.breaker_hold)),
            saved: Savings::default(),
        }
    }
}

/// Forgets the location that was idle longest, if one is.
fn forget_one(all: &mut HashMap<LocationId, Known>) {
    let idle = |known: &Known| {
        let unused = Arc::strong_count(&known.location) == 1 && Arc::strong_count(&known.location.gate) == 1;
        unused && known.location.gate.idle() && known.location.breaker.idle()
    };
    let oldest = all.iter().filter(|(_, known)| idle(known)).min_by_key(|(_, known)| known.called_at);
    if let Some(id) = oldest.map(|(id, _)| id.clone()) {
        all.remove(&id);
    }
}

impl Location {
    fn report(&self, id: &LocationId, clock: &Clock) -> QuotaReport {
        let report = self.gate.report(id, clock);
        QuotaReport { saved_by_cache: self.saved.get(), breaker: self.breaker.word(), ..report }
    }
}

impl Leave {
    /// How the attempt ended: the quota learns from every answer, the breaker from every failure.
    pub(super) fn tell(self, result: Result<Answer, CallError>) -> Result<Answer, CallError> {
        match (self.ticket, &result) {
            (Some(ticket), Ok(answer)) => ticket.answered(answer),
            (Some(ticket), Err(CallError::Connect(_))) => ticket.not_sent(),
            (Some(ticket), Err(CallError::Broken(_) | CallError::TimedOut(_))) => ticket.failed(),
            // Nothing is known of what GHL counted: dropped, a ticket counts as spent.
            (Some(ticket), Err(_)) => drop(ticket),
            (None, _) => {}
        }
        let result = result.and_then(Answer::require_success);
        self.pass.tell(&result);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::{Lane, quota::tests::policy};
    use std::time::Duration;

    fn governor() -> Governor {
        Governor::new(policy(), Clock::system(), Jitter::seeded(1))
    }

    #[tokio::test(start_paused = true)]
    async fn the_location_idle_longest_is_forgotten_and_one_in_use_is_not() {
        let governor = governor();
        let id = |number: usize| LocationId::parse(&format!("location{number:012}")).unwrap();
        let context = CallContext::new(Lane::Interactive, Duration::from_secs(1));
        let call = Call::get("ghl.test", ["test"]).of_location(&id(0));
        let busy = governor.leave(&call, &context).await.unwrap();
        for number in 1..MAX_LOCATIONS + 5 {
            tokio::time::advance(Duration::from_millis(1)).await;
            governor.location(&id(number));
        }
        let known = governor.known();
        assert_eq!(known.len(), MAX_LOCATIONS);
        assert!(known.contains_key(&id(0)), "a call of it is on its way");
        assert!(!known.contains_key(&id(1)) && !known.contains_key(&id(5)));
        assert!(known.contains_key(&id(6)) && known.contains_key(&id(MAX_LOCATIONS + 4)));
        drop(known);
        drop(busy);
        assert_eq!(governor.samples().len(), MAX_SAMPLES);
    }

    #[tokio::test(start_paused = true)]
    async fn a_location_that_failed_long_ago_is_forgotten_like_any_other() {
        let governor = governor();
        let id = |number: usize| LocationId::parse(&format!("location{number:012}")).unwrap();
        let context = CallContext::new(Lane::Interactive, Duration::from_secs(1));
        let call = Call::get("ghl.test", ["test"]).of_location(&id(0));
        for _ in 0..policy().breaker_failures {
            let leave = governor.leave(&call, &context).await.unwrap();
            assert!(leave.tell(Err(CallError::Broken(String::new()))).is_err());
        }
        assert!(!governor.lets_through(&call));
        let fill = || (1..MAX_LOCATIONS + 5).for_each(|number| drop(governor.location(&id(number))));
        tokio::time::advance(Duration::from_millis(1)).await;
        fill();
        assert!(governor.known().contains_key(&id(0)), "it is still left alone");
        tokio::time::advance(Duration::from_secs(60)).await;
        (1..20).for_each(|number| drop(governor.location(&id(MAX_LOCATIONS + 100 + number))));
        assert!(!governor.known().contains_key(&id(0)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_location_that_is_asked_about_and_never_called_leaves_no_trace() {
        let governor = governor();
        let known = LocationId::parse("location1").unwrap();
        let call = Call::get("ghl.test", ["test"]).of_location(&known);
        drop(governor.leave(&call, &CallContext::new(Lane::Interactive, Duration::from_secs(1))).await.unwrap());
        governor.savings(&known).add(2);
        let stranger = LocationId::parse("stranger").unwrap();
        governor.savings(&stranger).add(3);
        assert_eq!((governor.report(&stranger).saved_by_cache, governor.report(&known).saved_by_cache), (0, 2));
        assert_eq!(governor.known().len(), 1, "else strangers would push out those that are called");
    }
}

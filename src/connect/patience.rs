//! How long to leave alone what failed: GHL's token endpoint, a connection that is lost, a location that is nobody's.

use crate::domain::{connection::Holder, ids::LocationId};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The first pause after the token endpoint failed, and the longest.
const TROUBLE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// The first pause after a connection was lost, and the longest.
const LOST: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3_600));
/// For how long "no agency of ours has this location" is believed.
const STRANGER: Duration = Duration::from_secs(600);
/// For how long at least nobody asks whose a location is, where no agency could be asked.
const UNSURE: Duration = Duration::from_secs(5);
/// After so long a time without trouble, the last one is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(600);
/// How many locations may turn out to be strangers in that time. Beyond it nobody asks GHL for one it did not name, so that
/// ids made up by somebody cost no calls.
const MAX_STRANGERS: usize = 50;

/// Doubled from the first to the longest, the last quarter of it by chance.
fn doubled((first, longest): (Duration, Duration), failures: u32) -> Duration {
    let whole = first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(longest);
    let chance = u32::from(uuid::Uuid::new_v4().as_bytes()[0]);
    whole * 3 / 4 + whole / 4 * chance / 255
}

/// When a lost connection is tried again, after so many failures.
pub(super) fn until_next_try(failures: u32) -> Duration {
    doubled(LOST, failures)
}

/// Whose renewals fail for no fault of their tokens.
#[derive(Debug, Default)]
pub(super) struct Troubles(Mutex<HashMap<Holder, (u32, Instant)>>);

impl Troubles {
    /// How much longer this one is left alone.
    pub(super) fn left(&self, holder: &Holder) -> Option<Duration> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = all.get(holder)?.1.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// It failed again. Says for how long it is left alone.
    pub(super) fn add(&self, holder: &Holder, asked: Option<Duration>) -> Duration {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = all.get(holder).map_or(1, |(failures, _)| failures + 1);
        let pause = doubled(TROUBLE, failures).max(asked.unwrap_or_default().min(TROUBLE.1));
        let now = Instant::now();
        all.retain(|_, (_, until)| *until + FORGOTTEN > now);
        all.insert(holder.clone(), (failures, now + pause));
        pause
    }

    /// It is well again.
    pub(super) fn clear(&self, holder: &Holder) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(holder);
    }
}

/// Locations that no agency of ours has, or of which that is not known for now.
#[derive(Debug, Default)]
pub(super) struct Strangers(Mutex<HashMap<LocationId, Stranger>>);

#[derive(Debug)]
struct Stranger {
    until: Instant,
    /// Whether the agencies said so.
    certain: bool,
}

impl Strangers {
    /// Whether an agency may be asked for a location.
    pub(super) fn may_ask(&self, location: &LocationId) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        all.retain(|_, stranger| stranger.until > now);
        all.get(location).map_or_else(|| all.len() < MAX_STRANGERS, |stranger| !stranger.certain)
    }

    /// It is one.
    pub(super) fn add(&self, location: &LocationId) {
        self.put(location, STRANGER, true);
    }

    /// No agency could be asked. Says for how long it is left alone.
    pub(super) fn leave(&self, location: &LocationId, asked: Option<Duration>) -> Duration {
        let pause = asked.unwrap_or_default().clamp(UNSURE, TROUBLE.1);
        self.put(location, pause, false);
        pause
    }

    /// How much longer one is left alone of which nothing is known.
    pub(super) fn left(&self, location: &LocationId) -> Option<Duration> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stranger = all.get(location).filter(|stranger| !stranger.certain)?;
        Some(stranger.until.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
    }

    fn put(&self, location: &LocationId, time: Duration, certain: bool) {
        let stranger = Stranger { until: Instant::now() + time, certain };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(location.clone(), stranger);
    }

    /// It is none any more.
    pub(super) fn remove(&self, location: &LocationId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(location);
    }

    /// Nothing is known any more: another agency came.
    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour_and_no_further() {
        for (failures, least, most) in [(1, 45, 60), (2, 90, 120), (7, 2700, 3600), (40, 2700, 3600)] {
            let pause = until_next_try(failures).as_secs();
            assert!((least..=most).contains(&pause), "{failures}: {pause}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ids_made_up_cost_few_questions() {
        let strangers = Strangers::default();
        let id = |number: usize| LocationId::parse(&format!("made-up-{number}")).unwrap();
        let asked = (0..1_000).filter(|&number| {
            let may = strangers.may_ask(&id(number));
            may.then(|| strangers.add(&id(number))).is_some()
        });
        assert_eq!(asked.count(), MAX_STRANGERS);
        assert!(!strangers.may_ask(&id(0)));
        tokio::time::advance(STRANGER).await;
        assert!(strangers.may_ask(&id(0)));
    }

    #[tokio::test(start_paused = true)]
    async fn whom_no_agency_could_be_asked_for_is_left_alone_for_a_moment_and_counts() {
        let (strangers, id) = (Strangers::default(), |number: usize| LocationId::parse(&format!("l{number}")).unwrap());
        assert_eq!(strangers.leave(&id(0), None), UNSURE);
        assert_eq!(strangers.leave(&id(0), Some(Duration::from_secs(9_999))), Duration::from_secs(60));
        assert!(strangers.may_ask(&id(0)), "it may be ours");
        assert_eq!(strangers.left(&id(0)), Some(Duration::from_secs(60)));
        for number in 1..MAX_STRANGERS {
            strangers.leave(&id(number), None);
        }
        assert!(!strangers.may_ask(&id(MAX_STRANGERS)));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(strangers.may_ask(&id(MAX_STRANGERS)) && strangers.left(&id(0)).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn old_troubles_are_forgotten() {
        let troubles = Troubles::default();
        let holder = |number: usize| Holder::parse("company", &format!("c{number}")).unwrap();
        for number in 0..100 {
            troubles.add(&holder(number), None);
        }
        tokio::time::advance(FORGOTTEN + TROUBLE.0).await;
        troubles.add(&holder(100), None);
        assert_eq!(troubles.0.lock().unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_is_asked_for_is_honoured_within_reason() {
        let (troubles, holder) = (Troubles::default(), Holder::parse("location", "l1").unwrap());
        assert_eq!(troubles.left(&holder), None);
        assert_eq!(troubles.add(&holder, Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert_eq!(troubles.left(&holder), Some(Duration::from_secs(7)));
        assert_eq!(troubles.add(&holder, Some(Duration::from_secs(9_999))), Duration::from_secs(60));
        troubles.clear(&holder);
        assert_eq!(troubles.left(&holder), None);
    }
}

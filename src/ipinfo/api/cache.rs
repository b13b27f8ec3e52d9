//! What the API answered, by address. moka bounds the memory; freshness is judged by our clock.

use crate::{clock::Clock, ipinfo::facts::Facts};
use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use std::{net::IpAddr, sync::Arc, time::Duration};

/// Room one entry takes beside its texts: key, reference counts and moka's own bookkeeping.
const ENTRY_OVERHEAD_BYTES: usize = 256;

/// Answers of the API. Errors are not kept.
#[derive(Debug)]
pub(super) struct AnswerCache {
    answers: Cache<IpAddr, Kept>,
    fresh: SignedDuration,
    clock: Clock,
}

#[derive(Debug, Clone)]
struct Kept {
    facts: Arc<Facts>,
    fetched_at: Timestamp,
}

impl AnswerCache {
    pub(super) fn new(fresh: Duration, max_bytes: u64, clock: Clock) -> Self {
        let answers = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|_, kept: &Kept| u32::try_from(kept.facts.weight() + ENTRY_OVERHEAD_BYTES).unwrap_or(u32::MAX))
            .build();
        Self { answers, fresh: SignedDuration::try_from(fresh).unwrap_or(SignedDuration::MAX), clock }
    }

    /// The answer for an address, if it is fresh.
    pub(super) fn get(&self, address: IpAddr) -> Option<Arc<Facts>> {
        let kept = self.answers.get(&address)?;
        // An old one stays until a new one takes its place: removing it here could hit the new one.
        (self.clock.now().duration_since(kept.fetched_at) < self.fresh).then_some(kept.facts)
    }

    /// Forgets everything; says how many answers went.
    pub(super) fn flush(&self) -> u64 {
        self.answers.run_pending_tasks();
        let held = self.answers.entry_count();
        self.answers.invalidate_all();
        held
    }

    pub(super) fn insert(&self, address: IpAddr, facts: Arc<Facts>) {
        if self.fresh.is_positive() {
            self.answers.insert(address, Kept { facts, fetched_at: self.clock.now() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(city: &str) -> Arc<Facts> {
        let mut facts = Facts::default();
        facts.geo.city = Some(city.to_owned());
        Arc::new(facts)
    }

    #[test]
    fn an_answer_grows_old_by_our_clock() {
        let clock = Clock::system();
        let cache = AnswerCache::new(Duration::from_secs(60), 1 << 20, clock.clone());
        let address = IpAddr::from([8, 8, 8, 8]);
        cache.insert(address, facts("x"));
        clock.advance(SignedDuration::from_secs(59));
        assert!(cache.get(address).is_some());
        clock.advance(SignedDuration::from_secs(2));
        assert!(cache.get(address).is_none());
    }

    #[test]
    fn a_flush_forgets_and_counts() {
        let cache = AnswerCache::new(Duration::from_secs(60), 1 << 20, Clock::system());
        let address = IpAddr::from([8, 8, 8, 8]);
        cache.insert(address, facts("x"));
        assert_eq!((cache.flush(), cache.get(address).is_some(), cache.flush()), (1, false, 0));
        cache.insert(address, facts("y"));
        assert!(cache.get(address).is_some());
    }

    #[test]
    fn memory_is_bounded() {
        let cache = AnswerCache::new(Duration::from_secs(60), 20_000, Clock::system());
        for index in 0..1000_u32 {
            cache.insert(IpAddr::from(index.to_be_bytes()), facts(&"x".repeat(1000)));
        }
        cache.answers.run_pending_tasks();
        assert!(cache.answers.weighted_size() <= 20_000);
    }

    #[test]
    fn nothing_is_kept_for_no_time() {
        let cache = AnswerCache::new(Duration::ZERO, 1 << 20, Clock::system());
        cache.insert(IpAddr::from([8, 8, 8, 8]), facts("x"));
        assert_eq!(cache.answers.iter().count(), 0);
    }
}

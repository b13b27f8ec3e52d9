//! Who waits for a location's quota: by lane, and within a lane in the order of coming. Only the first watches the
//! clock; it calls the next when it leaves.

use super::Lane;
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::Notify;

/// A place in the queue. A lower one is served first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    rank: u8,
    number: u64,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: BTreeMap<Place, Arc<Notify>>,
    by_rank: [u64; 3],
    last_number: u64,
}

/// Lanes by priority.
pub(super) const LANES: [Lane; 3] = [Lane::Interactive, Lane::Operation, Lane::Bulk];

const fn rank(lane: Lane) -> u8 {
    match lane {
        Lane::Interactive => 0,
        Lane::Operation => 1,
        Lane::Bulk => 2,
    }
}

impl Queue {
    /// How many would be served before one of this lane that comes now.
    pub(super) fn ahead_of(&self, lane: Lane) -> u64 {
        self.by_rank.iter().take(usize::from(rank(lane)) + 1).sum()
    }

    /// How many of a lane wait.
    pub(super) fn waiting(&self, lane: Lane) -> u64 {
        self.by_rank.get(usize::from(rank(lane))).copied().unwrap_or_default()
    }

    /// How many wait.
    pub(super) fn len(&self) -> u64 {
        self.by_rank.iter().sum()
    }

    pub(super) fn join(&mut self, lane: Lane) -> (Place, Arc<Notify>) {
        self.last_number += 1;
        let place = Place { rank: rank(lane), number: self.last_number };
        let call = Arc::new(Notify::new());
        self.waiting.insert(place, Arc::clone(&call));
        self.count(place, u64::wrapping_add);
        (place, call)
    }

    /// Leaves; calls whoever is first then.
    pub(super) fn leave(&mut self, place: Place) {
        if self.waiting.remove(&place).is_some() {
            self.count(place, u64::wrapping_sub);
            self.call_first();
        }
    }

    /// How many are before a place.
    pub(super) fn before(&self, place: Place) -> u64 {
        u64::try_from(self.waiting.range(..place).count()).unwrap_or(u64::MAX)
    }

    pub(super) fn is_first(&self, place: Place) -> bool {
        self.waiting.first_key_value().is_some_and(|(first, _)| *first == place)
    }

    /// Lets the first look again.
    pub(super) fn call_first(&self) {
        if let Some((_, call)) = self.waiting.first_key_value() {
            call.notify_one();
        }
    }

    /// Lets everybody look again whether waiting makes sense.
    pub(super) fn call_all(&self) {
        self.waiting.values().for_each(|call| call.notify_one());
    }

    fn count(&mut self, place: Place, change: impl Fn(u64, u64) -> u64) {
        if let Some(count) = self.by_rank.get_mut(usize::from(place.rank)) {
            *count = change(*count, 1);
        }
    }
}

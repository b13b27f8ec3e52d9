//! How many attempts run side by side, and for whom.
//!
//! Locations with a long backlog must not hold every slot: the others' writes would wait for their quota. So a location
//! takes another slot only while it holds fewer than three times as many as are free. One alone holds three quarters of
//! them, two hold three sevenths each, and there is one left for who comes (dynamic thresholds: Choudhury and Hahne,
//! IEEE/ACM Transactions on Networking 6(2), 1998).

use super::gates::GateView;
use crate::domain::{
    ids::{LocationId, OperationId},
    operation::Operation,
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// How many slots a location may hold for each that is free.
const PER_FREE: usize = 3;

/// The slots.
#[derive(Debug)]
pub(super) struct Slots {
    permits: Arc<Semaphore>,
    /// How many of them one location may hold.
    share: usize,
    held: Mutex<Held>,
    /// Rung when a slot becomes free.
    pub(super) freed: Notify,
}

#[derive(Debug, Default)]
struct Held {
    by_location: HashMap<LocationId, usize>,
    /// Operations in hand, resting ones included.
    operations: HashSet<OperationId>,
}

/// What may be claimed at a moment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// At most so many.
    pub(super) limit: usize,
    /// Of none of these locations.
    pub(super) closed: Vec<LocationId>,
}

impl Slots {
    pub(super) fn new(workers: usize) -> Arc<Self> {
        let workers = workers.max(1);
        let reserve = if workers == 1 { 0 } else { (workers / 4).max(1) };
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(workers)),
            share: workers - reserve,
            held: Mutex::default(),
            freed: Notify::new(),
        })
    }

    /// What may be claimed; `None` where nothing may. Whatever is claimed within it leaves each location its share.
    pub(super) fn window(&self, gates: &GateView) -> Option<Window> {
        let free = self.permits.available_permits();
        if free == 0 {
            return None;
        }
        let held = self.lock();
        let busy = |location: &LocationId| held.by_location.get(location).copied().unwrap_or_default();
        let (trying, waiting): (Vec<_>, Vec<_>) = gates.trying.iter().partition(|location| busy(location) == 0);
        let most = self.share.min(PER_FREE * free);
        let full = held.by_location.iter().filter(|(_, count)| **count >= most).map(|(location, _)| location);
        let mut closed: Vec<LocationId> = gates.closed.iter().chain(waiting).chain(full).cloned().collect();
        closed.sort();
        closed.dedup();
        let busiest = held.by_location.values().filter(|count| **count < most).max().copied().unwrap_or_default();
        // All that are claimed may be of the busiest: each of them leaves one less free.
        let fair = (PER_FREE * free).saturating_sub(busiest).div_ceil(PER_FREE + 1);
        // One at a time while a location tries whether it is taken again: the next one may be of the same.
        let limit = if trying.is_empty() { fair.min(self.share - busiest) } else { 1 };
        Some(Window { limit, closed })
    }

    /// A slot for a claimed operation; `None` where it is in hand already (its lease ran out while it was).
    pub(super) fn enter(self: &Arc<Self>, operation: &Operation) -> Option<Slot> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok();
        let mut held = self.lock();
        if !held.operations.insert(operation.id.clone()) {
            return None;
        }
        if permit.is_some() {
            held.take(&operation.location);
        }
        Some(Slot { slots: Arc::clone(self), id: operation.id.clone(), location: operation.location.clone(), permit })
    }

    /// Whether an operation is in hand.
    pub(super) fn in_hand(&self, id: &OperationId) -> bool {
        self.lock().operations.contains(id)
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn take(&mut self, location: &LocationId) {
        *self.by_location.entry(location.clone()).or_default() += 1;
    }

    fn give_back(&mut self, location: &LocationId) {
        if let Some(count) = self.by_location.get_mut(location) {
            *count -= 1;
            if *count == 0 {
                self.by_location.remove(location);
            }
        }
    }
}

/// One operation in hand.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    id: OperationId,
    location: LocationId,
    permit: Option<OwnedSemaphorePermit>,
}

impl Slot {
    /// Gives the slot to others while this operation waits for its time.
    pub(super) fn rest(&mut self) {
        if self.permit.take().is_some() {
            self.slots.lock().give_back(&self.location);
            self.slots.freed.notify_one();
        }
    }

    /// Takes a slot again, in turn.
    pub(super) async fn resume(&mut self) {
        if self.permit.is_none() {
            self.permit = Arc::clone(&self.slots.permits).acquire_owned().await.ok();
            if self.permit.is_some() {
                self.slots.lock().take(&self.location);
            }
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut held = self.slots.lock();
        held.operations.remove(&self.id);
        if self.permit.take().is_some() {
            held.give_back(&self.location);
        }
        drop(held);
        // Once: each ring is a round of the worker.
        self.slots.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::operation, *};

    fn open() -> GateView {
        GateView::default()
    }

    #[test]
    fn a_location_leaves_a_quarter_to_the_others() {
        let slots = Slots::new(8);
        let window = slots.window(&open()).unwrap();
        assert_eq!(window, Window { limit: 6, closed: vec![] });
        let held: Vec<Slot> = (0..6).filter_map(|n| slots.enter(&operation("a", n))).collect();
        assert_eq!(held.len(), 6);
        let a = LocationId::parse("a").unwrap();
        assert_eq!(slots.window(&open()).unwrap(), Window { limit: 2, closed: vec![a] });
        let others: Vec<Slot> = (0..2).filter_map(|n| slots.enter(&operation("b", 10 + n))).collect();
        assert_eq!(slots.window(&open()), None);
        drop(others);
        drop(held);
        assert_eq!(slots.window(&open()).unwrap(), window);
    }

    #[test]
    fn a_location_behind_a_gate_tries_with_one() {
        let slots = Slots::new(8);
        let [a, b] = ["a", "b"].map(|name| LocationId::parse(name).unwrap());
        let gates = || GateView { closed: vec![b.clone()], trying: vec![a.clone()], opens_in: None };
        assert_eq!(slots.window(&gates()).unwrap(), Window { limit: 1, closed: vec![b.clone()] });
        let _one = slots.enter(&operation("a", 1)).unwrap();
        assert_eq!(slots.window(&gates()).unwrap(), Window { limit: 5, closed: vec![a.clone(), b.clone()] });
    }

    #[tokio::test]
    async fn an_operation_is_in_hand_once_and_rests_without_a_slot() {
        let slots = Slots::new(1);
        let one = operation("a", 1);
        let mut slot = slots.enter(&one).unwrap();
        assert!(slots.enter(&one).is_none(), "in hand");
        assert_eq!(slots.window(&open()), None);
        slot.rest();
        assert!(slots.window(&open()).is_some());
        assert!(slots.enter(&one).is_none(), "in hand while it rests");
        slot.resume().await;
        assert_eq!(slots.window(&open()), None);
        drop(slot);
        assert!(slots.enter(&one).is_some());
    }
}

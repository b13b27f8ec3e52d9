//! When each location's last event arrived: for readiness, and for who wants to notice that a location fell silent.

use crate::domain::ids::LocationId;
use jiff::Timestamp;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// By location. Only those that are served are noted, so there are few.
#[derive(Debug, Default)]
pub(super) struct Seen {
    last: Mutex<HashMap<LocationId, Timestamp>>,
}

impl Seen {
    pub(super) fn note(&self, location: &LocationId, at: Timestamp) {
        let mut last = self.lock();
        match last.get_mut(location) {
            Some(known) => *known = at.max(*known),
            None => drop(last.insert(location.clone(), at)),
        }
    }

    pub(super) fn last(&self, location: &LocationId) -> Option<Timestamp> {
        self.lock().get(location).copied()
    }

    /// All, in the order of their ids.
    pub(super) fn all(&self) -> Vec<(LocationId, Timestamp)> {
        let mut all: Vec<_> = self.lock().iter().map(|(location, at)| (location.clone(), *at)).collect();
        all.sort();
        all
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LocationId, Timestamp>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

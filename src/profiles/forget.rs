//! Forgetting what is held. No load that is under way brings it back.

use super::{Change, ContactKey, Profiles};
use crate::domain::{ids::LocationId, profile::Section};

impl Profiles {
    /// Forgets a contact: no load that is under way brings it back. Says how many entries went.
    #[must_use]
    pub fn forget(&self, key: &ContactKey) -> u64 {
        let inner = &self.inner;
        let mut gone = 0;
        inner.flights.supersede(key, &Section::ALL, || gone = u64::from(inner.cache.remove(key).is_some()));
        inner.changes.note(key, Change::Forgotten);
        gone
    }

    /// Forgets every contact of a location, as [`Profiles::forget`]. Says how many entries went.
    #[must_use]
    pub fn forget_location(&self, location: &LocationId) -> u64 {
        let inner = &self.inner;
        let mut gone = 0;
        inner.flights.supersede_location(location, || {
            let keys: Vec<_> = inner.cache.iter().map(|(key, _)| key).filter(|key| key.location == *location).collect();
            gone = keys.iter().map(|key| u64::from(inner.cache.remove(&**key).is_some())).sum();
        });
        inner.changes.note_location(location, Change::Forgotten);
        gone
    }

    /// Forgets everything.
    pub fn flush(&self) {
        self.inner.flights.supersede_all(|| self.inner.cache.invalidate_all());
        self.inner.changes.note_all(Change::Touched);
    }
}

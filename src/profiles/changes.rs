//! Who wants to know when something of a contact changes: one place a contact, there only while somebody watches it.
//!
//! What is told is that something happened, never what: whoever watches looks for himself when he has time, so one who is
//! slow misses nothing but repetitions, and holds no memory.

use super::{CacheResult, ContactKey, ProfileRequest, Profiles, Served, serve};
use crate::domain::{ids::LocationId, problem::Problem, profile::Section};
use std::{
    collections::{HashMap, hash_map},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// What happened to a contact, as far as memory is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Something of it is out of date: the next read fetches it.
    Touched,
    /// Something of it was fetched: memory holds it.
    Landed,
    /// Nothing may be held of it any more.
    Forgotten,
}

/// How often each happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Marks {
    touched: u64,
    landed: u64,
    forgotten: u64,
}

impl Marks {
    fn count(&mut self, change: Change) {
        match change {
            Change::Touched => self.touched += 1,
            Change::Landed => self.landed += 1,
            Change::Forgotten => self.forgotten += 1,
        }
    }
}

/// Everybody who watches. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes {
    table: Arc<Mutex<HashMap<ContactKey, watch::Sender<Marks>>>>,
}

impl Changes {
    /// Tells those who watch a contact. Never waits; may be called while loads are kept from landing.
    pub(super) fn note(&self, key: &ContactKey, change: Change) {
        if let Some(watched) = self.lock().get(key) {
            watched.send_modify(|marks| marks.count(change));
        }
    }

    /// Tells those who watch a contact of a location.
    pub(super) fn note_location(&self, location: &LocationId, change: Change) {
        for (_, watched) in self.lock().iter().filter(|(key, _)| key.location == *location) {
            watched.send_modify(|marks| marks.count(change));
        }
    }

    /// Tells everybody.
    pub(super) fn note_all(&self, change: Change) {
        for watched in self.lock().values() {
            watched.send_modify(|marks| marks.count(change));
        }
    }

    fn subscribe(&self, key: &ContactKey) -> Subscription {
        let mut table = self.lock();
        let receiver = match table.entry(key.clone()) {
            hash_map::Entry::Occupied(watched) => watched.get().subscribe(),
            hash_map::Entry::Vacant(place) => place.insert(watch::Sender::default()).subscribe(),
        };
        let seen = *receiver.borrow();
        Subscription { receiver: Some(receiver), seen, place: Some((self.clone(), key.clone())) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ContactKey, watch::Sender<Marks>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A watch over one contact. Dropped, it is over; with the last one of a contact its place goes.
#[derive(Debug)]
pub struct Subscription {
    /// `None` where nothing will ever be told.
    receiver: Option<watch::Receiver<Marks>>,
    seen: Marks,
    place: Option<(Changes, ContactKey)>,
}

impl Subscription {
    /// A watch that has ended.
    #[must_use]
    pub fn ended() -> Self {
        Self { receiver: None, seen: Marks::default(), place: None }
    }

    /// What happened since this was asked last, the gravest of it; waits where nothing did. `None` is the end. May be
    /// dropped while it waits: nothing is lost.
    pub async fn next(&mut self) -> Option<Change> {
        let receiver = self.receiver.as_mut()?;
        receiver.changed().await.ok()?;
        let (now, seen) = (*receiver.borrow_and_update(), self.seen);
        self.seen = now;
        Some(match () {
            () if now.forgotten != seen.forgotten => Change::Forgotten,
            () if now.touched != seen.touched => Change::Touched,
            () => Change::Landed,
        })
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let Some((changes, key)) = self.place.take() else { return };
        // Under the lock, so that nobody joins between the count and the removal.
        let mut table = changes.lock();
        self.receiver = None;
        if table.get(&key).is_some_and(|watched| watched.receiver_count() == 0) {
            table.remove(&key);
        }
    }
}

impl Profiles {
    /// Watches a contact from now on.
    #[must_use]
    pub fn subscribe(&self, key: &ContactKey) -> Subscription {
        self.inner.changes.subscribe(key)
    }

    /// The profile as memory holds it, however old: fetches nothing. `None` where a section of it is not held or was
    /// touched, and so would have to be fetched.
    ///
    /// # Errors
    /// The contact section's problem where there is no contact to show.
    pub async fn peek(&self, request: &ProfileRequest) -> Result<Option<Served>, Problem> {
        let inner = &self.inner;
        let Some(entry) = inner.cache.get(&request.key) else { return Ok(None) };
        let known = |section: Section| {
            let facts = entry.facts(section);
            !facts.touched && (facts.life.is_some() || facts.failure.is_some())
        };
        let gone = entry.contact.held.is_none() && entry.contact.failure.is_some();
        if !gone && !request.include.sections().all(known) {
            return Ok(None);
        }
        let now = inner.clock.now();
        let rendering = match entry.rendering(request.include, now) {
            Some(rendering) => rendering,
            None => inner.render(entry, request, now).await?,
        };
        Ok(Some(serve(rendering, CacheResult::Hit, Vec::new(), now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ContactId, LocationId};
    use futures_util::FutureExt as _;

    fn key(contact: &str) -> ContactKey {
        ContactKey { location: LocationId::parse("loc").unwrap(), contact: ContactId::parse(contact).unwrap() }
    }

    #[tokio::test]
    async fn who_watches_is_told_of_his_contact_alone() {
        let changes = Changes::default();
        let (mut one, mut other) = (changes.subscribe(&key("one")), changes.subscribe(&key("other")));
        changes.note(&key("one"), Change::Touched);
        assert_eq!(one.next().await, Some(Change::Touched));
        assert!(one.next().now_or_never().is_none(), "once");
        assert!(other.next().now_or_never().is_none(), "not his");
        changes.note_all(Change::Landed);
        assert_eq!((one.next().await, other.next().await), (Some(Change::Landed), Some(Change::Landed)));
        assert_eq!(Subscription::ended().next().await, None);
    }

    #[tokio::test]
    async fn who_is_slow_learns_the_gravest_and_only_once() {
        let changes = Changes::default();
        let mut watch = changes.subscribe(&key("one"));
        for _ in 0..1000 {
            changes.note(&key("one"), Change::Landed);
        }
        changes.note(&key("one"), Change::Touched);
        changes.note(&key("one"), Change::Landed);
        assert_eq!(watch.next().await, Some(Change::Touched));
        changes.note(&key("one"), Change::Touched);
        changes.note(&key("one"), Change::Forgotten);
        assert_eq!(watch.next().await, Some(Change::Forgotten));
        assert!(watch.next().now_or_never().is_none());
    }

    #[test]
    fn a_place_goes_with_the_last_who_watches() {
        let changes = Changes::default();
        let (one, other) = (changes.subscribe(&key("one")), changes.subscribe(&key("one")));
        drop(one);
        assert_eq!(changes.lock().len(), 1);
        drop(other);
        assert_eq!(changes.lock().len(), 0);
        changes.note(&key("one"), Change::Touched);
        assert_eq!(changes.lock().len(), 0, "nobody watches");
    }
}

//! Telling memory that what it holds is out of date: wholly, or as far as an event at GHL can have changed it.

use super::{
    Change, ContactKey, ProfileRequest, Profiles,
    entry::{Entry, Touched, TouchedBy},
};
use crate::domain::{
    ids::LocationId,
    problem::ProblemKind,
    profile::{Include, Section},
    quota::QuotaWindow,
};
use jiff::Timestamp;
use std::{cell::Cell, collections::HashSet, sync::Arc, time::Duration};
use tokio::time::Instant;

/// What came of an event at GHL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outdated {
    /// Something is marked as out of date: the next read fetches it.
    Marked,
    /// Whatever is held, or on its way, was asked for after the change.
    Shown,
    /// Nothing is held.
    NotHeld,
}

impl Profiles {
    /// Marks sections of a contact as out of date: the next read fetches them, and a load under way does not count.
    pub fn touch(&self, key: &ContactKey, sections: &[Section], by: TouchedBy) {
        let inner = &self.inner;
        let touched = Touched { at: inner.clock.now(), by };
        inner.flights.supersede(key, sections, || {
            if let Some(entry) = inner.cache.get(key) {
                let next = sections.iter().fold((*entry).clone(), |entry, section| entry.touched(*section, touched));
                inner.cache.insert(key.clone(), Arc::new(next));
            }
        });
        inner.changes.note(key, Change::Touched);
    }

    /// Marks those of a contact's sections as out of date that are held, or on their way, and were asked for before
    /// `changed_by`: by then GHL had the change, so that whatever was asked for later shows it.
    #[must_use]
    pub fn outdate(&self, key: &ContactKey, sections: &[Section], changed_by: Timestamp, by: TouchedBy) -> Outdated {
        let inner = &self.inner;
        let now = inner.clock.now();
        let touched = Touched { at: now, by };
        let is_old = |began: Timestamp| may_miss(began, changed_by, now);
        let held = Cell::new(Outdated::NotHeld);
        let begun = inner.flights.supersede_begun(key, sections, is_old, || {
            let Some(entry) = inner.cache.get(key) else { return };
            let missing =
                entry.contact.failure.as_ref().filter(|failure| {
                    entry.contact.held.is_none() && failure.problem.kind == ProblemKind::ContactNotFound
                });
            if sections.contains(&Section::Contact) && missing.is_some_and(|failure| is_old(failure.began)) {
                // GHL knew no such contact then; it may now.
                inner.cache.invalidate(key);
                held.set(Outdated::Marked);
                return;
            }
            let (old, new): (Vec<Section>, Vec<Section>) = sections
                .iter()
                .filter(|section| entry.began(**section).is_some())
                .partition(|section| entry.began(**section).is_some_and(is_old));
            let unmarked: Vec<Section> = old.iter().copied().filter(|one| entry.touch_of(*one).is_none()).collect();
            if !unmarked.is_empty() {
                let next = unmarked.iter().fold((*entry).clone(), |entry, section| entry.touched(*section, touched));
                inner.cache.insert(key.clone(), Arc::new(next));
            }
            held.set(match (old.is_empty(), new.is_empty()) {
                (false, _) => Outdated::Marked,
                (true, false) => Outdated::Shown,
                (true, true) => Outdated::NotHeld,
            });
        });
        let outcome = match held.get() {
            _ if begun.superseded => Outdated::Marked,
            Outdated::NotHeld if begun.later => Outdated::Shown,
            outcome => outcome,
        };
        // Who watches a contact that memory had no room for is told, too.
        if outcome != Outdated::Shown {
            inner.changes.note(key, Change::Touched);
        }
        outcome
    }

    /// The same for one section of every contact of a location that it is held of, or on its way, and not marked yet. Says of
    /// how many. Goes through all that is held.
    #[must_use]
    pub fn outdate_all(&self, location: &LocationId, section: Section, changed_by: Timestamp, by: TouchedBy) -> usize {
        let (inner, now) = (&self.inner, self.inner.clock.now());
        let is_old = |entry: &Entry| {
            entry.touch_of(section).is_none() && entry.began(section).is_some_and(|at| may_miss(at, changed_by, now))
        };
        let held = inner.cache.iter().filter(|(key, entry)| key.location == *location && is_old(entry));
        let mut keys: HashSet<ContactKey> = held.map(|(key, _)| (*key).clone()).collect();
        keys.extend(inner.flights.of(location, section));
        keys.iter().filter(|key| self.outdate(key, &[section], changed_by, by) == Outdated::Marked).count()
    }

    /// Whether this section is held of any contact of a location. Goes through what is held until one is found.
    #[must_use]
    pub fn holds_any(&self, location: &LocationId, section: Section) -> bool {
        self.inner.cache.iter().any(|(key, entry)| key.location == *location && entry.began(section).is_some())
            || !self.inner.flights.of(location, section).is_empty()
    }

    /// Whether a location's quota has this share left: what nobody waits for leaves the rest to readers.
    #[must_use]
    pub fn has_spare(&self, location: &LocationId, percent: u32) -> bool {
        let spare = |window: &QuotaWindow| window.left * 100 >= window.limit * u64::from(percent);
        self.inner.ghl.quota(location).is_none_or(|report| spare(&report.burst) && spare(&report.day))
    }

    /// Whether a contact is held and somebody read it within this time.
    #[must_use]
    pub fn was_read_within(&self, key: &ContactKey, time: Duration) -> bool {
        let now = self.inner.clock.now();
        let since = now.checked_sub(time).unwrap_or(Timestamp::MIN);
        self.inner.cache.get(key).is_some_and(|entry| entry.was_read_since(since))
    }

    /// Fetches those of a contact's sections that are marked as out of date, unless a reader does so already, or the
    /// location's quota has less than this share left: then they are left to who reads them. It goes in the readers' own
    /// lane, as a reader who joins it must not wait behind others.
    ///
    /// Says how many were fetched.
    pub async fn refresh(&self, key: &ContactKey, sections: &[Section], spare_percent: u32) -> usize {
        let inner = &self.inner;
        if !self.has_spare(&key.location, spare_percent) {
            return 0;
        }
        let request = ProfileRequest {
            key: key.clone(),
            include: Include::NOTHING,
            require: Vec::new(),
            ip: None,
            max_age: None,
            deadline: Instant::now() + inner.load_deadline,
            traceparent: None,
        };
        let marked = |section: Section| inner.cache.get(key).is_some_and(|entry| entry.touch_of(section).is_some());
        let launched = sections.iter().copied().filter(|section| marked(*section)).filter_map(|section| {
            let still = |entry: &Entry| entry.touch_of(section).is_some();
            inner.load(&request, section, None, still).filter(|(_, joined)| !joined).map(|(flight, _)| flight)
        });
        let launched: Vec<_> = launched.collect();
        let count = launched.len();
        for flight in launched {
            // What it could not fetch, the next reader tries again.
            let _ = flight.landed().await;
        }
        count
    }
}

/// Whether a load that was launched then may lack a change that GHL had by another time. One that was launched in what is
/// now the future proves nothing: the clock was set back.
fn may_miss(began: Timestamp, changed_by: Timestamp, now: Timestamp) -> bool {
    began <= changed_by || began > now
}

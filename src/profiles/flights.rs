//! Loads under way: one for each section of a contact, however many wait for it.
//!
//! A load runs in a task of its own; every caller, the first included, only awaits it, so a client that hangs up cancels
//! nothing. A load that was superseded (its section was marked stale while it ran) still answers those who wait for it,
//! but [`Pilot::land`] refuses to let it overwrite what came after: moka by itself would not.

use super::{ContactKey, entry::Landed};
use crate::{
    domain::{
        ids::LocationId,
        problem::{Problem, ProblemKind},
        profile::Section,
    },
    upstream::Timings,
};
use futures_util::{FutureExt as _, future::Shared};
use jiff::Timestamp;
use std::{
    collections::{HashMap, hash_map},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;

/// Where to await a load.
#[derive(Debug, Clone)]
pub(super) struct Flight {
    id: u64,
    /// When it was launched: what GHL held then, it shows.
    pub(super) began: Timestamp,
    landing: Shared<oneshot::Receiver<Arc<Landed>>>,
    /// The calls it makes.
    pub(super) timings: Timings,
}

impl Flight {
    /// How the load ended. A load that panicked is a defect of ours, and its waiters' problem alone.
    pub(super) async fn landed(self) -> Result<Arc<Landed>, Problem> {
        self.landing.await.map_err(|_| {
            Problem::new(ProblemKind::Internal, "The section could not be loaded.").with_cause("the load panicked")
        })
    }
}

/// All loads under way. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Flights {
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    running: HashMap<(ContactKey, Section), Flight>,
    next_id: u64,
}

/// What [`Flights::supersede_begun`] found.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Begun {
    /// A load that had begun too early.
    pub(super) superseded: bool,
    /// A load that goes on.
    pub(super) later: bool,
}

/// What [`Flights::join`] found.
#[derive(Debug)]
pub(super) enum Joined {
    /// A load was under way.
    Running(Flight),
    /// None was: the caller launches it and hands the landing to the pilot.
    Launch(Flight, Pilot),
    /// None was, and one that landed a moment ago brought what the caller wants.
    NotNeeded,
}

/// The duty to land a load. Dropped without landing (a panic), it clears the way for the next.
#[derive(Debug)]
pub(super) struct Pilot {
    key: ContactKey,
    section: Section,
    id: u64,
    flights: Flights,
    landing: Option<oneshot::Sender<Arc<Landed>>>,
}

impl Flights {
    /// Joins the section's load, or opens one if `needed` still says so: a load may have landed since the caller looked,
    /// and none lands while this asks.
    pub(super) fn join(
        &self,
        key: &ContactKey,
        section: Section,
        now: Timestamp,
        needed: impl FnOnce() -> bool,
    ) -> Joined {
        let mut table = self.lock();
        let id = table.next_id;
        match table.running.entry((key.clone(), section)) {
            hash_map::Entry::Occupied(running) => Joined::Running(running.get().clone()),
            hash_map::Entry::Vacant(_) if !needed() => Joined::NotNeeded,
            hash_map::Entry::Vacant(place) => {
                let (sender, receiver) = oneshot::channel();
                let flight = Flight { id, began: now, landing: receiver.shared(), timings: Timings::default() };
                place.insert(flight.clone());
                table.next_id += 1;
                let landing = Some(sender);
                Joined::Launch(flight, Pilot { key: key.clone(), section, id, flights: self.clone(), landing })
            }
        }
    }

    /// The section's load, if one is under way.
    pub(super) fn running(&self, key: &ContactKey, section: Section) -> Option<Flight> {
        self.lock().running.get(&(key.clone(), section)).cloned()
    }

    /// Supersedes loads of a contact's sections and, before any other may land, lets `mark` change what is held.
    pub(super) fn supersede(&self, key: &ContactKey, sections: &[Section], mark: impl FnOnce()) {
        let mut table = self.lock();
        for section in sections {
            table.running.remove(&(key.clone(), *section));
        }
        mark();
    }

    /// Supersedes loads of a contact's sections that were launched too early and, before any other may land, lets `mark`
    /// change what is held. Says whether there were any, and whether some go on.
    pub(super) fn supersede_begun(
        &self,
        key: &ContactKey,
        sections: &[Section],
        too_early: impl Fn(Timestamp) -> bool,
        mark: impl FnOnce(),
    ) -> Begun {
        let mut table = self.lock();
        let mut begun = Begun::default();
        for section in sections {
            if let hash_map::Entry::Occupied(running) = table.running.entry((key.clone(), *section)) {
                if too_early(running.get().began) {
                    begun.superseded = true;
                    running.remove();
                } else {
                    begun.later = true;
                }
            }
        }
        mark();
        begun
    }

    /// Supersedes every load of a location and, before any other may land, lets `clear` change what is held.
    pub(super) fn supersede_location(&self, location: &LocationId, clear: impl FnOnce()) {
        let mut table = self.lock();
        table.running.retain(|(key, _), _| key.location != *location);
        clear();
    }

    /// Runs `change` while no load lands and none is superseded.
    pub(super) fn between_landings(&self, change: impl FnOnce()) {
        let _table = self.lock();
        change();
    }

    /// Supersedes every load, and lets `clear` empty what is held.
    pub(super) fn supersede_all(&self, clear: impl FnOnce()) {
        let mut table = self.lock();
        table.running.clear();
        clear();
    }

    /// Of which contacts of a location a section is being loaded.
    pub(super) fn of(&self, location: &LocationId, section: Section) -> Vec<ContactKey> {
        let table = self.lock();
        let theirs = table.running.keys().filter(|(key, running)| key.location == *location && *running == section);
        theirs.map(|(key, _)| key.clone()).collect()
    }

    /// How many loads are under way.
    pub(super) fn len(&self) -> usize {
        self.lock().running.len()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pilot {
    /// Lands the load: `store` runs unless it was superseded, and no other landing or supersession runs beside it.
    pub(super) fn land(mut self, landed: Landed, store: impl FnOnce(&Landed)) {
        let landed = Arc::new(landed);
        let place = (self.key.clone(), self.section);
        {
            let mut table = self.flights.lock();
            if table.running.get(&place).is_some_and(|flight| flight.id == self.id) {
                table.running.remove(&place);
                store(&landed);
            }
        }
        if let Some(landing) = self.landing.take() {
            // Nobody may be waiting any more; what was loaded is stored all the same.
            let _ = landing.send(landed);
        }
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        if self.landing.is_none() {
            return;
        }
        let place = (self.key.clone(), self.section);
        let mut table = self.flights.lock();
        if table.running.get(&place).is_some_and(|flight| flight.id == self.id) {
            table.running.remove(&place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ContactId;
    use std::cell::Cell;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn key() -> ContactKey {
        ContactKey { location: LocationId::parse("loc").unwrap(), contact: ContactId::parse("contact").unwrap() }
    }

    fn landed() -> Landed {
        let result = Err(Problem::new(ProblemKind::UpstreamTimeout, "slow"));
        Landed {
            began: Timestamp::UNIX_EPOCH,
            at: Timestamp::UNIX_EPOCH,
            fresh: std::time::Duration::ZERO,
            wire_bytes: 0,
            result,
        }
    }

    fn launch(flights: &Flights) -> (Flight, Pilot) {
        match flights.join(&key(), Section::Notes, NOW, || true) {
            Joined::Launch(flight, pilot) => (flight, pilot),
            Joined::Running(_) | Joined::NotNeeded => panic!("nothing should run"),
        }
    }

    #[tokio::test]
    async fn everyone_awaits_one_load() {
        let flights = Flights::default();
        let (first, pilot) = launch(&flights);
        let Joined::Running(second) = flights.join(&key(), Section::Notes, NOW, || true) else { panic!("one runs") };
        let stored = Cell::new(0);
        pilot.land(landed(), |_| stored.set(stored.get() + 1));
        assert!(first.landed().await.is_ok() && second.landed().await.is_ok());
        assert_eq!((stored.get(), flights.len()), (1, 0));
    }

    #[tokio::test]
    async fn a_load_that_landed_while_the_caller_looked_is_not_repeated() {
        let flights = Flights::default();
        assert!(matches!(flights.join(&key(), Section::Notes, NOW, || false), Joined::NotNeeded));
        let (_flight, _pilot) = launch(&flights);
        assert!(matches!(flights.join(&key(), Section::Notes, NOW, || false), Joined::Running(_)), "fresher still");
    }

    #[tokio::test]
    async fn a_superseded_load_answers_but_is_not_stored() {
        let flights = Flights::default();
        let (old, old_pilot) = launch(&flights);
        flights.supersede(&key(), &[Section::Notes], || ());
        let (_new, new_pilot) = launch(&flights);
        old_pilot.land(landed(), |_| panic!("must not be stored"));
        assert!(old.landed().await.is_ok());
        assert_eq!(flights.len(), 1, "the newer load is still under way");
        let stored = Cell::new(false);
        new_pilot.land(landed(), |_| stored.set(true));
        assert!(stored.get());
    }

    #[tokio::test]
    async fn a_load_that_began_after_the_change_goes_on() {
        let flights = Flights::default();
        let (_flight, pilot) = launch(&flights);
        let begun = flights.supersede_begun(&key(), &[Section::Notes, Section::Tasks], |began| began < NOW, || ());
        assert_eq!((begun.superseded, begun.later, flights.len()), (false, true, 1));
        let begun = flights.supersede_begun(&key(), &[Section::Notes], |began| began <= NOW, || ());
        assert_eq!((begun.superseded, begun.later, flights.len()), (true, false, 0));
        pilot.land(landed(), |_| panic!("must not be stored"));
    }

    #[tokio::test]
    async fn a_location_that_is_forgotten_takes_its_loads_along_and_no_others() {
        let flights = Flights::default();
        let (_flight, pilot) = launch(&flights);
        assert_eq!(flights.of(&key().location, Section::Notes), [key()]);
        assert_eq!(flights.of(&key().location, Section::Tasks), []);
        flights.supersede_location(&LocationId::parse("other").unwrap(), || ());
        assert_eq!(flights.len(), 1);
        flights.supersede_location(&key().location, || ());
        pilot.land(landed(), |_| panic!("must not be stored"));
        assert_eq!(flights.len(), 0);
    }

    #[tokio::test]
    async fn a_load_that_panics_fails_its_waiters_and_clears_the_way() {
        let flights = Flights::default();
        let (flight, pilot) = launch(&flights);
        drop(pilot);
        assert_eq!(flight.landed().await.unwrap_err().kind, ProblemKind::Internal);
        let _ = launch(&flights);
    }
}

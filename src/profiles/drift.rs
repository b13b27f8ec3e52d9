//! Comparing what is held with what GHL has, without serving or storing the answer; and shortening lives that were given
//! in good faith.

use super::{
    ContactKey, Inner, Profiles,
    entry::{Entry, TouchedBy, Value},
    freshness::{Life, after},
};
use crate::{
    domain::{contact::Contact, ids::LocationId, problem::ProblemKind, profile::Section},
    upstream::{CallContext, Lane},
};
use jiff::Timestamp;
use std::{collections::HashMap, time::Duration};

/// The sections that GHL's events tell of.
const TOLD: [Section; 4] = [Section::Contact, Section::Notes, Section::Tasks, Section::Appointments];

/// A section that is held, chosen to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Whose.
    pub key: ContactKey,
    /// Which section.
    pub section: Section,
    /// When it was read: tells this holding from a later one.
    fetched_at: Timestamp,
}

/// What a comparison found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// GHL has the same.
    Same,
    /// GHL has something else. An event that says so may still be under way.
    Differs,
    /// Nothing can be told: GHL did not answer, or the section was read or marked stale meanwhile.
    Unknown,
}

/// How a section stands some time after it was sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// It is held as it was, and nobody said that it is out of date.
    Unchanged,
    /// It is held as it was, and was marked as out of date.
    Touched,
    /// It was read anew, or is not held any more.
    Replaced,
}

impl Profiles {
    /// One section of each of these locations that may still be served, each as likely as any other; of a location that
    /// nothing is held of, none. Goes through all that is held.
    #[must_use]
    pub fn samples(&self, locations: &[LocationId], mut random: impl FnMut() -> u64) -> Vec<Sample> {
        let (inner, now) = (&self.inner, self.inner.clock.now());
        let mut chosen: HashMap<&LocationId, (u64, Option<Sample>)> =
            locations.iter().map(|location| (location, (0, None))).collect();
        for (key, entry) in &inner.cache {
            let Some((seen, sample)) = chosen.get_mut(&key.location) else { continue };
            for section in TOLD {
                let facts = entry.facts(section);
                let Some(life) = facts.life.filter(|_| !facts.touched) else { continue };
                if now >= after(life.expires_at, inner.policy.stale_while_revalidate) {
                    continue;
                }
                *seen += 1;
                if random().is_multiple_of(*seen) {
                    *sample = Some(Sample { key: (*key).clone(), section, fetched_at: life.fetched_at });
                }
            }
        }
        chosen.into_values().filter_map(|(_, sample)| sample).collect()
    }

    /// Reads a sampled section from GHL, in the lane of work that can wait, and compares it with what is held.
    pub async fn compare(&self, sample: &Sample) -> Compared {
        let inner = &self.inner;
        let context = CallContext::new(Lane::Bulk, inner.load_deadline);
        let read = inner.fetch(&sample.key, sample.section, None, &context).await.result;
        let Some(entry) = inner.cache.get(&sample.key).filter(|_| self.since(sample) == Since::Unchanged) else {
            return Compared::Unknown;
        };
        match read {
            Ok(value) if same(&entry, &value) => Compared::Same,
            Ok(_) => Compared::Differs,
            Err(problem) if problem.kind == ProblemKind::ContactNotFound => Compared::Differs,
            Err(_) => Compared::Unknown,
        }
    }

    /// How a sampled section stands now.
    #[must_use]
    pub fn since(&self, sample: &Sample) -> Since {
        let Some(entry) = self.inner.cache.get(&sample.key) else { return Since::Replaced };
        let facts = entry.facts(sample.section);
        match facts.life {
            Some(life) if life.fetched_at == sample.fetched_at && facts.touched => Since::Touched,
            Some(life) if life.fetched_at == sample.fetched_at => Since::Unchanged,
            Some(_) | None => Since::Replaced,
        }
    }

    /// Marks a section that was found to differ as out of date.
    pub fn touch_drifted(&self, sample: &Sample) {
        self.touch(&sample.key, &[sample.section], TouchedBy::Drift);
    }

    /// After a location's webhooks ceased to be relied upon: nothing held of it is fresh for longer than what is read of it
    /// now. Goes through all that is held.
    pub fn limit_freshness(&self, location: &LocationId) {
        let inner = &self.inner;
        let keys: Vec<_> = inner.cache.iter().map(|(key, _)| key).filter(|key| key.location == *location).collect();
        for key in keys {
            inner.flights.between_landings(|| {
                let limited = inner.cache.get(&*key).and_then(|entry| inner.limited(&entry, location));
                if let Some(entry) = limited {
                    inner.cache.insert((*key).clone(), entry.into());
                }
            });
        }
    }
}

impl Inner {
    /// How long a section that is read now is fresh. What is known of an address does not come from GHL.
    pub(super) fn fresh(&self, location: &LocationId, section: Section) -> Duration {
        let usual = self.policy.fresh(section);
        match section {
            Section::Contact | Section::Notes | Section::Tasks | Section::Appointments => {
                self.liveness.fresh(location, section, usual, self.clock.now())
            }
            Section::Ip => usual,
        }
    }

    /// The entry with shorter lives, where one of them is too long.
    fn limited(&self, entry: &Entry, location: &LocationId) -> Option<Entry> {
        let mut next = None;
        for section in TOLD {
            let Some(life) = entry.facts(section).life else { continue };
            let limit = Life::new(life.fetched_at, self.fresh(location, section));
            if limit.expires_at < life.expires_at {
                next.get_or_insert_with(|| entry.clone()).relive(section, limit);
            }
        }
        next
    }
}

/// Whether a section that is held says what was just read, but for times that GHL changes without an event.
fn same(entry: &Entry, read: &Value) -> bool {
    match read {
        Value::Contact(contact) => {
            entry.contact.held.as_ref().is_some_and(|held| without_times(&held.value) == without_times(contact))
        }
        Value::Notes(notes) => entry.notes.held.as_ref().is_some_and(|held| held.value == *notes),
        Value::Tasks(tasks) => entry.tasks.held.as_ref().is_some_and(|held| held.value == *tasks),
        Value::Appointments(appointments) => {
            entry.appointments.held.as_ref().is_some_and(|held| held.value == *appointments)
        }
        Value::Ip(_) => true,
    }
}

fn without_times(contact: &Contact) -> Contact {
    Contact { date_updated: None, last_activity: None, ..contact.clone() }
}

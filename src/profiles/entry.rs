//! What memory holds of one contact: an immutable set of sections, replaced as a whole when one of them lands.

use super::{
    freshness::{Facts, Life, Policy},
    render::{Past, Rendering},
};
use crate::{
    domain::{
        address::Choice,
        appointment::Appointment,
        contact::Contact,
        ip::IpIntelligence,
        note::Note,
        problem::{Problem, ProblemKind},
        profile::{Include, Section},
        task::Task,
    },
    ipinfo::BackendTry,
    upstream::Savings,
};
use jiff::Timestamp;
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

/// One section's place: what is held, whether it was touched since, and how the last attempt failed.
#[derive(Debug, Clone)]
pub(super) struct Slot<T> {
    pub(super) held: Option<Held<T>>,
    pub(super) touched: Option<Touched>,
    pub(super) failure: Option<Failure>,
}

#[derive(Debug, Clone)]
pub(super) struct Held<T> {
    pub(super) value: T,
    pub(super) life: Life,
    /// When its load was launched: a change before that shows in it.
    pub(super) began: Timestamp,
    /// Size of the upstream's answer, which the weigher goes by.
    pub(super) wire_bytes: usize,
}

/// What said that a held section is out of date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Touched {
    pub(super) at: Timestamp,
    pub(super) by: TouchedBy,
}

/// Who may say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TouchedBy {
    /// Somebody flushed it.
    Flush,
    /// A write of ours.
    Write,
    /// GHL, by webhook.
    Webhook,
    /// A comparison with GHL that found another content.
    Drift,
}

impl TouchedBy {
    /// The word `explain` shows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flush => "flush",
            Self::Write => "write",
            Self::Webhook => "webhook",
            Self::Drift => "drift",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) problem: Problem,
    /// When its load was launched.
    pub(super) began: Timestamp,
    pub(super) at: Timestamp,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { held: None, touched: None, failure: None }
    }
}

impl<T> Slot<T> {
    fn facts(&self) -> Facts<'_> {
        Facts {
            life: self.held.as_ref().map(|held| held.life),
            touched: self.touched.is_some(),
            failure: self.failure.as_ref().map(|failure| (&failure.problem, failure.at)),
        }
    }

    /// What is held, if it may still be served at all.
    pub(super) fn usable(&self, policy: &Policy, now: Timestamp) -> Option<&Held<T>> {
        self.held.as_ref().filter(|held| now < policy.unusable_at(held.life))
    }

    fn land(&mut self, landed: Result<Held<T>, Failure>) {
        match landed {
            Ok(held) => *self = Self { held: Some(held), touched: None, failure: None },
            Err(failure) => self.failure = Some(failure),
        }
    }
}

/// What was found of a contact's address.
#[derive(Debug, Clone)]
pub(super) struct IpFinding {
    /// Every candidate and the one taken.
    pub(super) choice: Arc<Choice>,
    /// What is known of it, where one was found.
    pub(super) intelligence: Option<Arc<IpIntelligence>>,
    /// Which backends were tried.
    pub(super) trail: Arc<[BackendTry]>,
}

/// A section's value, fetched.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Contact(Arc<Contact>),
    Notes(Arc<Vec<Note>>),
    Tasks(Arc<Vec<Task>>),
    Appointments(Arc<Vec<Appointment>>),
    Ip(IpFinding),
}

/// How a load ended.
#[derive(Debug)]
pub(super) struct Landed {
    /// When it was launched.
    pub(super) began: Timestamp,
    pub(super) at: Timestamp,
    /// How long it is fresh from then.
    pub(super) fresh: Duration,
    pub(super) wire_bytes: usize,
    pub(super) result: Result<Value, Problem>,
}

/// Everything held of one contact.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) contact: Slot<Arc<Contact>>,
    pub(super) notes: Slot<Arc<Vec<Note>>>,
    pub(super) tasks: Slot<Arc<Vec<Task>>>,
    pub(super) appointments: Slot<Arc<Vec<Appointment>>>,
    pub(super) ip: Slot<IpFinding>,
    /// Counts the calls that serving this from memory makes needless.
    pub(super) savings: Savings,
    /// When the contact was last read, milliseconds; one for all entries that follow each other.
    read_at: Arc<AtomicI64>,
    renderings: Mutex<Renderings>,
    /// Held by whoever renders: the documents' own lock is taken by requests that cannot wait.
    pub(super) renderer: tokio::sync::Mutex<()>,
}

/// Documents made of an entry, and what is left of those made of the entry before it.
#[derive(Debug, Default)]
struct Renderings {
    current: Vec<Rendering>,
    past: Vec<Past>,
}

impl Clone for Entry {
    /// The sections without their renderings, but with what tells since when a content is unchanged.
    fn clone(&self) -> Self {
        Self {
            contact: self.contact.clone(),
            notes: self.notes.clone(),
            tasks: self.tasks.clone(),
            appointments: self.appointments.clone(),
            ip: self.ip.clone(),
            savings: self.savings.clone(),
            read_at: Arc::clone(&self.read_at),
            renderings: Mutex::new(Renderings { current: Vec::new(), past: self.renderings().to_past() }),
            renderer: tokio::sync::Mutex::default(),
        }
    }
}

/// Renderings kept for one contact: one for each `include` in use, the oldest going first.
const MAX_RENDERINGS: usize = 4;

impl Entry {
    /// What is known of a section's place.
    pub(super) fn facts(&self, section: Section) -> Facts<'_> {
        match section {
            Section::Contact => self.contact.facts(),
            Section::Notes => self.notes.facts(),
            Section::Tasks => self.tasks.facts(),
            Section::Appointments => self.appointments.facts(),
            Section::Ip => self.ip.facts(),
        }
    }

    /// Whether this entry is at least as recent as a landing, so that the landing need not be laid over it.
    pub(super) fn covers(&self, section: Section, landed: &Landed) -> bool {
        let facts = self.facts(section);
        match &landed.result {
            Ok(_) => facts.life.is_some_and(|life| life.fetched_at >= landed.at),
            Err(_) => {
                facts.life.is_some_and(|life| life.fetched_at >= landed.at)
                    || facts.failure.is_some_and(|(_, at)| at >= landed.at)
            }
        }
    }

    /// This entry with a load's outcome in it. A contact that GHL no longer knows takes all its sections along; a
    /// contact whose address changed takes along what was known of the old one. A failure leaves what is held.
    pub(super) fn with(&self, section: Section, landed: &Landed) -> Self {
        let mut next = self.clone();
        let failure = |problem: &Problem| Failure { problem: problem.clone(), began: landed.began, at: landed.at };
        match &landed.result {
            Err(problem) if section == Section::Contact && problem.kind == ProblemKind::ContactNotFound => {
                next = Self::default();
                next.contact.failure = Some(failure(problem));
            }
            Err(problem) => next.fail(section, failure(problem)),
            Ok(value) => next.hold(value, landed),
        }
        next
    }

    fn fail(&mut self, section: Section, failure: Failure) {
        match section {
            Section::Contact => self.contact.land(Err(failure)),
            Section::Notes => self.notes.land(Err(failure)),
            Section::Tasks => self.tasks.land(Err(failure)),
            Section::Appointments => self.appointments.land(Err(failure)),
            Section::Ip => self.ip.land(Err(failure)),
        }
    }

    fn hold(&mut self, value: &Value, landed: &Landed) {
        fn held<T: Clone>(value: &T, landed: &Landed) -> Result<Held<T>, Failure> {
            let life = Life::new(landed.at, landed.fresh);
            Ok(Held { value: value.clone(), life, began: landed.began, wire_bytes: landed.wire_bytes })
        }
        match value {
            Value::Contact(contact) => self.contact.land(held(contact, landed)),
            Value::Notes(notes) => self.notes.land(held(notes, landed)),
            Value::Tasks(tasks) => self.tasks.land(held(tasks, landed)),
            Value::Appointments(appointments) => self.appointments.land(held(appointments, landed)),
            Value::Ip(finding) => self.ip.land(held(finding, landed)),
        }
    }

    /// This entry with its address section emptied, if the contact's address is no longer the one looked up.
    pub(super) fn without_outdated_ip(mut self, choice: &Choice) -> Self {
        if self.ip.held.as_ref().is_some_and(|held| held.value.choice.outcome != choice.outcome) {
            self.ip = Slot::default();
        }
        self
    }

    /// This entry with nothing known of its address.
    pub(super) fn without_ip(&self) -> Self {
        Self { ip: Slot::default(), ..self.clone() }
    }

    /// This entry with a section marked as out of date.
    pub(super) fn touched(&self, section: Section, touched: Touched) -> Self {
        let mut next = self.clone();
        match section {
            Section::Contact => next.contact.touched = Some(touched),
            Section::Notes => next.notes.touched = Some(touched),
            Section::Tasks => next.tasks.touched = Some(touched),
            Section::Appointments => next.appointments.touched = Some(touched),
            Section::Ip => next.ip.touched = Some(touched),
        }
        next
    }

    /// Gives a section that is held another life.
    pub(super) fn relive(&mut self, section: Section, life: Life) {
        fn relive<T>(slot: &mut Slot<T>, life: Life) {
            if let Some(held) = &mut slot.held {
                held.life = life;
            }
        }
        match section {
            Section::Contact => relive(&mut self.contact, life),
            Section::Notes => relive(&mut self.notes, life),
            Section::Tasks => relive(&mut self.tasks, life),
            Section::Appointments => relive(&mut self.appointments, life),
            Section::Ip => relive(&mut self.ip, life),
        }
    }

    /// Which touch a section bears.
    pub(super) fn touch_of(&self, section: Section) -> Option<Touched> {
        match section {
            Section::Contact => self.contact.touched,
            Section::Notes => self.notes.touched,
            Section::Tasks => self.tasks.touched,
            Section::Appointments => self.appointments.touched,
            Section::Ip => self.ip.touched,
        }
    }

    /// When the load of what is held of a section was launched.
    pub(super) fn began(&self, section: Section) -> Option<Timestamp> {
        fn of<T>(slot: &Slot<T>) -> Option<Timestamp> {
            slot.held.as_ref().map(|held| held.began)
        }
        match section {
            Section::Contact => of(&self.contact),
            Section::Notes => of(&self.notes),
            Section::Tasks => of(&self.tasks),
            Section::Appointments => of(&self.appointments),
            Section::Ip => of(&self.ip),
        }
    }

    /// Notes that somebody read it. To the second: workers that read the same contact must not fight for the memory.
    pub(super) fn note_read(&self, now: Timestamp) {
        let now_ms = now.as_millisecond();
        if now_ms.saturating_sub(self.read_at.load(Ordering::Relaxed)) >= 1_000 {
            self.read_at.store(now_ms, Ordering::Relaxed);
        }
    }

    /// Whether somebody read it since then, to the second.
    pub(super) fn was_read_since(&self, since: Timestamp) -> bool {
        self.read_at.load(Ordering::Relaxed) >= since.as_millisecond()
    }

    /// Bytes this entry is reckoned to occupy: its sections as typed values, and each document with its encodings.
    pub(super) fn weight(&self) -> u32 {
        fn bytes<T>(slot: &Slot<T>) -> usize {
            slot.held.as_ref().map_or(0, |held| held.wire_bytes)
        }
        let wire = bytes(&self.contact) + bytes(&self.notes) + bytes(&self.tasks) + bytes(&self.appointments);
        let documents: usize = self.renderings().current.iter().map(|made| made.document.body.len()).sum();
        u32::try_from(OVERHEAD_BYTES + wire * 2 + documents * 8 / 5).unwrap_or(u32::MAX)
    }

    /// A rendering made before that still holds.
    pub(super) fn rendering(&self, include: Include, now: Timestamp) -> Option<Rendering> {
        let renderings = self.renderings();
        renderings.current.iter().find(|made| made.include == include && made.holds(now)).cloned()
    }

    /// What is left of the last document for `include`.
    pub(super) fn past(&self, include: Include) -> Option<Past> {
        self.renderings().to_past().into_iter().find(|past| past.include == include)
    }

    /// Keeps a document in place of the last one for its `include`.
    pub(super) fn keep(&self, rendering: Rendering) {
        let mut renderings = self.renderings();
        renderings.current.retain(|made| made.include != rendering.include);
        if renderings.current.len() == MAX_RENDERINGS {
            renderings.current.remove(0);
        }
        renderings.current.push(rendering);
    }

    fn renderings(&self) -> std::sync::MutexGuard<'_, Renderings> {
        self.renderings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Renderings {
    /// What a next entry needs of these: since when each content is unchanged.
    fn to_past(&self) -> Vec<Past> {
        let current = self.current.iter().map(Rendering::to_past);
        let older = self.past.iter().filter(|past| !self.current.iter().any(|made| made.include == past.include));
        current.chain(older.cloned()).take(MAX_RENDERINGS).collect()
    }
}

/// An entry's own size, its address section, its key, moka's bookkeeping and the allocator's waste, so that the sum comes
/// to what `bench footprint` measured for profiles of 5 KB: 27 KB each.
const OVERHEAD_BYTES: usize = 9 * 1024;

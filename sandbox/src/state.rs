//! Everything a sandbox knows, as one value. It stands behind one mutex that is never held across an await; all the
//! answers are functions of this and of a request.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;

use crate::calls::Calls;
use crate::clock::{Clock, Millis};
use crate::config::SandboxConfig;
use crate::faults::Faults;
use crate::ghl::auth::{self, Token};
use crate::ghl::index::SearchIndex;
use crate::ghl::quota::Quota;
use crate::ipinfo::usage::Usage;
use crate::journal::Journal;
use crate::model::{Appointment, Contact, Location, Note, TagDefinition, Task};
use crate::oauth::OAuth;
use crate::rng::Rng;
use crate::webhooks::Webhooks;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: SandboxConfig,
    pub(crate) clock: Clock,
    pub(crate) rng: Rng,
    pub(crate) calls: Calls,
    pub(crate) faults: Faults,
    /// By what is sent as the bearer.
    pub(crate) tokens: HashMap<String, Token>,
    pub(crate) oauth: OAuth,
    pub(crate) quota: Quota,
    pub(crate) usage: Usage,
    pub(crate) locations: BTreeMap<String, Location>,
    pub(crate) contacts: BTreeMap<String, Contact>,
    pub(crate) deleted: BTreeSet<String>,
    pub(crate) notes: BTreeMap<String, Vec<Note>>,
    pub(crate) tasks: BTreeMap<String, Vec<Task>>,
    pub(crate) appointments: BTreeMap<String, Vec<Appointment>>,
    pub(crate) index: SearchIndex,
    pub(crate) journal: Journal,
    pub(crate) files: BTreeMap<String, Bytes>,
    pub(crate) webhooks: Webhooks,
    traces: Rng,
    stored: usize,
    /// How often it went back to the seed: what was to happen later must not happen to the next life.
    pub(crate) resets: u64,
}

impl State {
    /// A seeded sandbox.
    pub(crate) fn new(config: SandboxConfig) -> Self {
        Self::at(config, Clock::start())
    }

    fn at(config: SandboxConfig, clock: Clock) -> Self {
        let mut state = Self {
            rng: Rng::new(config.seed),
            calls: Calls::default(),
            faults: Faults::new(config.seed),
            tokens: auth::seeded(),
            oauth: OAuth::new(&config, clock.now()),
            quota: Quota::new(config.quota, config.quota_window, config.quota_interval),
            usage: Usage::default(),
            locations: BTreeMap::new(),
            contacts: BTreeMap::new(),
            deleted: BTreeSet::new(),
            notes: BTreeMap::new(),
            tasks: BTreeMap::new(),
            appointments: BTreeMap::new(),
            index: SearchIndex::new(config.search_lag),
            journal: Journal::default(),
            files: BTreeMap::new(),
            webhooks: Webhooks::new(&config),
            traces: Rng::new(config.seed ^ 0x7_124C_E1D5),
            stored: 0,
            resets: 0,
            config,
            clock,
        };
        crate::seed::fill(&mut state);
        state.index.settle_all();
        state
    }

    /// Back to the seed: data, counts, faults, clock, and where webhooks go.
    pub(crate) fn reset(&mut self) {
        let mut clock = self.clock.clone();
        clock.reset();
        let resets = self.resets + 1;
        let webhooks = self.webhooks.reborn(&self.config);
        *self = Self::at(self.config.clone(), clock);
        self.webhooks = webhooks;
        self.resets = resets;
    }

    pub(crate) fn trace_id(&mut self) -> String {
        self.traces.uuid()
    }

    /// The contacts of one location, in no useful order.
    pub(crate) fn contacts_of<'a>(&'a self, location: &'a str) -> impl Iterator<Item = &'a Contact> {
        self.contacts.values().filter(move |contact| contact.location_id == location)
    }

    /// Puts a contact in place and lets the search index know.
    pub(crate) fn store_contact(&mut self, mut contact: Contact) {
        self.stored += 1;
        contact.ordinal = self.stored;
        self.before_write(&contact.id);
        self.deleted.remove(&contact.id);
        self.contacts.insert(contact.id.clone(), contact);
    }

    fn before_write(&mut self, id: &str) {
        if self.index.lags() {
            let now = self.clock.now();
            self.index.writing(id, self.contacts.get(id).cloned(), now);
        }
    }

    /// A contact for changing; `changed` must follow.
    pub(crate) fn contact_mut(&mut self, id: &str) -> Option<&mut Contact> {
        self.before_write(id);
        self.contacts.get_mut(id)
    }

    /// Stamps `dateUpdated` (never backwards, never twice the same).
    pub(crate) fn changed(&mut self, id: &str) {
        let now = self.clock.now();
        if let Some(contact) = self.contacts.get_mut(id) {
            contact.updated = now.max(contact.updated + 1);
        }
    }

    /// Permanent: the id stays known as deleted, and what hung on it is out of reach.
    pub(crate) fn delete_contact(&mut self, id: &str) {
        self.before_write(id);
        self.contacts.remove(id);
        self.deleted.insert(id.to_owned());
        self.notes.remove(id);
        self.tasks.remove(id);
        self.appointments.remove(id);
    }

    /// A tag that a location has not seen becomes one of its definitions, and stays one.
    pub(crate) fn define_tags(&mut self, location: &str, tags: &[String]) {
        let Some(found) = self.locations.get_mut(location) else { return };
        for tag in tags {
            if !found.tags.iter().any(|known| &known.name == tag) {
                let id = self.rng.id20();
                found.tags.push(TagDefinition { id, name: tag.clone() });
            }
        }
    }

    pub(crate) fn now(&self) -> Millis {
        self.clock.now()
    }
}

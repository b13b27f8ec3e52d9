//! Whether what GHL's webhooks say of a location can be relied upon: when it was last heard from, whether our own writes
//! come back as events, and how often what is held was found to differ from what GHL has.
//!
//! Whoever receives events calls [`Liveness::event`], whoever writes [`Liveness::write_done`], whoever compares
//! [`Liveness::checked`]. Freshness is judged by the sum of it, [`Liveness::fresh`], once for each load. Nothing of it
//! outlives the process: after a start a location counts as one without webhooks until its first event, which whoever
//! keeps events may repeat from the store.

mod checks;

use crate::{
    domain::{ids::LocationId, profile::Section},
    settings::Settings,
};
use checks::Checks;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use utoipa::ToSchema;

/// What a location's standing is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How long what was read counts as fresh where webhooks are live; zero: as without.
    pub webhook_fresh: Duration,
    /// The same of tasks: GHL has no event for a task that was edited (reference: "Webhooks").
    pub webhook_tasks_fresh: Duration,
    /// For how long after an event a location counts as live.
    pub silence: Duration,
    /// Within what time a record of ours that GHL made is to come back as an event.
    pub echo: Duration,
    /// From which share of comparisons that differ on, in percent, freshness is shortened.
    pub high_percent: u32,
    /// To which part of the usual times: one in so many.
    pub shorten_factor: u32,
}

impl From<&Settings> for Rules {
    fn from(settings: &Settings) -> Self {
        Self {
            webhook_fresh: settings.cache.webhook_fresh,
            webhook_tasks_fresh: settings.cache.webhook_tasks_fresh,
            silence: settings.drift.silence,
            echo: settings.drift.echo,
            high_percent: settings.drift.high_percent,
            shorten_factor: settings.drift.shorten_factor,
        }
    }
}

/// How a location's webhooks stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// No event has come since the start.
    None,
    /// One came not long ago.
    Live,
    /// None came for a while, and none was bound to come.
    Quiet,
    /// A record that we made at GHL should have come back as an event, and nothing has come since.
    Silent,
}

impl Standing {
    /// The word that metrics and readiness show.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Live => "live",
            Self::Quiet => "quiet",
            Self::Silent => "silent",
        }
    }
}

/// How far a location's webhooks are relied upon, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookReport {
    /// How they stand: `none` has come since the start, `live`, `quiet` for a while, or `silent` though one was due.
    pub standing: Standing,
    /// When the last event came.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_event_at: Option<Timestamp>,
    /// When the last event came that told of a write of ours.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_echo_at: Option<Timestamp>,
    /// Since when a write of ours waits to come back as an event.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub echo_due_since: Option<Timestamp>,
    /// Sections that were compared with GHL since the start.
    pub checked: u64,
    /// How many of them differed though no event had said so.
    pub drifted: u64,
    /// Their share among the last ones, percent; `null` as long as too few were compared.
    pub drift_percent: Option<u32>,
    /// Whether that is so much that what was read counts as fresh for a shorter time.
    pub shortened: bool,
}

/// How far each location's webhooks are relied upon. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Liveness {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    rules: Rules,
    pulses: RwLock<HashMap<LocationId, Arc<Pulse>>>,
}

/// One location. Times are milliseconds since 1970.
#[derive(Debug)]
struct Pulse {
    last_event_at: AtomicI64,
    last_echo_at: AtomicI64,
    /// When the first write began that no event has followed; means nothing where one came after it.
    write_began_at: AtomicI64,
    checks: Mutex<Checks>,
}

/// Before all that can be.
const NEVER: i64 = i64::MIN;

impl Default for Pulse {
    fn default() -> Self {
        Self {
            last_event_at: AtomicI64::new(NEVER),
            last_echo_at: AtomicI64::new(NEVER),
            write_began_at: AtomicI64::new(NEVER),
            checks: Mutex::default(),
        }
    }
}

impl Pulse {
    /// When a write began that no event has followed.
    fn echo_due_since(&self) -> Option<Timestamp> {
        let began_at = self.write_began_at.load(Ordering::Relaxed);
        moment(began_at).filter(|_| began_at > self.last_event_at.load(Ordering::Relaxed))
    }

    fn standing(&self, rules: &Rules, now: Timestamp) -> Standing {
        let past = |at: Timestamp, by: Duration| now.duration_since(at) >= signed(by);
        match moment(self.last_event_at.load(Ordering::Relaxed)) {
            None => Standing::None,
            Some(_) if self.echo_due_since().is_some_and(|at| past(at, rules.echo)) => Standing::Silent,
            Some(at) if past(at, rules.silence) => Standing::Quiet,
            Some(_) => Standing::Live,
        }
    }

    fn report(&self, rules: &Rules, now: Timestamp) -> WebhookReport {
        let checks = self.checks();
        WebhookReport {
            standing: self.standing(rules, now),
            last_event_at: moment(self.last_event_at.load(Ordering::Relaxed)),
            last_echo_at: moment(self.last_echo_at.load(Ordering::Relaxed)),
            echo_due_since: self.echo_due_since(),
            checked: checks.checked(),
            drifted: checks.drifted(),
            drift_percent: checks.percent(),
            shortened: checks.high(),
        }
    }

    fn checks(&self) -> std::sync::MutexGuard<'_, Checks> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn moment(millis: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(millis).ok().filter(|_| millis != NEVER)
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

impl Liveness {
    /// Nothing has been heard of any location.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { inner: Arc::new(Inner { rules, pulses: RwLock::default() }) }
    }

    /// An event of a location was received, and its signature was right; `at` by our clock. For locations of ours alone:
    /// each is remembered.
    pub fn event(&self, location: &LocationId, at: Timestamp) {
        self.pulse(location).last_event_at.fetch_max(at.as_millisecond(), Ordering::Relaxed);
    }

    /// The event told of a write of ours. Says [`Self::event`] as well.
    pub fn echo(&self, location: &LocationId, at: Timestamp) {
        self.event(location, at);
        self.pulse(location).last_echo_at.fetch_max(at.as_millisecond(), Ordering::Relaxed);
    }

    /// GHL made a record for us, which an event must tell: the attempt began then. Not for writes that may change nothing,
    /// such as a tag that was there before.
    pub fn write_done(&self, location: &LocationId, began_at: Timestamp) {
        let pulse = self.pulse(location);
        // The event may come before GHL's answer: it is compared with the begin. The first that waits is what counts.
        if pulse.echo_due_since().is_none() {
            pulse.write_began_at.store(began_at.as_millisecond(), Ordering::Relaxed);
        }
    }

    /// A section was compared with GHL: whether they differed though no event had said so. Answers whether that changed
    /// how long what is read counts as fresh.
    pub fn checked(&self, location: &LocationId, drifted: bool) -> bool {
        self.pulse(location).checks().note(drifted, self.inner.rules.high_percent)
    }

    /// How a location's webhooks stand.
    #[must_use]
    pub fn standing(&self, location: &LocationId, now: Timestamp) -> Standing {
        self.known(location).map_or(Standing::None, |pulse| pulse.standing(&self.inner.rules, now))
    }

    /// How long a section that is read now of a location counts as fresh, where without webhooks it would be so long.
    #[must_use]
    pub fn fresh(&self, location: &LocationId, section: Section, usual: Duration, now: Timestamp) -> Duration {
        let Some(pulse) = self.known(location) else { return usual };
        let rules = &self.inner.rules;
        if pulse.checks().high() {
            return usual / rules.shorten_factor.max(1);
        }
        match pulse.standing(rules, now) {
            Standing::Live => usual.max(match section {
                Section::Tasks => rules.webhook_tasks_fresh,
                Section::Contact | Section::Notes | Section::Appointments | Section::Ip => rules.webhook_fresh,
            }),
            Standing::None | Standing::Quiet | Standing::Silent => usual,
        }
    }

    /// How a location stands, in full.
    #[must_use]
    pub fn report(&self, location: &LocationId, now: Timestamp) -> WebhookReport {
        let pulse = self.known(location).unwrap_or_default();
        pulse.report(&self.inner.rules, now)
    }

    /// Every location that was heard of or written to, with how it stands.
    #[must_use]
    pub fn all(&self, now: Timestamp) -> Vec<(LocationId, WebhookReport)> {
        let pulses = self.inner.pulses.read().unwrap_or_else(PoisonError::into_inner);
        pulses.iter().map(|(location, pulse)| (location.clone(), pulse.report(&self.inner.rules, now))).collect()
    }

    /// Forgets a location.
    pub fn forget(&self, location: &LocationId) {
        self.inner.pulses.write().unwrap_or_else(PoisonError::into_inner).remove(location);
    }

    fn known(&self, location: &LocationId) -> Option<Arc<Pulse>> {
        self.inner.pulses.read().unwrap_or_else(PoisonError::into_inner).get(location).cloned()
    }

    fn pulse(&self, location: &LocationId) -> Arc<Pulse> {
        if let Some(pulse) = self.known(location) {
            return pulse;
        }
        let mut pulses = self.inner.pulses.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(pulses.entry(location.clone()).or_default())
    }
}

#[cfg(test)]
mod tests;

//! Fetching one section, in a task of its own.

use super::{
    Change, ContactKey, Inner, ProfileRequest,
    entry::{Entry, IpFinding, Landed, Value},
    flights::{Flight, Joined},
};
use crate::{
    domain::{
        address::{self, Choice, Outcome},
        contact::Contact,
        problem::{Problem, ProblemKind},
        profile::Section,
    },
    ghl::GhlError,
    upstream::{CallContext, Lane},
};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

impl Inner {
    /// Joins a section's load or launches it; `None` where a load that landed a moment ago made it needless, as `needed`
    /// says of what is held now. Says whether another request had launched it. A load of the address section waits for the
    /// contact's load `after` which it is to run, if there is one.
    pub(super) fn load(
        self: &Arc<Self>,
        request: &ProfileRequest,
        section: Section,
        after: Option<Flight>,
        needed: impl FnOnce(&Entry) -> bool,
    ) -> Option<(Flight, bool)> {
        let key = &request.key;
        let still_needed = || self.cache.get(key).is_none_or(|entry| needed(&entry));
        let (flight, pilot) = match self.flights.join(key, section, self.clock.now(), still_needed) {
            Joined::Running(flight) => return Some((flight, true)),
            Joined::NotNeeded => return None,
            Joined::Launch(flight, pilot) => (flight, pilot),
        };
        let context = CallContext {
            deadline: Instant::now() + self.load_deadline,
            lane: Lane::Interactive,
            timings: flight.timings.clone(),
            traceparent: request.traceparent.clone(),
        };
        let (inner, key, began) = (Arc::clone(self), key.clone(), flight.began);
        self.tasks.spawn_load(section.as_str(), async move {
            let landed = Landed { began, ..inner.fetch(&key, section, after, &context).await };
            inner.metrics.section_load(section, landed.result.is_ok());
            pilot.land(landed, |landed| inner.store(&key, section, landed));
        });
        Some((flight, false))
    }

    /// Loads a section now. When the load was launched, its flight knows.
    pub(super) async fn fetch(
        &self,
        key: &ContactKey,
        section: Section,
        after: Option<Flight>,
        context: &CallContext,
    ) -> Landed {
        let (location, contact) = (&key.location, &key.contact);
        let fetched = match section {
            Section::Contact => match self.ghl.contact(location, contact, context).await {
                Ok(it) => Ok((it.bytes, Value::Contact(Arc::new(it.value)))),
                // A contact of another location is as if there were none.
                Err(error) if error.wrong_location() && self.ghl.is_let_in(location, context).await => {
                    Err(GhlError::ContactNotFound)
                }
                Err(error) => Err(error),
            },
            Section::Notes => {
                self.ghl.notes(location, contact, context).await.map(|it| (it.bytes, Value::Notes(Arc::new(it.value))))
            }
            Section::Tasks => {
                self.ghl.tasks(location, contact, context).await.map(|it| (it.bytes, Value::Tasks(Arc::new(it.value))))
            }
            Section::Appointments => self
                .ghl
                .appointments(location, contact, context)
                .await
                .map(|it| (it.bytes, Value::Appointments(Arc::new(it.value)))),
            Section::Ip => return self.fetch_ip(key, after, context).await,
        };
        let (at, fresh) = (self.clock.now(), self.fresh(location, section));
        match fetched {
            Ok((wire_bytes, value)) => Landed { began: at, at, fresh, wire_bytes, result: Ok(value) },
            Err(error) => Landed { began: at, at, fresh, wire_bytes: 0, result: Err(error.to_problem()) },
        }
    }

    /// The contact's address, looked up: as soon as the contact is there, whatever the other sections do.
    async fn fetch_ip(&self, key: &ContactKey, after: Option<Flight>, context: &CallContext) -> Landed {
        let result = match self.contact_for_ip(key, after).await {
            Ok(contact) => self.find(&contact, context).await.map(Value::Ip),
            Err(problem) => Err(problem),
        };
        let at = self.clock.now();
        Landed { began: at, at, fresh: self.fresh_for(&result), wire_bytes: 0, result }
    }

    /// What a lesser backend said while a better one failed is asked again as soon as the contact is.
    pub(super) fn fresh_for(&self, result: &Result<Value, Problem>) -> Duration {
        let degraded =
            matches!(result, Ok(Value::Ip(IpFinding { intelligence: Some(known), .. })) if known.provider.degraded);
        let usual = self.policy.fresh(Section::Ip);
        if degraded { usual.min(self.policy.fresh(Section::Contact)) } else { usual }
    }

    async fn contact_for_ip(&self, key: &ContactKey, after: Option<Flight>) -> Result<Arc<Contact>, Problem> {
        let mut failure = None;
        if let Some(flight) = after.or_else(|| self.flights.running(key, Section::Contact)) {
            match &flight.landed().await?.result {
                Ok(Value::Contact(contact)) => return Ok(Arc::clone(contact)),
                Ok(_) => {}
                Err(problem) => failure = Some(problem.clone()),
            }
        }
        let held = self.cache.get(key).and_then(|entry| Some(Arc::clone(&entry.contact.held.as_ref()?.value)));
        held.ok_or_else(|| {
            failure.unwrap_or_else(|| {
                Problem::new(
                    ProblemKind::UpstreamUnavailable,
                    "The contact could not be had, and so neither its address.",
                )
            })
        })
    }

    async fn find(&self, contact: &Contact, context: &CallContext) -> Result<IpFinding, Problem> {
        let choice = self.choose(contact);
        let found = match &choice.outcome {
            Outcome::Found { address, origin } => Some((*address, origin.clone())),
            Outcome::Missing | Outcome::Reserved { .. } | Outcome::Invalid { .. } => None,
        };
        let choice = Arc::new(choice);
        let Some((address, origin)) = found else {
            return Ok(IpFinding { choice, intelligence: None, trail: Arc::from([]) });
        };
        let looked = self.ip.look_up(address, origin, context).await.map_err(|error| error.to_problem())?;
        Ok(IpFinding { choice, intelligence: Some(looked.intelligence), trail: looked.trail.into() })
    }

    pub(super) fn choose(&self, contact: &Contact) -> Choice {
        address::choose(contact, None, self.ip_custom_field.as_deref(), &self.own_servers)
    }

    /// Lays a landing over what is held. Runs under the flights' lock, so no other landing comes between. What was found
    /// of an address that is no longer the contact's is dropped: the contact landed while it was looked up.
    fn store(&self, key: &ContactKey, section: Section, landed: &Landed) {
        let held = self.cache.get(key).unwrap_or_default();
        if let (Ok(Value::Ip(finding)), Some(contact)) = (&landed.result, &held.contact.held)
            && self.choose(&contact.value).outcome != finding.choice.outcome
        {
            return;
        }
        let mut next = held.with(section, landed);
        if let Ok(Value::Contact(contact)) = &landed.result {
            next = next.without_outdated_ip(&self.choose(contact));
        }
        next.savings = self.ghl.savings(&key.location);
        self.cache.insert(key.clone(), Arc::new(next));
        let gone = |problem: &Problem| problem.kind == ProblemKind::ContactNotFound;
        if landed.result.as_ref().map_or_else(gone, |_| true) {
            self.changes.note(key, Change::Landed);
        }
    }
}

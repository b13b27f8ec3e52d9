//! What an event does at once: which sections of which contact are out of date, and what is left to be done later.

use super::{Core, earlier, echo, later, tasks};
use crate::{
    domain::{
        ids::{ContactId, LocationId, TaskId},
        operation::Operation,
        profile::Section,
        webhook::{EventKind, WebhookEvent},
    },
    ghl::webhook::app,
    profiles::{ContactKey, Outdated, TouchedBy},
    store::{EventEnd, FateOf, PendingEvent, Settlement},
};
use jiff::Timestamp;
use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};

/// What the events of a batch are judged by.
pub(super) struct Batch<'b> {
    core: &'b Core,
    /// Writes of ours that they may tell of.
    own: &'b [Operation],
    /// Locations without a token of which something is kept all the same.
    once_served: &'b HashSet<LocationId>,
    now: Timestamp,
    /// Whether tasks are held of a location: that goes through all that is held.
    with_tasks: RefCell<HashMap<LocationId, bool>>,
}

/// Ends with a fate and the reason for it.
pub(super) fn fate(fate: FateOf, detail: &str) -> EventEnd {
    EventEnd::Fate { fate, detail: Some(detail.to_owned()) }
}

/// Applied, with nothing more to say.
pub(super) const APPLIED: EventEnd = EventEnd::Fate { fate: FateOf::Applied, detail: None };

/// Whom an event is about: as it says, or as an earlier answer of GHL's tells of its task.
pub(super) fn contact_of(core: &Core, event: &WebhookEvent) -> Option<ContactId> {
    let of_task = || {
        EventKind::parse(&event.kind).filter(|kind| kind.is_of_task())?;
        let task = TaskId::parse(event.subject_id.as_deref()?).ok()?;
        core.parts.ghl.contact_of_task(event.location_id.as_ref()?, &task)
    };
    event.contact_id.clone().or_else(of_task)
}

/// The time by which GHL had the change: a load launched later shows it. The event's own timestamp, as far as the two
/// clocks can be trusted, and in any case its arrival. A replay is meant for whatever is held.
pub(super) fn changed_by(core: &Core, event: &WebhookEvent, now: Timestamp) -> Timestamp {
    if event.replays > 0 {
        return now;
    }
    let said = event.event_at.map(|at| later(at, core.settings.clock_margin));
    said.map_or(event.received_at, |said| said.min(event.received_at))
}

impl<'b> Batch<'b> {
    pub(super) fn new(
        core: &'b Core,
        own: &'b [Operation],
        once_served: &'b HashSet<LocationId>,
        now: Timestamp,
    ) -> Self {
        Self { core, own, once_served, now, with_tasks: RefCell::default() }
    }

    /// Does what can be done at once, and says what became of the event.
    pub(super) fn apply(&self, pending: &PendingEvent) -> Settlement {
        let (core, event) = (self.core, &pending.event);
        let contact = contact_of(core, event);
        let end = match EventKind::parse(&event.kind) {
            None => fate(FateOf::Ignored, "unknown-type"),
            Some(kind) if is_anothers(core, kind, &pending.body) => fate(FateOf::Ignored, "another-app"),
            Some(kind) if is_expired(core, kind, event) => fate(FateOf::Expired, "outside-window"),
            Some(EventKind::PlanChange) => fate(FateOf::Ignored, "no-effect"),
            Some(EventKind::Install | EventKind::Uninstall) => EventEnd::Wait(self.now),
            Some(kind) => self.of_location(kind, contact.as_ref(), pending),
        };
        Settlement { seq: event.seq, end, contact: contact.filter(|_| event.contact_id.is_none()) }
    }

    fn of_location(&self, kind: EventKind, contact: Option<&ContactId>, pending: &PendingEvent) -> EventEnd {
        let (core, event) = (self.core, &pending.event);
        let Some(location) = &event.location_id else { return fate(FateOf::Ignored, "no-location") };
        let key = |contact: &ContactId| ContactKey { location: location.clone(), contact: contact.clone() };
        if !(core.parts.serves)(location) {
            // What is kept of a contact goes with it, also where nothing is read any more: forgetting asks GHL for nothing.
            return match contact.filter(|_| kind == EventKind::ContactDelete && self.once_served.contains(location)) {
                Some(contact) => self.of_contact(kind, &key(contact), pending),
                None => fate(FateOf::Ignored, "unknown-location"),
            };
        }
        core.parts.liveness.event(location, event.received_at);
        match contact {
            Some(contact) => self.of_contact(kind, &key(contact), pending),
            None => self.of_nobody(kind, location),
        }
    }

    fn of_contact(&self, kind: EventKind, key: &ContactKey, pending: &PendingEvent) -> EventEnd {
        let (core, event, profiles) = (self.core, &pending.event, &self.core.parts.profiles);
        if kind == EventKind::ContactDelete {
            let _ = profiles.forget(key);
            return EventEnd::Wait(self.now);
        }
        let said = echo::said(core, pending);
        if event.replays == 0
            && let Some(write) = echo::find(kind, event, key, &said, self.own)
        {
            // Our write marked the section when it ended: whatever was loaded since shows it.
            let _ = profiles.outdate(key, kind.sections(), write.updated_at, TouchedBy::Webhook);
            core.parts.liveness.echo(&key.location, event.received_at);
            return fate(FateOf::Echo, write.id.as_str());
        }
        let outdated = mark(core, key, kind.sections(), changed_by(core, event, self.now));
        if core.settings.enrich.contains(&kind) {
            return EventEnd::Wait(self.now);
        }
        end_of(outdated)
    }

    /// An event that does not say whom it is about.
    fn of_nobody(&self, kind: EventKind, location: &LocationId) -> EventEnd {
        if !kind.is_of_task() {
            return fate(FateOf::Ignored, "no-contact");
        }
        let holds = || self.core.parts.profiles.holds_any(location, Section::Tasks);
        match *self.with_tasks.borrow_mut().entry(location.clone()).or_insert_with(holds) {
            true => EventEnd::Wait(tasks::next_round(self.now)),
            false => fate(FateOf::Ignored, "nothing-held"),
        }
    }
}

/// Whether an event was sent to another app than ours: GHL signs those of all apps with one key. What ends a connection must
/// say that it is ours.
fn is_anothers(core: &Core, kind: EventKind, body: &[u8]) -> bool {
    let Some(ours) = &core.app else { return false };
    match app(body) {
        Some(named) => named != *ours,
        None => kind == EventKind::Uninstall,
    }
}

/// As it was when it arrived: how long it then lay here is not its fault. What GHL deleted stays deleted, however late that
/// is told.
fn is_expired(core: &Core, kind: EventKind, event: &WebhookEvent) -> bool {
    let (window, arrived) = (core.settings.window, event.received_at);
    let outside = |at: Timestamp| at < earlier(arrived, window) || at > later(arrived, window);
    let for_good = matches!(kind, EventKind::ContactDelete | EventKind::Uninstall);
    !window.is_zero() && !for_good && event.replays == 0 && event.event_at.is_some_and(outside)
}

/// Marks sections, and has them fetched behind where somebody reads the contact.
pub(super) fn mark(core: &Core, key: &ContactKey, sections: &'static [Section], by: Timestamp) -> Outdated {
    let profiles = &core.parts.profiles;
    let outdated = profiles.outdate(key, sections, by, TouchedBy::Webhook);
    let recent = core.settings.refresh_recent;
    if outdated == Outdated::Marked && !recent.is_zero() && profiles.was_read_within(key, recent) {
        core.refresher.schedule(key, sections);
    }
    outdated
}

pub(super) fn end_of(outdated: Outdated) -> EventEnd {
    match outdated {
        Outdated::Marked => APPLIED,
        Outdated::Shown => fate(FateOf::Ignored, "already-shown"),
        Outdated::NotHeld => fate(FateOf::Ignored, "nothing-held"),
    }
}

//! What an event does at once: which sections of which contact are out of date, and what is left to be done later.

use super::{Core, earlier, echo, later, tasks};
use crate::{
    domain::{
        ids::{ContactId, LocationId, TaskId},
        operation::Operation,
        profile::Section,
        webhook::{EventKind, WebhookEvent},
    },
    profiles::{ContactKey, Outdated, TouchedBy},
    store::{EventEnd, FateOf, PendingEvent, Settlement},
};
use jiff::Timestamp;

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

/// Does what can be done at once, and says what became of the event.
pub(super) fn apply(core: &Core, pending: &PendingEvent, own: &[Operation], now: Timestamp) -> Settlement {
    let event = &pending.event;
    let contact = contact_of(core, event);
    let end = match EventKind::parse(&event.kind) {
        None => fate(FateOf::Ignored, "unknown-type"),
        Some(_) if is_expired(core, event, now) => fate(FateOf::Expired, "outside-window"),
        Some(EventKind::PlanChange) => fate(FateOf::Ignored, "no-effect"),
        Some(EventKind::Install | EventKind::Uninstall) => EventEnd::Wait(now),
        Some(kind) => match &event.location_id {
            None => fate(FateOf::Ignored, "no-location"),
            Some(location) if !(core.parts.serves)(location) => fate(FateOf::Ignored, "unknown-location"),
            Some(location) => {
                core.parts.liveness.event(location, event.received_at);
                match &contact {
                    Some(contact) => {
                        let key = ContactKey { location: location.clone(), contact: contact.clone() };
                        of_contact(core, kind, &key, pending, own, now)
                    }
                    None => of_nobody(core, kind, location, now),
                }
            }
        },
    };
    Settlement { seq: event.seq, end, contact: contact.filter(|_| event.contact_id.is_none()) }
}

fn is_expired(core: &Core, event: &WebhookEvent, now: Timestamp) -> bool {
    let window = core.settings.window;
    let outside = |at: Timestamp| at < earlier(now, window) || at > later(now, window);
    !window.is_zero() && event.replays == 0 && event.event_at.is_some_and(outside)
}

/// An event about a contact of a location that is served.
fn of_contact(
    core: &Core,
    kind: EventKind,
    key: &ContactKey,
    pending: &PendingEvent,
    own: &[Operation],
    now: Timestamp,
) -> EventEnd {
    let (event, profiles) = (&pending.event, &core.parts.profiles);
    if kind == EventKind::ContactDelete {
        let _ = profiles.forget(key);
        return EventEnd::Wait(now);
    }
    let said = echo::said(core, pending);
    if event.replays == 0
        && let Some(write) = echo::find(kind, event, key, &said, own)
    {
        // Our write marked the section when it ended: whatever was loaded since shows it.
        let _ = profiles.outdate(key, kind.sections(), write.updated_at, TouchedBy::Webhook);
        core.parts.liveness.echo(&key.location, event.received_at);
        return fate(FateOf::Echo, write.id.as_str());
    }
    let outdated = mark(core, key, kind.sections(), changed_by(core, event, now));
    if core.settings.enrich.contains(&kind) {
        return EventEnd::Wait(now);
    }
    end_of(outdated)
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

/// An event that does not say whom it is about.
fn of_nobody(core: &Core, kind: EventKind, location: &LocationId, now: Timestamp) -> EventEnd {
    match kind.is_of_task() {
        true if core.parts.profiles.holds_any(location, Section::Tasks) => EventEnd::Wait(tasks::next_round(now)),
        true => fate(FateOf::Ignored, "nothing-held"),
        false => fate(FateOf::Ignored, "no-contact"),
    }
}

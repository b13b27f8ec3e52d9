//! Appointments come from calendars, which the sandbox has none of: they are made, moved and deleted by the control API
//! and by tests, as somebody in GHL would.

use serde::Deserialize;
use serde_json::Value;

use super::events::{self, Kind};
use crate::clock::{Millis, parse_wall};
use crate::model::Appointment;
use crate::state::State;

const STATUSES: &[&str] = &["new", "confirmed", "cancelled", "showed", "noshow", "invalid"];
const HALF_HOUR_MS: Millis = 1_800_000;

/// What may be said of an appointment. A start without an end moves the end along.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Sent {
    contact_id: Option<String>,
    title: Option<String>,
    start_time: Option<String>,
    end_time: Option<String>,
    appointment_status: Option<String>,
    calendar_id: Option<String>,
    assigned_user_id: Option<String>,
    notes: Option<String>,
    address: Option<String>,
}

fn read(sent: Value) -> Result<Sent, String> {
    serde_json::from_value(sent).map_err(|error| error.to_string())
}

/// Makes one and returns its id.
pub(super) fn create(state: &mut State, sent: Value) -> Result<String, String> {
    let sent = read(sent)?;
    let contact = sent.contact_id.clone().ok_or("contactId must be given")?;
    let zone = zone_of(state, &contact).ok_or("no such contact")?;
    let (id, now) = (state.rng.id20(), state.now());
    let start = now - now.rem_euclid(HALF_HOUR_MS) + HALF_HOUR_MS;
    let mut made = Appointment {
        id: id.clone(),
        calendar_id: "sandboxCalendar00001".to_owned(),
        title: "Appointment".to_owned(),
        status: "confirmed".to_owned(),
        assigned_user_id: Some("sandboxUser000000001".to_owned()),
        notes: None,
        address: None,
        start,
        end: start + HALF_HOUR_MS,
        added: now,
        updated: now,
    };
    apply(&mut made, sent, &zone)?;
    state.appointments.entry(contact.clone()).or_default().push(made.clone());
    events::appointment(state, Kind::AppointmentCreate, &contact, &made);
    Ok(id)
}

pub(super) fn change(state: &mut State, id: &str, sent: Value) -> Result<(), String> {
    let sent = read(sent)?;
    let (contact, at) = find(state, id).ok_or("no such appointment")?;
    if sent.contact_id.as_ref().is_some_and(|other| other != &contact) {
        return Err("an appointment stays with its contact".to_owned());
    }
    let zone = zone_of(state, &contact).ok_or("no such contact")?;
    let now = state.now();
    let stored = state.appointments.get_mut(&contact).and_then(|events| events.get_mut(at));
    let stored = stored.ok_or("no such appointment")?;
    let mut changed = stored.clone();
    apply(&mut changed, sent, &zone)?;
    changed.updated = now;
    stored.clone_from(&changed);
    events::appointment(state, Kind::AppointmentUpdate, &contact, &changed);
    Ok(())
}

pub(super) fn delete(state: &mut State, id: &str) -> Result<(), String> {
    let (contact, at) = find(state, id).ok_or("no such appointment")?;
    let gone = state.appointments.get_mut(&contact).map(|events| events.remove(at));
    if let Some(gone) = gone {
        events::appointment(state, Kind::AppointmentDelete, &contact, &gone);
    }
    Ok(())
}

fn find(state: &State, id: &str) -> Option<(String, usize)> {
    state.appointments.iter().find_map(|(contact, events)| {
        let at = events.iter().position(|event| event.id == id)?;
        Some((contact.clone(), at))
    })
}

/// The time zone that a contact's appointments are kept in: that of its location.
fn zone_of(state: &State, contact: &str) -> Option<String> {
    let location = &state.contacts.get(contact)?.location_id;
    state.locations.get(location).map(|found| found.timezone.clone())
}

fn apply(event: &mut Appointment, sent: Sent, zone: &str) -> Result<(), String> {
    let time = |text: Option<String>, name: &str| match text.map(|text| parse_wall(&text, zone)) {
        Some(None) => Err(format!("{name} must be an ISO 8601 date and time")),
        Some(read) => Ok(read),
        None => Ok(None),
    };
    let (start, end) = (time(sent.start_time, "startTime")?, time(sent.end_time, "endTime")?);
    let lasts = event.end - event.start;
    event.start = start.unwrap_or(event.start);
    event.end = end.unwrap_or(event.start.saturating_add(lasts));
    if event.end < event.start {
        return Err("endTime must not be before startTime".to_owned());
    }
    if let Some(status) = sent.appointment_status {
        // Written as one word, kept as another.
        let status = if status == "completed" { "showed".to_owned() } else { status };
        if !STATUSES.contains(&status.as_str()) {
            return Err(format!("appointmentStatus must be one of {}", STATUSES.join(", ")));
        }
        event.status = status;
    }
    for (given, slot) in [(sent.title, &mut event.title), (sent.calendar_id, &mut event.calendar_id)] {
        if let Some(given) = given {
            *slot = given;
        }
    }
    let optional = [
        (sent.assigned_user_id, &mut event.assigned_user_id),
        (sent.notes, &mut event.notes),
        (sent.address, &mut event.address),
    ];
    for (given, slot) in optional {
        if given.is_some() {
            *slot = given;
        }
    }
    Ok(())
}

//! An appointment, which GHL calls an event. Its times come without a zone; its status comes under three names, one of
//! them misspelt.

use super::{
    NoId, Reading,
    fields::{Fields, Moment, Zoneless},
};
use crate::domain::{
    appointment::{Appointment, EventTime},
    ids::{AppointmentId, ContactId, LocationId},
};
use jiff::tz::TimeZone;
use serde_json::Value;

/// Reads an appointment.
///
/// # Errors
/// [`NoId`] where it is no object or has no usable id.
pub fn event(record: Value, reading: &Reading) -> Result<Appointment, NoId> {
    let mut fields = Fields::new(record, reading)?;
    let zone = reading.timezone.as_ref();
    let id = fields.own_id(AppointmentId::parse)?;
    Ok(Appointment {
        id,
        contact_id: fields.id(&["contactId"], ContactId::parse),
        location_id: fields.id(&["locationId"], LocationId::parse),
        calendar_id: fields.text(&["calendarId"]),
        title: fields.text(&["title"]),
        // `appoinmentStatus` is GHL's; bare `status` says `booked` of whatever stands in the calendar.
        status: fields.text(&["appointmentStatus", "appoinmentStatus", "status"]),
        assigned_user_id: fields.text(&["assignedUserId"]),
        notes: fields.text(&["notes"]),
        address: fields.text(&["address"]),
        start_time: fields.moment(&["startTime"]).map(|moment| event_time(moment, zone)),
        end_time: fields.moment(&["endTime"]).map(|moment| event_time(moment, zone)),
        date_added: fields.instant(&["dateAdded"], Zoneless::Location(zone)),
        date_updated: fields.instant(&["dateUpdated"], Zoneless::Location(zone)),
        extra: fields.rest(&[], &["traceId"]),
    })
}

/// In the location's zone where that is known, else with GHL's offset, else marked as zoneless.
fn event_time(moment: Moment, zone: Option<&TimeZone>) -> EventTime {
    match (moment, zone) {
        (Moment::Instant(at, _), Some(zone)) => EventTime::Zoned(at.to_zoned(zone.clone())),
        (Moment::Instant(at, offset), None) => EventTime::Zoned(at.to_zoned(TimeZone::fixed(offset))),
        (Moment::Wall(at), Some(zone)) => match zone.to_ambiguous_zoned(at).compatible() {
            Ok(zoned) => EventTime::Zoned(zoned),
            Err(_) => EventTime::Zoneless(at),
        },
        (Moment::Wall(at), None) => EventTime::Zoneless(at),
    }
}

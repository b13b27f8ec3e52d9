//! An appointment of a contact (GHL: event).

use super::ids::{AppointmentId, ContactId, LocationId};
use jiff::{Timestamp, civil};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// An appointment.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Appointment {
    /// GHL's id.
    pub id: AppointmentId,
    /// The contact.
    pub contact_id: Option<ContactId>,
    /// The location.
    pub location_id: Option<LocationId>,
    /// The calendar it stands in.
    pub calendar_id: Option<String>,
    /// Title.
    pub title: Option<String>,
    /// `new`, `confirmed`, `cancelled`, `showed`, `noshow` or `invalid`.
    pub status: Option<String>,
    /// User it is assigned to.
    pub assigned_user_id: Option<String>,
    /// Notes on the appointment; untrusted text.
    pub notes: Option<String>,
    /// Where it takes place.
    pub address: Option<String>,
    /// Start.
    #[schema(value_type = Option<EventTimeView>)]
    pub start_time: Option<EventTime>,
    /// End.
    #[schema(value_type = Option<EventTimeView>)]
    pub end_time: Option<EventTime>,
    /// When it was made.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub date_added: Option<Timestamp>,
    /// When it was last changed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub date_updated: Option<Timestamp>,
    /// Fields GHL sends that have no name of ours yet.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A time of an appointment. GHL's contact endpoint sends `YYYY-MM-DD HH:mm:ss` without a zone; webhooks an offset.
#[derive(Debug, Clone, PartialEq)]
pub enum EventTime {
    /// An instant: GHL gave an offset, or the location's zone is configured.
    Zoned(jiff::Zoned),
    /// A wall-clock time in an unknown zone.
    Zoneless(civil::DateTime),
}

/// How an [`EventTime`] looks in JSON: `{"at": "2026-12-01T09:00:00+11:00", "zoneless": false}`.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventTimeView {
    /// RFC 3339 with offset, or without one where `zoneless`.
    pub at: String,
    /// Whether the zone is unknown.
    pub zoneless: bool,
}

impl Serialize for EventTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let view = match self {
            Self::Zoned(at) => EventTimeView { at: at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(), zoneless: false },
            Self::Zoneless(at) => EventTimeView { at: at.strftime("%Y-%m-%dT%H:%M:%S").to_string(), zoneless: true },
        };
        view.serialize(serializer)
    }
}

//! What GHL tells by webhook: that something of a contact changed. A hint to read again, never a record.

use super::{
    ids::{ContactId, LocationId, WebhookId},
    operation::words,
    profile::Section,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// What an event tells of, in GHL's words.
    EventKind {
        /// A contact was made.
        ContactCreate = "ContactCreate",
        /// A contact was changed.
        ContactUpdate = "ContactUpdate",
        /// A contact was deleted.
        ContactDelete = "ContactDelete",
        /// A contact's tags were changed.
        ContactTagUpdate = "ContactTagUpdate",
        /// What a contact does not want to be disturbed by was changed.
        ContactDndUpdate = "ContactDndUpdate",
        /// A note was made.
        NoteCreate = "NoteCreate",
        /// A note was changed.
        NoteUpdate = "NoteUpdate",
        /// A note was deleted.
        NoteDelete = "NoteDelete",
        /// A task was made.
        TaskCreate = "TaskCreate",
        /// A task was marked as done.
        TaskComplete = "TaskComplete",
        /// A task was deleted.
        TaskDelete = "TaskDelete",
        /// An appointment was made.
        AppointmentCreate = "AppointmentCreate",
        /// An appointment was changed.
        AppointmentUpdate = "AppointmentUpdate",
        /// An appointment was deleted.
        AppointmentDelete = "AppointmentDelete",
        /// The app was installed.
        Install = "INSTALL",
        /// The app was uninstalled.
        Uninstall = "UNINSTALL",
        /// The plan of the app was changed.
        PlanChange = "PLAN_CHANGE",
    }
}

words! {
    /// What became of an event. Each has one in the end.
    EventFate {
        /// None yet.
        Pending = "pending",
        /// What it tells of was marked as out of date, purged, or carried out.
        Applied = "applied",
        /// There was nothing to do about it; `detail` says why.
        Ignored = "ignored",
        /// It tells of a write of our own.
        Echo = "echo",
        /// Its timestamp is outside of the window.
        Expired = "expired",
        /// It could not be carried out; it can be replayed.
        Failed = "failed",
    }
}

impl EventKind {
    /// Which sections of the contact's profile it makes out of date.
    #[must_use]
    pub const fn sections(self) -> &'static [Section] {
        match self {
            Self::ContactCreate | Self::ContactUpdate | Self::ContactTagUpdate | Self::ContactDndUpdate => {
                &[Section::Contact]
            }
            Self::ContactDelete => &Section::ALL,
            Self::NoteCreate | Self::NoteUpdate | Self::NoteDelete => &[Section::Notes],
            Self::TaskCreate | Self::TaskComplete | Self::TaskDelete => &[Section::Tasks],
            Self::AppointmentCreate | Self::AppointmentUpdate | Self::AppointmentDelete => &[Section::Appointments],
            Self::Install | Self::Uninstall | Self::PlanChange => &[],
        }
    }

    /// Whether it tells of a task.
    #[must_use]
    pub const fn is_of_task(self) -> bool {
        matches!(self, Self::TaskCreate | Self::TaskComplete | Self::TaskDelete)
    }
}

/// An event as the list shows it: ids and words, never what the event says of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookEvent {
    /// Position in the order of arrival.
    #[serde(skip)]
    pub seq: i64,
    /// GHL's `webhookId`; of a body that has none, one made of the body's hash.
    pub webhook_id: WebhookId,
    /// GHL's `type`, whether we know it or not.
    #[serde(rename = "type")]
    #[schema(example = "ContactUpdate")]
    pub kind: String,
    /// Whose contact.
    pub location_id: Option<LocationId>,
    /// Which contact, where that is known.
    pub contact_id: Option<ContactId>,
    /// Which note, task or appointment.
    pub subject_id: Option<String>,
    /// When GHL says that it happened.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub event_at: Option<Timestamp>,
    /// When it first arrived.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// What became of it.
    pub fate: EventFate,
    /// When.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub fate_at: Option<Timestamp>,
    /// Why, or what is waited for.
    #[schema(example = "nothing-held")]
    pub detail: Option<String>,
    /// Tries that failed.
    pub attempts: u32,
    /// How often it arrived again.
    pub duplicates: u32,
    /// How often it was replayed.
    pub replays: u32,
    /// Whether it can be replayed: its body is still kept.
    pub replayable: bool,
}

/// An event on its way into the store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in `WebhookEvent`")]
pub struct NewEvent {
    pub webhook_id: WebhookId,
    pub kind: String,
    pub location: Option<LocationId>,
    pub contact: Option<ContactId>,
    pub subject: Option<String>,
    pub event_at: Option<Timestamp>,
    pub received_at: Timestamp,
    /// As it came.
    pub body: Vec<u8>,
}

/// Which events a list shows; nothing means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in `WebhookEvent`")]
pub struct EventFilter {
    /// Only these locations; `None` is all, those that name none included.
    pub locations: Option<Vec<LocationId>>,
    pub contact: Option<ContactId>,
    pub kind: Option<String>,
    pub fates: Vec<EventFate>,
    /// Received not before.
    pub since: Option<Timestamp>,
    /// Received before.
    pub until: Option<Timestamp>,
}

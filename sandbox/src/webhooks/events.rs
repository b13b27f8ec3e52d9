//! Which event a change makes, and what stands in it. Bodies are flat. A task that is edited makes none; nor does a
//! contact of which nothing but a file field or the inbound do-not-disturb was written.

use serde_json::{Map, Value, json};

use crate::clock::{iso, with_offset};
use crate::model::{Appointment, Contact, Note, Task};
use crate::state::State;
use crate::tokens;

/// The events that the sandbox makes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    ContactCreate,
    ContactUpdate,
    ContactDelete,
    ContactTagUpdate,
    ContactDndUpdate,
    NoteCreate,
    NoteUpdate,
    NoteDelete,
    TaskCreate,
    TaskComplete,
    TaskDelete,
    AppointmentCreate,
    AppointmentUpdate,
    AppointmentDelete,
    Install,
    Uninstall,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::ContactCreate => "ContactCreate",
            Self::ContactUpdate => "ContactUpdate",
            Self::ContactDelete => "ContactDelete",
            Self::ContactTagUpdate => "ContactTagUpdate",
            Self::ContactDndUpdate => "ContactDndUpdate",
            Self::NoteCreate => "NoteCreate",
            Self::NoteUpdate => "NoteUpdate",
            Self::NoteDelete => "NoteDelete",
            Self::TaskCreate => "TaskCreate",
            Self::TaskComplete => "TaskComplete",
            Self::TaskDelete => "TaskDelete",
            Self::AppointmentCreate => "AppointmentCreate",
            Self::AppointmentUpdate => "AppointmentUpdate",
            Self::AppointmentDelete => "AppointmentDelete",
            Self::Install => "INSTALL",
            Self::Uninstall => "UNINSTALL",
        }
    }
}

/// Fields of a contact that stand in its events under the same name, as far as it has them.
const CONTACT_FIELDS: &[&str] = &[
    "firstName",
    "lastName",
    "email",
    "phone",
    "address1",
    "city",
    "state",
    "country",
    "postalCode",
    "companyName",
    "website",
    "source",
    "dateOfBirth",
    "assignedTo",
];
/// The channels of a do-not-disturb event; `RCS` is seen live and stands in no other shape.
const DND_CHANNELS: &[&str] = &["SMS", "Email", "GMB", "FB", "WhatsApp", "Call", "RCS"];

fn record(state: &mut State, kind: Kind, members: Map<String, Value>) {
    let now = state.now();
    state.webhooks.record(now, kind.name().into(), members);
}

/// Something happened to a contact; it must still be there.
pub(crate) fn contact(state: &mut State, kind: Kind, id: &str) {
    let Some(members) = state.contacts.get(id).map(|contact| contact_members(contact, kind)) else { return };
    record(state, kind, members);
}

/// A contact was written over by its update or upsert. `told`: whether something was written that GHL tells of.
pub(crate) fn contact_rewritten(state: &mut State, before: &Contact, told: bool) {
    let Some(now) = state.contacts.get(&before.id) else { return };
    let retagged = now.tags() != before.tags();
    let dnd = now.dnd != before.dnd || now.dnd_settings != before.dnd_settings;
    for (kind, happened) in
        [(Kind::ContactUpdate, told), (Kind::ContactTagUpdate, retagged), (Kind::ContactDndUpdate, dnd)]
    {
        if happened {
            contact(state, kind, &before.id);
        }
    }
}

fn contact_members(contact: &Contact, kind: Kind) -> Map<String, Value> {
    let mut out = Map::new();
    let mut set = |key: &str, value: Value| drop(out.insert(key.to_owned(), value));
    set("locationId", contact.location_id.as_str().into());
    set("id", contact.id.as_str().into());
    let name = contact.full_name();
    if !name.is_empty() {
        set("name", name.into());
    }
    for key in CONTACT_FIELDS {
        if let Some(text) = contact.text(key) {
            set(key, text.into());
        }
    }
    set("dateAdded", iso(contact.added).into());
    set("dnd", contact.dnd.into());
    set("tags", contact.tags().into());
    let fields = contact.custom_fields.iter().map(|(id, value)| json!({"id": id, "value": value}));
    set("customFields", fields.collect());
    set("attachments", json!([]));
    if kind == Kind::ContactDndUpdate {
        let inactive = || json!({"status": "inactive", "message": "", "code": ""});
        let channels = DND_CHANNELS.iter().map(|channel| {
            let setting = contact.dnd_settings.get(*channel).cloned();
            ((*channel).to_owned(), setting.unwrap_or_else(inactive))
        });
        set("dndSettings", Value::Object(channels.collect()));
    }
    out
}

/// The location of a contact, which is that of everything on it.
fn located(state: &State, contact: &str) -> Map<String, Value> {
    let location = state.contacts.get(contact).map(|found| Value::from(found.location_id.as_str()));
    location.map(|id| ("locationId".to_owned(), id)).into_iter().collect()
}

pub(crate) fn note(state: &mut State, kind: Kind, contact: &str, note: &Note) {
    let mut members = located(state, contact);
    let shape = json!({"id": note.id, "body": note.body, "contactId": contact, "dateAdded": iso(note.added)});
    extend(&mut members, shape);
    record(state, kind, members);
}

/// `TaskCreate` lacks the contact and the body, as it does live.
pub(crate) fn task(state: &mut State, kind: Kind, contact: &str, task: &Task) {
    let mut members = located(state, contact);
    extend(&mut members, json!({"id": task.id, "title": task.title}));
    if kind != Kind::TaskCreate {
        extend(&mut members, json!({"body": task.body.as_deref().unwrap_or_default(), "contactId": contact}));
    }
    extend(&mut members, json!({"dateAdded": iso(task.added), "dueDate": iso(task.due)}));
    if let Some(user) = &task.assigned_to {
        members.insert("assignedTo".to_owned(), user.as_str().into());
    }
    record(state, kind, members);
}

pub(crate) fn appointment(state: &mut State, kind: Kind, contact: &str, event: &Appointment) {
    let mut members = located(state, contact);
    let location = members.get("locationId").and_then(Value::as_str).unwrap_or_default();
    let zone = state.locations.get(location).map_or("UTC", |found| &found.timezone);
    let shape = json!({
        "id": event.id, "address": event.address, "title": event.title, "calendarId": event.calendar_id,
        "contactId": contact, "groupId": null, "appointmentStatus": event.status,
        "assignedUserId": event.assigned_user_id, "users": [], "notes": event.notes, "source": "calendar_page",
        "startTime": with_offset(event.start, zone), "endTime": with_offset(event.end, zone),
        "dateAdded": iso(event.added), "dateUpdated": iso(event.updated),
    });
    members.insert("appointment".to_owned(), shape);
    record(state, kind, members);
}

/// The app was installed or uninstalled; no location means the whole agency.
pub(crate) fn installation(state: &mut State, installed: bool, location: Option<&str>) {
    let mut members = Map::new();
    if let Some(location) = location {
        members.insert("locationId".to_owned(), location.into());
    }
    if installed || location.is_none() {
        members.insert("companyId".to_owned(), tokens::COMPANY.into());
    }
    if !installed {
        return record(state, Kind::Uninstall, members);
    }
    let class = if location.is_some() { "Location" } else { "Company" };
    let rest = json!({
        "installType": class, "userId": "sandboxUser000000001", "planId": "sandboxPlan000000001",
        "trial": {"onTrial": false, "trialDuration": 0, "trialStartDate": null}, "isWhitelabelCompany": false,
        "whitelabelDetails": {"domain": "", "logoUrl": ""}, "companyName": "Sandbox Agency",
    });
    extend(&mut members, rest);
    record(state, Kind::Install, members);
}

fn extend(members: &mut Map<String, Value>, more: Value) {
    if let Value::Object(more) = more {
        members.extend(more);
    }
}

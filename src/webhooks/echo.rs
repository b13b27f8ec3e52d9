//! Whether an event tells of a write of our own.
//!
//! The operations in the store are the ledger: what GHL answered to a write is compared with what the event says. An echo
//! need not be applied, for the write marked its section when it ended; and it must not start the rules, whose writes would
//! otherwise start them again. (They would come to rest all the same: rules write differences alone.)

use super::Core;
use crate::{
    domain::{
        ids::ContactId,
        operation::{Operation, OperationState},
        webhook::{EventKind, WebhookEvent},
        write::{Write, WriteKind},
    },
    ghl::webhook::fields,
    profiles::ContactKey,
    store::PendingEvent,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// How long after a write its echo is looked for.
pub(super) const WINDOW: Duration = Duration::from_secs(600);

/// How long after we learned of a write's end its event can say it happened: the clocks differ, and GHL stamps late. A
/// change of somebody else's within this time that leaves the contact just as our write did is taken for ours.
const LAG: SignedDuration = SignedDuration::from_secs(10);

/// The fields of a contact that its events carry, as both GHL and we spell them (reference: "Webhooks").
const FIELDS: [&str; 14] = [
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
    "assignedTo",
    "dnd",
];

/// What an event says, to be compared with what we hold: that has nothing of what is redacted.
pub(super) fn said(core: &Core, pending: &PendingEvent) -> Map<String, Value> {
    let mut said = fields(&pending.body).unwrap_or_default();
    core.parts.ghl.redaction().strip(&mut said);
    said
}

/// The write of ours that an event tells of.
pub(super) fn find<'o>(
    kind: EventKind,
    event: &WebhookEvent,
    key: &ContactKey,
    said: &Map<String, Value>,
    own: &'o [Operation],
) -> Option<&'o Operation> {
    own.iter().find(|operation| {
        operation.state == OperationState::Done
            && is_about(operation, key)
            && tells_of(kind, operation.write.kind())
            && is_timely(kind, event, operation)
            && says_the_same(kind, event, &key.contact, said, operation)
    })
}

/// Whether a write of ours is under way that the event may tell of: not yet can it be compared.
pub(super) fn is_under_way(kind: EventKind, key: &ContactKey, own: &[Operation]) -> bool {
    own.iter().any(|operation| {
        let maybe_done = match operation.state {
            OperationState::Running => true,
            OperationState::Pending => operation.uncertain_since.is_some(),
            OperationState::Done | OperationState::Failed | OperationState::Dead | OperationState::Cancelled => false,
        };
        let about =
            operation.location == key.location && operation.contact.as_ref().is_none_or(|id| *id == key.contact);
        maybe_done && about && tells_of(kind, operation.write.kind())
    })
}

fn is_about(operation: &Operation, key: &ContactKey) -> bool {
    operation.location == key.location && operation.contact.as_ref() == Some(&key.contact)
}

/// Which writes an event of a kind may tell of.
const fn tells_of(kind: EventKind, write: WriteKind) -> bool {
    use WriteKind as W;
    match kind {
        EventKind::ContactCreate => matches!(write, W::CreateContact | W::UpsertContact),
        EventKind::ContactUpdate | EventKind::ContactDndUpdate => matches!(write, W::UpdateContact | W::UpsertContact),
        EventKind::ContactTagUpdate => {
            matches!(write, W::AddTags | W::RemoveTags | W::CreateContact | W::UpdateContact | W::UpsertContact)
        }
        EventKind::ContactDelete => matches!(write, W::DeleteContact),
        EventKind::NoteCreate => matches!(write, W::CreateNote),
        EventKind::NoteUpdate => matches!(write, W::UpdateNote),
        EventKind::NoteDelete => matches!(write, W::DeleteNote),
        EventKind::TaskCreate => matches!(write, W::CreateTask),
        EventKind::TaskComplete => matches!(write, W::CompleteTask | W::UpdateTask),
        EventKind::TaskDelete => matches!(write, W::DeleteTask),
        EventKind::AppointmentCreate
        | EventKind::AppointmentUpdate
        | EventKind::AppointmentDelete
        | EventKind::Install
        | EventKind::Uninstall
        | EventKind::PlanChange => false,
    }
}

/// What is made or deleted under an id is so once; a state can come again, and then only its time tells whose it is.
fn is_timely(kind: EventKind, event: &WebhookEvent, operation: &Operation) -> bool {
    let once = matches!(
        kind,
        EventKind::ContactDelete
            | EventKind::NoteCreate
            | EventKind::NoteDelete
            | EventKind::TaskCreate
            | EventKind::TaskDelete
    );
    let within = |at: Timestamp| {
        at.duration_since(operation.created_at) >= -LAG && at.duration_since(operation.updated_at) <= LAG
    };
    once || event.event_at.is_some_and(within)
}

fn says_the_same(
    kind: EventKind,
    event: &WebhookEvent,
    contact: &ContactId,
    said: &Map<String, Value>,
    operation: &Operation,
) -> bool {
    let Some(written) = &operation.written else { return false };
    let (id, subject) = (written.id.as_deref(), event.subject_id.as_deref());
    let held = |name: &str| written.body.get(name);
    let same = |name: &str| same_text(said.get(name), held(name));
    match kind {
        EventKind::NoteCreate | EventKind::NoteUpdate => subject.is_some() && subject == id && same("body"),
        EventKind::TaskCreate => subject.is_some() && subject == id && same("title"),
        EventKind::TaskComplete => {
            subject.is_some() && subject == id && held("completed").and_then(Value::as_bool) == Some(true)
        }
        EventKind::NoteDelete | EventKind::TaskDelete => subject.is_some() && subject == deleted(&operation.write),
        EventKind::ContactDelete => true,
        EventKind::ContactTagUpdate => tags(said.get("tags")) == tags(held("tags")),
        EventKind::ContactCreate | EventKind::ContactUpdate | EventKind::ContactDndUpdate => {
            id == Some(contact.as_str())
                && FIELDS.into_iter().all(same)
                && day(said.get("dateOfBirth")) == day(held("dateOfBirth"))
                && tags(said.get("tags")) == tags(held("tags"))
                && custom_fields(said.get("customFields")) == custom_fields(held("customFields"))
                && (kind != EventKind::ContactDndUpdate
                    || dnd_settings(said.get("dndSettings")) == dnd_settings(held("dndSettings")))
        }
        EventKind::AppointmentCreate
        | EventKind::AppointmentUpdate
        | EventKind::AppointmentDelete
        | EventKind::Install
        | EventKind::Uninstall
        | EventKind::PlanChange => false,
    }
}

/// The record that a write deletes.
fn deleted(write: &Write) -> Option<&str> {
    match write {
        Write::DeleteNote { note, .. } => Some(note.as_str()),
        Write::DeleteTask { task, .. } => Some(task.as_str()),
        _ => None,
    }
}

/// Whether two values say the same; GHL leaves out, sends `null` or sends an empty text for what is not there.
fn same_text(one: Option<&Value>, other: Option<&Value>) -> bool {
    fn filled(value: Option<&Value>) -> Option<&Value> {
        value.filter(|value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::String(text) => !text.trim().is_empty(),
            Value::Bool(true) | Value::Number(_) | Value::Array(_) | Value::Object(_) => true,
        })
    }
    match (filled(one), filled(other)) {
        (Some(Value::String(one)), Some(Value::String(other))) => one.trim() == other.trim(),
        (one, other) => one == other,
    }
}

/// Tags as GHL compares them.
fn tags(list: Option<&Value>) -> BTreeSet<String> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(|tag| tag.trim().to_lowercase()).collect()
}

/// Values by field, without those that are empty.
fn custom_fields(list: Option<&Value>) -> BTreeMap<&str, &Value> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    let field = |field| -> Option<(&str, &Value)> {
        let field: &Value = field;
        Some((field.get("id")?.as_str()?, field.get("value")?))
    };
    list.filter_map(field).filter(|(_, value)| !same_text(Some(value), None)).collect()
}

/// A day without the time that GHL may put behind it.
fn day(value: Option<&Value>) -> Option<&str> {
    let text = value.and_then(Value::as_str)?.trim();
    text.split(['T', ' ']).next().filter(|day| !day.is_empty())
}

/// What is blocked by channel, without what says nothing. Events spell channels in another case than answers do
/// (reference: "By id", `dndSettings` keys).
fn dnd_settings(settings: Option<&Value>) -> BTreeMap<String, BTreeMap<&str, &Value>> {
    let settings = settings.and_then(Value::as_object).into_iter().flatten();
    let channel = |(channel, setting): (&String, _)| {
        let setting: &Value = setting;
        let said = setting.as_object()?.iter().map(|(name, value)| (name.as_str(), value));
        let said: BTreeMap<_, _> =
            said.filter(|(_, value)| !same_text(Some(value), None) && *value != "inactive").collect();
        (!said.is_empty()).then(|| (channel.to_lowercase(), said))
    };
    settings.filter_map(channel).collect()
}

#[cfg(test)]
mod tests;

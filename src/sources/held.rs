//! What GHL holds of a record, in one shape for contacts, tasks and notes, and whether it says what a source says.

use crate::{
    domain::{
        contact::Contact,
        note::Note,
        source::{Delivered, RecordKind},
        task::Task,
        write::Write,
    },
    ghl::text::html_to_text,
    operations::ghl::{differs, same_email, same_phone, words},
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Before the id of a custom field, in the name of a field.
pub(super) const CUSTOM: &str = "customFields.";

/// What GHL holds of a record.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Held {
    kind: RecordKind,
    /// By the name that the source's fields have.
    fields: Map<String, Value>,
    further_emails: Vec<String>,
    further_phones: Vec<String>,
    /// In lower case.
    pub(super) tags: BTreeSet<String>,
    /// When GHL last changed it, where it says so.
    pub(super) updated_at: Option<Timestamp>,
}

impl Held {
    pub(super) fn of_contact(contact: &Contact) -> Self {
        let mut fields = record(contact);
        for field in &contact.custom_fields {
            fields.insert(format!("{CUSTOM}{}", field.id), field.value.clone());
        }
        Self {
            kind: RecordKind::Contact,
            fields,
            further_emails: contact.additional_emails.clone(),
            further_phones: contact.additional_phones.clone(),
            tags: contact.tags.iter().map(|tag| tag.trim().to_lowercase()).collect(),
            updated_at: contact.date_updated,
        }
    }

    pub(super) fn of_task(task: &Task) -> Self {
        Self::plain(RecordKind::Task, record(task), None)
    }

    pub(super) fn of_note(note: &Note) -> Self {
        Self::plain(RecordKind::Note, record(note), note.date_updated)
    }

    fn plain(kind: RecordKind, fields: Map<String, Value>, updated_at: Option<Timestamp>) -> Self {
        let (further_emails, further_phones, tags) = (Vec::new(), Vec::new(), BTreeSet::new());
        Self { kind, fields, further_emails, further_phones, tags, updated_at }
    }

    pub(super) fn value(&self, field: &str) -> Option<&Value> {
        self.fields.get(field)
    }

    /// Whether GHL holds what the source says.
    pub(super) fn says(&self, field: &str, wanted: &Value) -> bool {
        same(self.kind, field, wanted, self.value(field))
    }

    /// Whether nothing stands there.
    pub(super) fn is_empty(&self, field: &str) -> bool {
        match self.value(field) {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => text.trim().is_empty(),
            Some(Value::Array(items)) => items.is_empty(),
            Some(_) => false,
        }
    }

    /// Whether it is one of the contact's further addresses or numbers: GHL would lose the first one over it.
    pub(super) fn has_further(&self, field: &str, wanted: &Value) -> bool {
        let Some(wanted) = wanted.as_str() else { return false };
        match field {
            "email" => self.further_emails.iter().any(|own| same_email(wanted, Some(own))),
            "phone" => self.further_phones.iter().any(|own| same_phone(wanted, Some(own))),
            _ => false,
        }
    }

    /// As it is once a write was done.
    pub(super) fn apply(&mut self, write: &Write, then: &Delivered) {
        match write {
            Write::AddTags { tags, .. } => self.tags.extend(tags.iter().map(|tag| tag.as_str().to_owned())),
            Write::RemoveTags { tags, .. } => {
                self.tags.retain(|held| tags.iter().all(|tag| tag.as_str() != held));
            }
            Write::UpdateContact { fields, .. }
            | Write::UpdateTask { fields, .. }
            | Write::UpdateNote { fields, .. } => {
                for (name, value) in fields.as_map().iter().filter(|(name, _)| *name != "customFields") {
                    self.fields.insert(name.clone(), value.clone());
                }
                for custom in custom_ids(fields.as_map()) {
                    self.fields.extend(then.fields.get(&custom).map(|value| (custom.clone(), value.clone())));
                }
            }
            Write::CompleteTask { completed, .. } => {
                drop(self.fields.insert("completed".to_owned(), (*completed).into()))
            }
            Write::CreateContact { .. }
            | Write::UpsertContact { .. }
            | Write::DeleteContact { .. }
            | Write::CreateNote { .. }
            | Write::DeleteNote { .. }
            | Write::CreateTask { .. }
            | Write::DeleteTask { .. } => {}
        }
    }
}

fn custom_ids(fields: &Map<String, Value>) -> impl Iterator<Item = String> {
    let entries = fields.get("customFields").and_then(Value::as_array).into_iter().flatten();
    entries.filter_map(|entry| Some(format!("{CUSTOM}{}", entry.get("id")?.as_str()?)))
}

fn record(record: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(record) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) | Err(_) => Map::new(),
    }
}

/// Whether two values are one to GHL.
pub(super) fn same(kind: RecordKind, field: &str, wanted: &Value, held: Option<&Value>) -> bool {
    match (kind, field, wanted, held) {
        (RecordKind::Contact, "email", Value::String(wanted), Some(Value::String(held))) => {
            same_email(wanted, Some(held))
        }
        (RecordKind::Contact, "phone", Value::String(wanted), Some(Value::String(held))) => {
            same_phone(wanted, Some(held))
        }
        (RecordKind::Task, "dueDate", Value::String(wanted), Some(Value::String(held))) => {
            match (wanted.parse::<Timestamp>(), held.parse::<Timestamp>()) {
                (Ok(wanted), Ok(held)) => wanted.as_second() == held.as_second(),
                (_, _) => wanted == held,
            }
        }
        // GHL keeps some of the mark-up and not other.
        (RecordKind::Task | RecordKind::Note, "body", Value::String(wanted), Some(Value::String(held))) => {
            let (one, other) = (html_to_text(wanted), html_to_text(held));
            wanted.trim() == held.trim() || (!one.trim().is_empty() && words(&one) == words(&other))
        }
        // What is not done is open.
        (RecordKind::Task, "completed", Value::Bool(wanted), None | Some(Value::Null)) => !*wanted,
        (_, _, wanted, held) => !differs(field, wanted, held),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_compared_as_ghl_keeps_them() {
        let alike = |kind, field, wanted: Value, held: Value| same(kind, field, &wanted, Some(&held));
        let (contact, task, note) = (RecordKind::Contact, RecordKind::Task, RecordKind::Note);
        assert!(alike(contact, "email", json!("Rosa@Example.com"), json!("rosa@example.com")));
        assert!(alike(contact, "phone", json!("(415) 555-0142"), json!("+14155550142")));
        assert!(!alike(contact, "phone", json!("+14155550143"), json!("+14155550142")));
        assert!(alike(contact, "firstName", json!(null), json!("")));
        assert!(!alike(contact, "firstName", json!("Rosa"), json!("rosa")), "a name's spelling counts");
        assert!(alike(task, "dueDate", json!("2026-11-22T09:30:00.000Z"), json!("2026-11-22T10:30:00+01:00")));
        assert!(alike(note, "body", json!("<p>Called &amp; left word</p>"), json!("Called & left word")));
        assert!(!alike(note, "body", json!("<img src=a>"), json!("<img src=b>")), "no text is no likeness");
        assert!(same(task, "completed", &json!(false), None));
        assert!(!same(task, "completed", &json!(true), None));
    }
}

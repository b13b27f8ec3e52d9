//! What of an upsert differs from the contact that is there, and so has to be written. Pure.

use super::same::{same_email, same_phone, words};
use crate::domain::{
    contact::Contact,
    write::{Fields, Tag},
};
use serde_json::{Map, Value, json};

/// The upsert's one property that is no field of a contact.
pub(super) const ALWAYS_NEW: &str = "createNewIfDuplicateAllowed";

/// What GHL takes when a contact is made, and not in a PUT (reference: "Contact write bodies").
pub(crate) const NOT_IN_PUT: &[&str] = &["gender", "companyName"];
const NAMES: &[&str] = &["name", "firstName", "lastName"];

/// What has to be written, and what is not.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes {
    /// For the PUT.
    pub(super) put: Fields,
    /// To be added; a PUT would replace those that are there.
    pub(super) tags: Vec<Tag>,
    /// Asked for and left as it is: GHL could only write it by losing something, or not at all.
    pub(super) kept: Vec<&'static str>,
}

/// Compares what is asked for with what is held.
pub(super) fn changes(fields: &Fields, held: &Contact) -> Changes {
    let record = match serde_json::to_value(held) {
        Ok(Value::Object(record)) => record,
        Ok(_) | Err(_) => Map::new(),
    };
    let mut found = Changes::default();
    for (name, wanted) in fields.as_map() {
        match name.as_str() {
            "locationId" | ALWAYS_NEW => {}
            "email" => found.identity("email", wanted, held.email.as_deref(), |wanted| {
                holds(&held.email, &held.additional_emails, |own| same_email(wanted, Some(own)))
            }),
            "phone" => found.identity("phone", wanted, held.phone.as_deref(), |wanted| {
                holds(&held.phone, &held.additional_phones, |own| same_phone(wanted, Some(own)))
            }),
            "tags" => found.tags = missing_tags(wanted, &held.tags),
            "customFields" => found.set(name, other_custom_fields(wanted, held)),
            "name" | "firstName" | "lastName" => {}
            name => {
                if differs(name, wanted, record.get(name)) {
                    match NOT_IN_PUT.iter().find(|&&only| only == name) {
                        Some(kept) => found.kept.push(kept),
                        None => found.set(name, Some(wanted.clone())),
                    }
                }
            }
        }
    }
    found.names(fields, &record);
    found
}

impl Changes {
    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.put.as_map().is_empty() && self.tags.is_empty()
    }

    fn set(&mut self, name: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.put.0.insert(name.to_owned(), value);
        }
    }

    /// Another address or number than the one held is not written: it would take its place, and GHL keeps no further ones
    /// that it is given.
    fn identity(&mut self, name: &'static str, wanted: &Value, held: Option<&str>, has: impl Fn(&str) -> bool) {
        let Some(text) = wanted.as_str().filter(|text| !text.trim().is_empty()) else { return };
        if has(text) {
            return;
        }
        match held {
            Some(_) => self.kept.push(name),
            None => self.set(name, Some(wanted.clone())),
        }
    }

    /// A whole name alone is split by GHL; beside its parts it says nothing. The parts go together or not at all, so that
    /// GHL splits nothing it was given.
    fn names(&mut self, fields: &Fields, record: &Map<String, Value>) {
        let parts = fields.as_map().contains_key("firstName") || fields.as_map().contains_key("lastName");
        let asked = || NAMES.iter().filter(|&&name| !parts || name != "name").copied();
        let differ =
            asked().any(|name| fields.as_map().get(name).is_some_and(|wanted| differs(name, wanted, record.get(name))));
        if differ {
            for name in asked() {
                self.set(name, fields.as_map().get(name).cloned());
            }
        }
    }
}

fn holds(own: &Option<String>, further: &[String], same: impl Fn(&str) -> bool) -> bool {
    own.iter().chain(further).any(|held| same(held))
}

/// Tags are compared as GHL keeps them: in lower case.
fn missing_tags(wanted: &Value, held: &[String]) -> Vec<Tag> {
    let held: Vec<String> = held.iter().map(|tag| tag.to_lowercase()).collect();
    let mut missing: Vec<Tag> = Vec::new();
    for tag in wanted.as_array().into_iter().flatten().filter_map(Value::as_str) {
        let tag = Tag::parse(tag).ok().filter(|tag| !held.iter().any(|own| own == tag.as_str()));
        missing.extend(tag.filter(|tag| !missing.contains(tag)));
    }
    missing
}

/// Custom fields are merged by id, so only those that differ go. One that is named by its key alone cannot be compared.
fn other_custom_fields(wanted: &Value, held: &Contact) -> Option<Value> {
    let same = |entry: &&Value| {
        let id = entry.get("id").and_then(Value::as_str);
        let value = ["field_value", "fieldValue", "value"].iter().find_map(|&key| entry.get(key));
        let own = held.custom_fields.iter().find(|field| Some(field.id.as_str()) == id).map(|field| &field.value);
        id.is_some() && same_value(value, own)
    };
    let others: Vec<&Value> = wanted.as_array()?.iter().filter(|entry| !same(entry)).collect();
    (!others.is_empty()).then(|| json!(others))
}

/// Whether a field of a contact's would change.
pub(crate) fn differs(name: &str, wanted: &Value, held: Option<&Value>) -> bool {
    match (name, wanted, held) {
        ("dateOfBirth", Value::String(wanted), Some(Value::String(held))) => match (day(wanted), day(held)) {
            (Some(wanted), Some(held)) => wanted != held,
            (_, _) => wanted != held,
        },
        (_, Value::Object(wanted), Some(Value::Object(held))) => wanted.iter().any(|(key, value)| {
            let status = |value: &Value| value.get("status").cloned();
            held.get(key).is_none_or(|held| held != value && (status(held) != status(value) || !is_bare(value)))
        }),
        (_, wanted, held) => !same_value(Some(wanted), held),
    }
}

/// A setting that says nothing but its status.
fn is_bare(setting: &Value) -> bool {
    setting.as_object().is_some_and(|setting| setting.keys().all(|key| key == "status"))
}

/// Equal, or both nothing; texts but for white space, and a number as its digits.
fn same_value(wanted: Option<&Value>, held: Option<&Value>) -> bool {
    match (wanted.unwrap_or(&Value::Null), held.unwrap_or(&Value::Null)) {
        (Value::String(text), Value::Null) | (Value::Null, Value::String(text)) => text.trim().is_empty(),
        (Value::String(wanted), Value::String(held)) => words(wanted) == words(held),
        (Value::String(text), Value::Number(number)) | (Value::Number(number), Value::String(text)) => {
            text.trim() == number.to_string()
        }
        (Value::Number(wanted), Value::Number(held)) => wanted.as_f64() == held.as_f64(),
        (wanted, held) => wanted == held,
    }
}

/// A day of birth: `YYYY-MM-DD` or `MM-DD-YYYY` with GHL's four separators; a time after it does not count.
fn day(text: &str) -> Option<(u16, u8, u8)> {
    let text = text.split(['T', ' ']).next()?;
    let mut parts = text.split(['-', '/', '.', '_']);
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, month, day) = if a.len() == 4 { (a, b, c) } else { (c, a, b) };
    Some((year.parse().ok()?, month.parse().ok()?, day.parse().ok()?))
}

#[cfg(test)]
mod tests;

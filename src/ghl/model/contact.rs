//! A contact in its three shapes: by id, search hit, list entry.

use super::{
    NoId, Reading,
    attribution::attribution,
    fields::{Fields, Zoneless, text},
};
use crate::domain::{
    contact::{Contact, CustomField},
    ids::{BusinessId, ContactId, LocationId},
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

/// Lower-case twins of fields we have, the trace of one answer, and a search hit's cursor.
const DROPPED: &[&str] =
    &["firstNameLowerCase", "lastNameLowerCase", "fullNameLowerCase", "emailLowerCase", "traceId", "searchAfter"];

/// Names our contact uses for something of its own.
const OURS: &[&str] = &["attribution"];

/// Reads a contact.
///
/// # Errors
/// [`NoId`] where it is no object or has no usable id.
pub fn contact(record: Value, reading: &Reading) -> Result<Contact, NoId> {
    let mut fields = Fields::new(record, reading)?;
    let id = fields.own_id(ContactId::parse)?;
    let first_name = own_spelling(&mut fields, "firstNameRaw", "firstName");
    let last_name = own_spelling(&mut fields, "lastNameRaw", "lastName");
    let name = match fields.text(&["name", "contactName"]) {
        given if reading.redact.covers("name") => given,
        given => full_name(given, first_name.as_deref(), last_name.as_deref()),
    };
    Ok(Contact {
        id,
        name,
        first_name,
        last_name,
        location_id: fields.id(&["locationId"], LocationId::parse),
        kind: fields.text(&["type"]),
        email: fields.text(&["email"]),
        phone: fields.text(&["phone"]),
        additional_emails: fields.texts(&["additionalEmails"], &["email", "value"]),
        additional_phones: fields.texts(&["additionalPhones"], &["phone", "phoneNumber", "value"]),
        company_name: fields.text(&["companyName", "businessName"]),
        business_id: fields.id(&["businessId"], BusinessId::parse),
        address1: fields.text(&["address1", "address"]),
        city: fields.text(&["city"]),
        state: fields.text(&["state"]),
        postal_code: fields.text(&["postalCode"]),
        country: fields.text(&["country"]),
        timezone: fields.text(&["timezone"]),
        website: fields.text(&["website"]),
        date_of_birth: date_of_birth(&mut fields),
        source: fields.text(&["source"]),
        assigned_to: fields.text(&["assignedTo"]),
        followers: fields.texts(&["followers"], &["id"]),
        dnd: fields.flag(&["dnd"]),
        tags: fields.texts(&["tags"], &["name"]),
        custom_fields: custom_fields(&mut fields),
        attribution: attribution(&mut fields),
        date_added: fields.instant(&["dateAdded"], Zoneless::Utc),
        date_updated: fields.instant(&["dateUpdated"], Zoneless::Utc),
        last_activity: fields.instant(&["lastActivity"], Zoneless::Utc),
        extra: fields.rest(OURS, DROPPED),
    })
}

/// The list shape lower-cases a name and keeps the person's spelling beside it, as `…Raw`.
fn own_spelling(fields: &mut Fields, raw: &'static str, name: &'static str) -> Option<String> {
    let (raw, name) = (fields.text(&[raw]), fields.text(&[name]));
    raw.or(name)
}

/// The name GHL gives; in the person's own spelling where GHL's is the same in other case, and composed where GHL gives
/// none (by id it often does not).
fn full_name(given: Option<String>, first: Option<&str>, last: Option<&str>) -> Option<String> {
    let composed = match (first.map(str::trim), last.map(str::trim)) {
        (Some(first), Some(last)) => format!("{first} {last}"),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => return given,
    };
    match given {
        Some(given) if given.to_lowercase() != composed.to_lowercase() => Some(given),
        Some(_) | None => Some(composed),
    }
}

/// Kept as it came, save for epoch milliseconds, which become the day they mean.
fn date_of_birth(fields: &mut Fields) -> Option<String> {
    fields.take(&["dateOfBirth"], |value| {
        let milliseconds = value.as_i64();
        let day = milliseconds.and_then(|at| Timestamp::from_millisecond(at).ok());
        match day {
            Some(at) => Ok(Some(at.to_zoned(TimeZone::UTC).date().to_string())),
            None => text(value),
        }
    })
}

fn custom_fields(fields: &mut Fields) -> Vec<CustomField> {
    let mut read = Vec::new();
    let mut odd = Vec::new();
    for entry in fields.entries(&["customFields", "customField"]) {
        match custom_field(entry) {
            Ok(field) => read.push(field),
            Err(raw) => odd.push(raw),
        }
    }
    if !odd.is_empty() {
        fields.set_aside("customFields", Value::Array(odd));
    }
    read
}

/// `{id, value}`, or `{id, field_value}` as it is written.
fn custom_field(entry: Value) -> Result<CustomField, Value> {
    let Some(id) = entry.get("id").cloned().and_then(|id| text(id).ok().flatten()) else { return Err(entry) };
    let Value::Object(mut map) = entry else { return Err(entry) };
    let values =
        ["value", "field_value", "fieldValue"].map(|key| map.get_mut(key).map(Value::take).unwrap_or_default());
    Ok(CustomField { id, value: values.into_iter().find(|value| !value.is_null()).unwrap_or_default() })
}

//! What create, update and upsert have in common: which properties each may carry, and how a checked body changes a
//! contact.

use serde_json::{Map, Value};

use super::body::{Holds, Property, birth_date, may, must};
use super::{Version, custom_fields, errors, shapes};
use crate::model::{Contact, FieldDefinition};
use crate::state::State;
use crate::wire::Reply;

/// `POST /contacts/`
pub(crate) const CREATE: &[Property] = &[
    must("locationId", Holds::Text),
    may("firstName", Holds::NullableText),
    may("lastName", Holds::NullableText),
    may("name", Holds::NullableText),
    may("email", Holds::NullableText),
    may("phone", Holds::NullableText),
    may("address1", Holds::NullableText),
    may("city", Holds::NullableText),
    may("state", Holds::NullableText),
    may("website", Holds::NullableText),
    may("timezone", Holds::NullableText),
    may("companyName", Holds::NullableText),
    may("gender", Holds::Text),
    may("postalCode", Holds::Text),
    may("source", Holds::Text),
    may("country", Holds::Text),
    may("assignedTo", Holds::Text),
    may("dnd", Holds::Flag),
    may("dndSettings", Holds::DndSettings),
    may("inboundDndSettings", Holds::InboundDnd),
    may("tags", Holds::Texts),
    may("customFields", Holds::CustomFields),
    may("dateOfBirth", Holds::BirthDate),
];

/// `PUT /contacts/{id}`: as create without `locationId`, `gender`, `companyName`.
pub(crate) const UPDATE: &[Property] = &[
    may("firstName", Holds::NullableText),
    may("lastName", Holds::NullableText),
    may("name", Holds::NullableText),
    may("email", Holds::NullableText),
    may("phone", Holds::NullableText),
    may("address1", Holds::NullableText),
    may("city", Holds::NullableText),
    may("state", Holds::NullableText),
    may("website", Holds::NullableText),
    may("timezone", Holds::NullableText),
    may("postalCode", Holds::Text),
    may("source", Holds::NullableText),
    may("country", Holds::Text),
    may("assignedTo", Holds::NullableText),
    may("dnd", Holds::Flag),
    may("dndSettings", Holds::DndSettings),
    may("inboundDndSettings", Holds::InboundDnd),
    may("tags", Holds::Texts),
    may("customFields", Holds::CustomFields),
    may("dateOfBirth", Holds::BirthDate),
];

/// Properties that are stored as they come.
const PLAIN: &[&str] = &[
    "firstName",
    "lastName",
    "email",
    "phone",
    "address1",
    "city",
    "state",
    "website",
    "timezone",
    "companyName",
    "gender",
    "postalCode",
    "source",
    "country",
    "assignedTo",
];

/// Brings `email` and `phone` into the form in which they are stored and compared.
pub(crate) fn normalise(state: &mut State, body: &mut Map<String, Value>, country: &str) -> Result<(), Reply> {
    if let Some(email) = text(body, "email") {
        let looks_right = email.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'));
        if !looks_right || email.contains(char::is_whitespace) {
            return Err(errors::invalid(state, "email must be an email"));
        }
    }
    if let Some(phone) = text(body, "phone") {
        let number = e164(&phone, country).map_err(|message| errors::bad_request(state, message))?;
        body.insert("phone".to_owned(), number.into());
    }
    Ok(())
}

/// A phone number as GHL returns it; the messages are those of the phone library.
pub(crate) fn e164(phone: &str, country: &str) -> Result<String, &'static str> {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let strange = phone.chars().any(|c| !c.is_ascii_digit() && !"+ -().".contains(c));
    if strange || digits.is_empty() {
        return Err("The string supplied did not seem to be a phone number");
    }
    let international = phone.trim_start().starts_with('+');
    match digits.len() {
        0..7 => Err("The string supplied is too short to be a phone number"),
        16.. => Err("The string supplied is too long to be a phone number"),
        _ if international && digits.starts_with('0') => Err("Invalid country calling code"),
        _ if international => Ok(format!("+{digits}")),
        10 if matches!(country, "US" | "CA") => Ok(format!("+1{digits}")),
        _ if digits.starts_with('0') => Err("Invalid country calling code"),
        _ => Ok(format!("+{digits}")),
    }
}

/// Applies a checked and normalised body. Absent keys leave a contact as it is; `tags` replaces all tags.
pub(crate) fn apply(contact: &mut Contact, body: &Map<String, Value>, version: Version, fields: &[FieldDefinition]) {
    split_name(contact, body);
    for key in PLAIN {
        match body.get(*key) {
            Some(Value::Null) => drop(contact.fields.remove(*key)),
            Some(value) => contact.set(key, value.clone()),
            None => {}
        }
    }
    if let Some(tags) = tags_of(body) {
        contact.tags = Some(tags);
    }
    if let Some(dnd) = body.get("dnd").and_then(Value::as_bool) {
        contact.dnd = dnd;
    }
    for (key, setting) in body.get("dndSettings").and_then(Value::as_object).into_iter().flatten() {
        if let Some(key) = shapes::dnd_key_in(key, version) {
            contact.dnd_settings.insert(key.to_owned(), setting.clone());
        }
    }
    if let Some(inbound) = body.get("inboundDndSettings") {
        contact.inbound_dnd = Some(inbound.clone());
    }
    match body.get("dateOfBirth") {
        Some(Value::Null) => drop(contact.fields.remove("dateOfBirth")),
        Some(Value::String(date)) => contact.set("dateOfBirth", birth_date(date).unwrap_or_default()),
        _ => {}
    }
    custom_fields::merge(contact, body.get("customFields"), fields);
}

/// `name` fills first and last name unless these are given themselves.
fn split_name(contact: &mut Contact, body: &Map<String, Value>) {
    let Some(name) = text(body, "name") else { return };
    if body.contains_key("firstName") || body.contains_key("lastName") {
        return;
    }
    let (first, last) = name.trim().split_once(' ').unwrap_or((name.trim(), ""));
    contact.set("firstName", first);
    contact.set("lastName", last.trim());
}

/// Lower-cased, without repeats, in the order given.
pub(crate) fn lower_tags<'a>(tags: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for tag in tags.map(str::to_lowercase) {
        if !tag.is_empty() && !out.contains(&tag) {
            out.push(tag);
        }
    }
    out
}

/// The `tags` of a body, if it has any to say.
pub(crate) fn tags_of(body: &Map<String, Value>) -> Option<Vec<String>> {
    let tags = body.get("tags")?.as_array()?;
    Some(lower_tags(tags.iter().filter_map(Value::as_str)))
}

/// A string of the body that is not empty.
pub(crate) fn text(body: &Map<String, Value>, key: &str) -> Option<String> {
    body.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_become_e164_or_are_refused_in_the_librarys_words() {
        assert_eq!(e164("+1 (415) 555-0142", "AU").as_deref(), Ok("+14155550142"));
        assert_eq!(e164("415 555 0142", "US").as_deref(), Ok("+14155550142"));
        assert_eq!(e164("+0123456789", "US"), Err("Invalid country calling code"));
        assert_eq!(e164("12", "US"), Err("The string supplied is too short to be a phone number"));
        assert!(e164("call me", "US").is_err());
        assert!(e164("", "US").is_err());
    }
}

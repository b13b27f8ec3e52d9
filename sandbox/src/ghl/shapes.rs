//! The three shapes of a contact. By id: absent keys are left out. In the list: explicit nulls, lower-cased names,
//! `attributions[]`. In a search: `address` for the street, `searchAfter`. Plus notes, tasks and appointments.

use serde_json::{Map, Value, json};

use super::Version;
use crate::clock::{iso, zoneless};
use crate::model::{Appointment, Contact, Note, Task};

/// Plain fields that the by-id shape shows as they are.
const BY_ID_FIELDS: &[&str] = &[
    "email",
    "phone",
    "timezone",
    "companyName",
    "source",
    "assignedTo",
    "address1",
    "city",
    "state",
    "country",
    "postalCode",
    "website",
    "dateOfBirth",
    "businessId",
    "visitorId",
];
const LIST_FIELDS: &[&str] = &[
    "companyName",
    "email",
    "phone",
    "source",
    "assignedTo",
    "city",
    "state",
    "postalCode",
    "address1",
    "country",
    "website",
    "timezone",
    "dateOfBirth",
    "businessId",
];
const SEARCH_FIELDS: &[&str] = &[
    "email",
    "phone",
    "phoneLabel",
    "city",
    "state",
    "country",
    "postalCode",
    "companyName",
    "businessId",
    "source",
    "assignedTo",
    "website",
    "timezone",
    "dateOfBirth",
];
const DND_CASING: &[(&str, &str)] =
    &[("Call", "call"), ("Email", "email"), ("SMS", "sms"), ("WhatsApp", "whatsApp"), ("GMB", "gmb"), ("FB", "fb")];

/// Attribution keys: by-id and search spelling, then the list's.
const ATTRIBUTION_KEYS: &[(&str, &str)] = &[
    ("sessionSource", "utmSessionSource"),
    ("utmSource", "utmSource"),
    ("utmMedium", "utmMedium"),
    ("campaign", "utmCampaign"),
    ("campaignId", "utmCampaignId"),
    ("adId", "utmAdId"),
    ("utmContent", "utmContent"),
    ("utmTerm", "utmTerm"),
    ("utmKeyword", "utmKeyword"),
    ("gclid", "utmGclid"),
    ("fbclid", "utmFbclid"),
    ("gbraid", "gbraid"),
    ("fbc", "fbc"),
    ("fbp", "fbp"),
    ("url", "pageUrl"),
    ("referrer", "referrer"),
    ("ip", "ip"),
    ("userAgent", "userAgent"),
    ("adSource", "adSource"),
    ("medium", "medium"),
    ("mediumId", "mediumId"),
];

/// The answer to a read by id; what was set raw is given as it is.
pub(crate) fn by_id(contact: &Contact, version: Version) -> Value {
    if let Some(raw) = &contact.raw {
        return raw.get("contact").unwrap_or(raw).clone();
    }
    let mut out = Map::new();
    out.insert("id".to_owned(), contact.id.as_str().into());
    out.insert("locationId".to_owned(), contact.location_id.as_str().into());
    out.insert("type".to_owned(), "lead".into());
    names(contact, &mut out);
    copy(contact, BY_ID_FIELDS, &mut out);
    if let Some(email) = contact.text("email") {
        out.insert("emailLowerCase".to_owned(), email.to_lowercase().into());
    }
    out.insert("tags".to_owned(), contact.tags.clone().into());
    out.insert("customFields".to_owned(), custom_fields(contact));
    dnd(contact, version, &mut out);
    extras(contact, &mut out);
    out.insert("attributionSource".to_owned(), contact.attribution.clone().unwrap_or_else(|| json!({})));
    out.insert("lastAttributionSource".to_owned(), contact.last_attribution.clone().unwrap_or_else(|| json!({})));
    out.insert("createdBy".to_owned(), contact.created_by.clone());
    dates(contact, &mut out);
    out.extend(contact.extra.clone());
    Value::Object(out)
}

/// What `POST /contacts/` answers before v3: a schema of its own.
pub(crate) fn created(contact: &Contact, version: Version) -> Value {
    let mut shape = by_id(contact, version);
    if let (false, Some(out)) = (version.is_v3(), shape.as_object_mut()) {
        for absent in ["attributionSource", "lastAttributionSource", "createdBy", "timezone"] {
            out.remove(absent);
        }
        for (key, value) in [("deleted", false), ("bounceEmail", false), ("unsubscribeEmail", false)] {
            out.insert(key.to_owned(), value.into());
        }
        out.insert("lastSessionActivityAt".to_owned(), iso(contact.added).into());
        for key in ["offers", "products"] {
            out.insert(key.to_owned(), json!([]));
        }
        if let Some((month, day)) = contact.text("dateOfBirth").and_then(birthday) {
            out.insert("birthMonth".to_owned(), month.into());
            out.insert("birthDay".to_owned(), day.into());
        }
    }
    shape
}

fn birthday(date: &str) -> Option<(u8, u8)> {
    Some((date.get(5..7)?.parse().ok()?, date.get(8..10)?.parse().ok()?))
}

/// One row of `GET /contacts/` and of the business list.
pub(crate) fn in_list(contact: &Contact, version: Version) -> Value {
    let mut out = Map::new();
    let lower = |key: &str| contact.text(key).map(str::to_lowercase);
    out.insert("id".to_owned(), contact.id.as_str().into());
    out.insert("locationId".to_owned(), contact.location_id.as_str().into());
    out.insert(
        "contactName".to_owned(),
        nullable(Some(contact.full_name().to_lowercase()).filter(|name| !name.is_empty())),
    );
    out.insert("firstName".to_owned(), nullable(lower("firstName")));
    out.insert("lastName".to_owned(), nullable(lower("lastName")));
    out.insert("firstNameRaw".to_owned(), nullable(contact.text("firstName").map(str::to_owned)));
    out.insert("lastNameRaw".to_owned(), nullable(contact.text("lastName").map(str::to_owned)));
    for key in LIST_FIELDS {
        out.insert((*key).to_owned(), nullable(contact.text(key).map(str::to_owned)));
    }
    out.insert("type".to_owned(), "lead".into());
    out.insert("tags".to_owned(), contact.tags.clone().into());
    out.insert("customFields".to_owned(), custom_fields(contact));
    dnd(contact, version, &mut out);
    out.insert("additionalEmails".to_owned(), additional_emails(contact));
    out.insert("followers".to_owned(), contact.followers.clone().into());
    out.insert("attributions".to_owned(), attributions(contact));
    dates(contact, &mut out);
    Value::Object(out)
}

/// One hit of `POST /contacts/search`.
pub(crate) fn in_search(contact: &Contact, version: Version, cursor: Value) -> Value {
    let mut out = Map::new();
    out.insert("id".to_owned(), contact.id.as_str().into());
    out.insert("locationId".to_owned(), contact.location_id.as_str().into());
    out.insert("contactName".to_owned(), contact.full_name().to_lowercase().into());
    names(contact, &mut out);
    out.remove("fullNameLowerCase");
    copy(contact, SEARCH_FIELDS, &mut out);
    out.insert("address".to_owned(), nullable(contact.text("address1").map(str::to_owned)));
    out.insert("businessName".to_owned(), nullable(contact.text("companyName").map(str::to_owned)));
    out.insert("type".to_owned(), "lead".into());
    out.insert("validEmail".to_owned(), Value::Null);
    out.insert("tags".to_owned(), contact.tags.clone().into());
    out.insert("customFields".to_owned(), custom_fields(contact));
    dnd(contact, version, &mut out);
    if contact.id.bytes().map(usize::from).sum::<usize>().is_multiple_of(5) {
        out.remove("dndSettings");
    }
    extras(contact, &mut out);
    out.insert("opportunities".to_owned(), json!([]));
    out.insert("attributionSource".to_owned(), contact.attribution.clone().unwrap_or_else(|| json!({})));
    out.insert("lastAttributionSource".to_owned(), contact.last_attribution.clone().unwrap_or_else(|| json!({})));
    dates(contact, &mut out);
    out.insert("searchAfter".to_owned(), cursor);
    out.extend(contact.extra.clone());
    Value::Object(out)
}

fn names(contact: &Contact, out: &mut Map<String, Value>) {
    for (key, lower) in [("firstName", "firstNameLowerCase"), ("lastName", "lastNameLowerCase")] {
        if let Some(name) = contact.text(key) {
            out.insert(key.to_owned(), name.into());
            out.insert(lower.to_owned(), name.to_lowercase().into());
        }
    }
    let full = contact.full_name();
    if !full.is_empty() {
        out.insert("fullNameLowerCase".to_owned(), full.to_lowercase().into());
    }
}

fn copy(contact: &Contact, keys: &[&str], out: &mut Map<String, Value>) {
    for key in keys {
        if let Some(value) = contact.fields.get(*key) {
            out.insert((*key).to_owned(), value.clone());
        }
    }
}

fn custom_fields(contact: &Contact) -> Value {
    contact.custom_fields.iter().map(|(id, value)| json!({"id": id, "value": value})).collect()
}

fn additional_emails(contact: &Contact) -> Value {
    contact.additional_emails.iter().map(|email| json!({"email": email})).collect()
}

fn extras(contact: &Contact, out: &mut Map<String, Value>) {
    out.insert("additionalEmails".to_owned(), additional_emails(contact));
    out.insert("additionalPhones".to_owned(), contact.additional_phones.clone().into());
    out.insert("followers".to_owned(), contact.followers.clone().into());
}

fn dates(contact: &Contact, out: &mut Map<String, Value>) {
    out.insert("dateAdded".to_owned(), iso(contact.added).into());
    out.insert("dateUpdated".to_owned(), iso(contact.updated).into());
}

fn dnd(contact: &Contact, version: Version, out: &mut Map<String, Value>) {
    out.insert("dnd".to_owned(), contact.dnd.into());
    if !contact.dnd_settings.is_empty() {
        let cased =
            contact.dnd_settings.iter().map(|(key, value)| (dnd_key_out(key, version), value.clone())).collect();
        out.insert("dndSettings".to_owned(), Value::Object(cased));
    }
    if let Some(inbound) = &contact.inbound_dnd {
        out.insert("inboundDndSettings".to_owned(), inbound.clone());
    }
}

fn dnd_key_out(key: &str, version: Version) -> String {
    let row = DND_CASING.iter().find(|(old, _)| version.is_v3() && *old == key);
    row.map_or(key, |(_, new)| new).to_owned()
}

/// The stored spelling of a channel as a caller of this version writes it.
pub(crate) fn dnd_key_in(key: &str, version: Version) -> Option<&'static str> {
    let row = DND_CASING.iter().find(|(old, new)| key == if version.is_v3() { *new } else { *old });
    row.map(|(old, _)| *old)
}

fn attributions(contact: &Contact) -> Value {
    let first = contact.attribution.as_ref().map(|source| (source, "isFirst"));
    let last = contact.last_attribution.as_ref().map(|source| (source, "isLast"));
    let rows = [first, last].into_iter().flatten();
    rows.filter(|(source, _)| source.as_object().is_some_and(|map| !map.is_empty()))
        .map(|(source, flag)| {
            let mut row = Map::new();
            for (from, to) in ATTRIBUTION_KEYS {
                if let Some(value) = source.get(from) {
                    row.insert((*to).to_owned(), value.clone());
                }
            }
            row.insert(flag.to_owned(), true.into());
            Value::Object(row)
        })
        .collect()
}

fn nullable(text: Option<String>) -> Value {
    text.map_or(Value::Null, Value::String)
}

pub(crate) fn note(note: &Note, contact_id: &str) -> Value {
    let mut out = json!({
        "id": note.id, "body": note.body, "contactId": contact_id, "dateAdded": iso(note.added),
    });
    let optional = [
        ("userId", note.user_id.clone().map(Value::String)),
        ("title", note.title.clone().map(Value::String)),
        ("color", note.color.clone().map(Value::String)),
        ("pinned", note.pinned.map(Value::Bool)),
        ("dateUpdated", (note.updated != note.added).then(|| iso(note.updated).into())),
    ];
    insert_some(&mut out, optional);
    out
}

pub(crate) fn task(task: &Task, contact_id: &str) -> Value {
    let mut out = json!({
        "id": task.id, "title": task.title, "dueDate": iso(task.due), "completed": task.completed,
        "contactId": contact_id,
    });
    let optional =
        [("body", task.body.clone().map(Value::String)), ("assignedTo", task.assigned_to.clone().map(Value::String))];
    insert_some(&mut out, optional);
    out
}

pub(crate) fn appointment(event: &Appointment, contact: &Contact) -> Value {
    let mut out = json!({
        "id": event.id, "calendarId": event.calendar_id, "status": "booked", "title": event.title,
        "startTime": zoneless(event.start), "endTime": zoneless(event.end), "locationId": contact.location_id,
        "contactId": contact.id, "appointmentStatus": event.status, "appoinmentStatus": event.status,
        "users": [], "dateAdded": iso(event.added), "dateUpdated": iso(event.updated), "assignedResources": [],
    });
    let optional = [
        ("assignedUserId", event.assigned_user_id.clone().map(Value::String)),
        ("notes", event.notes.clone().map(Value::String)),
        ("address", event.address.clone().map(Value::String)),
    ];
    insert_some(&mut out, optional);
    out
}

fn insert_some<const N: usize>(out: &mut Value, optional: [(&str, Option<Value>); N]) {
    let Some(map) = out.as_object_mut() else { return };
    for (key, value) in optional {
        if let Some(value) = value {
            map.insert(key.to_owned(), value);
        }
    }
}

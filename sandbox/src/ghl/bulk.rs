//! Many contacts in one call: tags with a result per row, and businesses.

use serde_json::{Map, Value, json};

use super::body::{self, Holds, Property, may, must};
use super::{Answer, Ctx, contacts, errors, succeeded, success, tags, write};
use crate::state::State;
use crate::webhooks::events::{self, Kind};

const TAGS: &[Property] = &[
    must("contacts", Holds::Texts),
    must("tags", Holds::Texts),
    must("locationId", Holds::Text),
    may("removeAllTags", Holds::Flag),
];
const BUSINESS: &[Property] =
    &[must("locationId", Holds::Text), must("ids", Holds::Texts), must("businessId", Holds::NullableText)];
const BUSINESS_MAX: usize = 50;

/// `POST /contacts/bulk/tags/update/{type}`: rows may fail, the call is a 201 all the same.
pub(crate) fn tags(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let add = match ctx.param("type") {
        "add" => true,
        "remove" => false,
        _ => return Err(errors::invalid(state, "type must be one of the following values: add, remove")),
    };
    let sent = ctx.json(state)?;
    contacts::require_sent_location(state, ctx, &sent)?;
    let body = body::check(state, ctx.version, sent, TAGS)?;
    let all = body.get("removeAllTags") == Some(&Value::Bool(true));
    if add && all {
        return Err(errors::invalid(state, "removeAllTags can only be used with type remove"));
    }
    let tags = write::tags_of(&body).unwrap_or_default();
    let rows: Vec<Value> = texts(&body, "contacts").map(|id| row(state, ctx, id, &tags, Change { add, all })).collect();
    let failed = rows.iter().filter(|row| row["type"] == "error").count();
    let mut members = succeeded(ctx.version);
    members.insert("errorCount".to_owned(), failed.into());
    members.insert("responses".to_owned(), rows.into());
    success(state, 201, Value::Object(members))
}

#[derive(Clone, Copy)]
struct Change {
    add: bool,
    /// Every tag goes, whatever the list says.
    all: bool,
}

fn row(state: &mut State, ctx: &Ctx<'_>, id: &str, wanted: &[String], change: Change) -> Value {
    let problem = match state.contacts.get(id) {
        _ if !is_firebase_id(id) => Some("contact id is not a valid firebase id"),
        None => Some("contact is deleted"),
        Some(contact) if contact.location_id != ctx.location() => Some("contact does not belong to location"),
        Some(_) => None,
    };
    if let Some(message) = problem {
        return json!({"contactId": id, "message": message, "type": "error", "oldTags": [], "tagsAdded": [], "tagsRemoved": []});
    }
    let old = tags::current(state, id);
    let (added, removed) = if change.add {
        (tags::add_to(state, id, wanted), Vec::new())
    } else {
        let gone = if change.all { old.clone() } else { wanted.to_vec() };
        (Vec::new(), tags::remove_from(state, id, &gone))
    };
    json!({
        "contactId": id, "message": "Tags updated", "type": "success", "oldTags": old, "tagsAdded": added,
        "tagsRemoved": removed,
    })
}

fn is_firebase_id(id: &str) -> bool {
    id.len() == 20 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// `POST /contacts/bulk/business`: `businessId` null detaches.
pub(crate) fn business(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let sent = ctx.json(state)?;
    contacts::require_sent_location(state, ctx, &sent)?;
    let body = body::check(state, ctx.version, sent, BUSINESS)?;
    let ids: Vec<String> = texts(&body, "ids").map(str::to_owned).collect();
    if ids.len() > BUSINESS_MAX {
        return Err(errors::invalid(state, "ids must contain no more than 50 elements"));
    }
    let business = write::text(&body, "businessId");
    let mut done = Vec::new();
    for id in ids {
        let ours = state.contacts.get(&id).is_some_and(|contact| contact.location_id == ctx.location());
        if let (true, Some(contact)) = (ours, state.contact_mut(&id)) {
            match &business {
                Some(business) => contact.set("businessId", business.as_str()),
                None => drop(contact.fields.remove("businessId")),
            }
            state.changed(&id);
            events::contact(state, Kind::ContactUpdate, &id);
            done.push(id);
        }
    }
    success(state, 200, json!({"success": true, "ids": done}))
}

fn texts<'a>(body: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a str> {
    body.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

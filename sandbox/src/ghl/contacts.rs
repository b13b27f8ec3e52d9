//! One contact: read, create, update, delete.

use serde_json::{Map, Value, json};

use super::duplicates::{self, Existing};
use super::{Answer, Ctx, body, custom_fields, errors, shapes, succeeded, success, write};
use crate::model::Contact;
use crate::state::State;
use crate::webhooks::events::{self, Kind};
use crate::wire::Reply;

/// Which of GHL's two wordings a route uses for a contact that is not there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wording {
    /// `Contact not found for id:…`
    Message,
    /// `{"error":"Contact with id … not found","status":400}`
    Error,
}

/// The id of the path, if it names a contact of the token's location.
pub(crate) fn require(state: &mut State, ctx: &Ctx<'_>, wording: Wording) -> Result<String, Reply> {
    let id = ctx.contact_id().to_owned();
    match state.contacts.get(&id).map(|contact| contact.location_id == ctx.location()) {
        Some(true) => Ok(id),
        Some(false) => Err(errors::no_access_to_location(state)),
        None => Err(match wording {
            Wording::Message => errors::contact_not_found(state, &id),
            Wording::Error => errors::contact_with_id_not_found(&id),
        }),
    }
}

pub(crate) fn get(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let id = require(state, ctx, Wording::Message)?;
    let Some(contact) = state.contacts.get(&id) else { return Err(errors::contact_not_found(state, &id)) };
    if let Some(raw) = &contact.raw {
        return Ok(Reply::json(200, raw));
    }
    let shape = shapes::by_id(contact, ctx.version);
    success(state, 200, json!({"contact": shape}))
}

pub(crate) fn create(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let sent = ctx.json(state)?;
    require_sent_location(state, ctx, &sent)?;
    let mut body = body::check(state, ctx.version, sent, write::CREATE)?;
    if body.len() == 1 {
        return Err(errors::bad_request_saying_422(state, "at least one property besides locationId is required"));
    }
    write::normalise(state, &mut body, &country_of(state, ctx.location()))?;
    let policy = duplicates::policy(state, ctx.location());
    if !policy.allow
        && let Some(existing) = duplicates::find(state, ctx.location(), &policy.identifiers, &body, None)
    {
        return Err(refuse(state, &existing));
    }
    let id = insert(state, ctx, &body);
    let shape = state.contacts.get(&id).map(|contact| shapes::created(contact, ctx.version));
    success(state, 201, json!({"contact": shape}))
}

/// Stores a new contact from a checked body.
pub(crate) fn insert(state: &mut State, ctx: &Ctx<'_>, body: &Map<String, Value>) -> String {
    let (id, now) = (state.rng.id20(), state.now());
    let stamp = json!({
        "source": "INTEGRATION", "channel": "API", "sourceId": ctx.token.owner, "timestamp": crate::clock::iso(now),
    });
    let mut contact = Contact {
        id: id.clone(),
        location_id: ctx.location().to_owned(),
        tags: Some(Vec::new()),
        attribution: Some(json!({"sessionSource": "CRM UI", "medium": "manual", "mediumId": null})),
        created_by: stamp,
        added: now,
        updated: now,
        ..Contact::default()
    };
    change(state, ctx, &mut contact, body);
    state.store_contact(contact);
    events::contact(state, Kind::ContactCreate, &id);
    id
}

/// Applies a body, tag definitions included.
pub(crate) fn change(state: &mut State, ctx: &Ctx<'_>, contact: &mut Contact, body: &Map<String, Value>) {
    let fields = state.locations.get(ctx.location()).map(|location| location.custom_fields.clone()).unwrap_or_default();
    write::apply(contact, body, ctx.version, &fields);
    let tags = write::tags_of(body).unwrap_or_default();
    state.define_tags(ctx.location(), &tags);
}

pub(crate) fn update(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let id = require(state, ctx, Wording::Message)?;
    let sent = ctx.json(state)?;
    let mut body = body::check(state, ctx.version, sent, write::UPDATE)?;
    write::normalise(state, &mut body, &country_of(state, ctx.location()))?;
    let policy = duplicates::policy(state, ctx.location());
    if !policy.allow
        && let Some(existing) = duplicates::find(state, ctx.location(), &policy.identifiers, &body, Some(&id))
    {
        return Err(refuse(state, &existing));
    }
    rewrite(state, ctx, &id, &body);
    let shape = state.contacts.get(&id).map(|contact| shapes::by_id(contact, ctx.version));
    let flag = if ctx.version.is_v3() { "succeeded" } else { "succeded" };
    success(state, 200, json!({flag: true, "contact": shape}))
}

/// Applies a body to a stored contact.
pub(crate) fn rewrite(state: &mut State, ctx: &Ctx<'_>, id: &str, body: &Map<String, Value>) {
    let Some(before) = state.contacts.get(id).cloned() else { return };
    let mut contact = before.clone();
    change(state, ctx, &mut contact, body);
    if let Some(stored) = state.contact_mut(id) {
        *stored = contact;
    }
    state.changed(id);
    let told = is_told(state, ctx, body);
    events::contact_rewritten(state, &before, told);
}

/// No `ContactUpdate` tells of inbound do-not-disturb and of file fields.
fn is_told(state: &State, ctx: &Ctx<'_>, body: &Map<String, Value>) -> bool {
    let fields = state.locations.get(ctx.location()).map(|location| location.custom_fields.as_slice());
    let silent = |(key, value): (&String, &Value)| match key.as_str() {
        "inboundDndSettings" => true,
        "customFields" => custom_fields::only_files(value, fields.unwrap_or_default()),
        _ => false,
    };
    body.is_empty() || !body.iter().all(silent)
}

pub(crate) fn delete(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let id = require(state, ctx, Wording::Message)?;
    events::contact(state, Kind::ContactDelete, &id);
    state.delete_contact(&id);
    success(state, 200, Value::Object(succeeded(ctx.version)))
}

/// The tenant guard looks at the raw body, before validation does; a missing `locationId` is left to validation.
pub(crate) fn require_sent_location(state: &mut State, ctx: &Ctx<'_>, sent: &Value) -> Result<(), Reply> {
    match sent.get("locationId").and_then(Value::as_str) {
        Some(given) => ctx.require_location(state, Some(given)),
        None => Ok(()),
    }
}

pub(crate) fn country_of(state: &State, location: &str) -> String {
    state.locations.get(location).map(|found| found.country.clone()).unwrap_or_default()
}

fn refuse(state: &mut State, existing: &Existing) -> Reply {
    errors::duplicate(state, &existing.id, &existing.name, existing.field)
}

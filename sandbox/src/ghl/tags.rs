//! Tags of one contact, as deltas: added or removed, lower-cased, never replaced.

use serde_json::json;

use super::body::{self, Holds, Property, must};
use super::contacts::{Wording, require};
use super::{Answer, Ctx, success, write};
use crate::state::State;
use crate::webhooks::events::{self, Kind};
use crate::wire::Reply;

const TAGS: &[Property] = &[must("tags", Holds::Texts)];

pub(crate) fn add(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let id = require(state, ctx, Wording::Message)?;
    let tags = read(state, ctx)?;
    let added = add_to(state, &id, &tags);
    success(state, 201, json!({"tags": current(state, &id), "tagsAdded": added}))
}

pub(crate) fn remove(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let id = require(state, ctx, Wording::Message)?;
    let tags = read(state, ctx)?;
    let removed = remove_from(state, &id, &tags);
    success(state, 200, json!({"tags": current(state, &id), "tagsRemoved": removed}))
}

fn read(state: &mut State, ctx: &Ctx<'_>) -> Result<Vec<String>, Reply> {
    let sent = ctx.json(state)?;
    let body = body::check(state, ctx.version, sent, TAGS)?;
    Ok(write::tags_of(&body).unwrap_or_default())
}

pub(crate) fn current(state: &State, id: &str) -> Vec<String> {
    state.contacts.get(id).map(|contact| contact.tags().to_vec()).unwrap_or_default()
}

/// Adds what is not there yet and returns it. New names become definitions of the location.
pub(crate) fn add_to(state: &mut State, id: &str, tags: &[String]) -> Vec<String> {
    let before = current(state, id);
    let new: Vec<String> = tags.iter().filter(|tag| !before.contains(tag)).cloned().collect();
    let location = state.contacts.get(id).map(|contact| contact.location_id.clone()).unwrap_or_default();
    state.define_tags(&location, tags);
    if !new.is_empty() {
        replace(state, id, [before, new.clone()].concat());
    }
    new
}

/// Removes what is there and returns it. Definitions stay.
pub(crate) fn remove_from(state: &mut State, id: &str, tags: &[String]) -> Vec<String> {
    let (gone, left): (Vec<String>, Vec<String>) = current(state, id).into_iter().partition(|tag| tags.contains(tag));
    if !gone.is_empty() {
        replace(state, id, left);
    }
    gone
}

fn replace(state: &mut State, id: &str, tags: Vec<String>) {
    if let Some(contact) = state.contact_mut(id) {
        contact.tags = Some(tags);
    }
    state.changed(id);
    events::contact(state, Kind::ContactTagUpdate, id);
}

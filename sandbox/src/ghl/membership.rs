//! What a contact belongs to: followers, campaigns, workflows; and its appointments, which are only read here.

use serde_json::{Value, json};

use super::body::{self, Holds, Property, may, must};
use super::contacts::{Wording, require};
use super::{Answer, Ctx, shapes, succeeded, success};
use crate::model::Contact;
use crate::state::State;
use crate::webhooks::events::{self, Kind};
use crate::wire::Reply;

const FOLLOWERS: &[Property] = &[must("followers", Holds::Texts)];
const WORKFLOW: &[Property] = &[may("eventStartTime", Holds::Text)];

pub(crate) fn appointments(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let id = require(state, ctx, Wording::Error)?;
    let events = state.appointments.get(&id).into_iter().flatten();
    let contact = state.contacts.get(&id).cloned().unwrap_or_default();
    let shapes: Value = events.map(|event| shapes::appointment(event, &contact)).collect();
    success(state, 200, json!({"events": shapes}))
}

pub(crate) fn add_followers(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let (id, sent) = followers_sent(state, ctx)?;
    let now = change(state, &id, |contact| {
        let new: Vec<String> = sent.into_iter().filter(|user| !contact.followers.contains(user)).collect();
        contact.followers.extend(new.clone());
        (contact.followers.clone(), new)
    });
    success(state, 201, json!({"followers": now.0, "followersAdded": now.1}))
}

pub(crate) fn remove_followers(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let (id, sent) = followers_sent(state, ctx)?;
    let now = change(state, &id, |contact| {
        let all = std::mem::take(&mut contact.followers);
        let (gone, left): (Vec<String>, Vec<String>) = all.into_iter().partition(|user| sent.contains(user));
        contact.followers.clone_from(&left);
        (left, gone)
    });
    success(state, 200, json!({"followers": now.0, "followersRemoved": now.1}))
}

fn followers_sent(state: &mut State, ctx: &Ctx<'_>) -> Result<(String, Vec<String>), Reply> {
    let id = require(state, ctx, Wording::Message)?;
    let sent = ctx.json(state)?;
    let body = body::check(state, ctx.version, sent, FOLLOWERS)?;
    let users = body.get("followers").and_then(Value::as_array).into_iter().flatten();
    Ok((id, users.filter_map(Value::as_str).map(str::to_owned).collect()))
}

pub(crate) fn add_campaign(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let (id, campaign) = (require(state, ctx, Wording::Message)?, ctx.param("id").to_owned());
    change(state, &id, |contact| join(&mut contact.campaigns, campaign));
    success(state, 201, Value::Object(succeeded(ctx.version)))
}

pub(crate) fn remove_campaign(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let id = require(state, ctx, Wording::Message)?;
    change(state, &id, |contact| contact.campaigns.retain(|campaign| campaign != ctx.param("id")));
    success(state, 200, Value::Object(succeeded(ctx.version)))
}

pub(crate) fn clear_campaigns(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let id = require(state, ctx, Wording::Message)?;
    change(state, &id, |contact| contact.campaigns.clear());
    success(state, 200, Value::Object(succeeded(ctx.version)))
}

/// The specification says 200; the live API answers 201.
pub(crate) fn add_workflow(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let (id, workflow) = (workflow_sent(state, ctx)?, ctx.param("id").to_owned());
    change(state, &id, |contact| join(&mut contact.workflows, workflow));
    success(state, 201, Value::Object(succeeded(ctx.version)))
}

pub(crate) fn remove_workflow(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let id = workflow_sent(state, ctx)?;
    change(state, &id, |contact| contact.workflows.retain(|workflow| workflow != ctx.param("id")));
    success(state, 200, Value::Object(succeeded(ctx.version)))
}

fn workflow_sent(state: &mut State, ctx: &Ctx<'_>) -> Result<String, Reply> {
    let id = require(state, ctx, Wording::Message)?;
    let sent = ctx.json(state)?;
    body::check(state, ctx.version, sent, WORKFLOW)?;
    Ok(id)
}

fn join(list: &mut Vec<String>, item: String) {
    if !list.contains(&item) {
        list.push(item);
    }
}

fn change<T: Default>(state: &mut State, id: &str, change: impl FnOnce(&mut Contact) -> T) -> T {
    let result = state.contact_mut(id).map(change).unwrap_or_default();
    state.changed(id);
    events::contact(state, Kind::ContactUpdate, id);
    result
}

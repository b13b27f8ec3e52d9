//! Upsert, with its silent surprises: of two matches only the first is updated, a matched additional email becomes the
//! primary one, `gender` of an existing contact is dropped, `tags` replaces.

use serde_json::{Map, Value, json};

use super::body::{self, Holds, Property, may};
use super::{Answer, Ctx, contacts, duplicates, shapes, success, write};
use crate::state::State;

const EXTRA: &[Property] = &[may("createNewIfDuplicateAllowed", Holds::Flag)];

pub(crate) fn upsert(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let sent = ctx.json(state)?;
    contacts::require_sent_location(state, ctx, &sent)?;
    let properties: Vec<Property> = write::CREATE.iter().chain(EXTRA).copied().collect();
    let mut body = body::check(state, ctx.version, sent, &properties)?;
    write::normalise(state, &mut body, &contacts::country_of(state, ctx.location()))?;
    let policy = duplicates::policy(state, ctx.location());
    let always_new = body.remove("createNewIfDuplicateAllowed") == Some(Value::Bool(true)) && policy.allow;
    let existing =
        if always_new { None } else { duplicates::find(state, ctx.location(), &policy.identifiers, &body, None) };
    let (id, new) = match existing {
        Some(existing) => {
            update(state, ctx, &existing.id, body, &policy.identifiers);
            (existing.id, false)
        }
        None => (contacts::insert(state, ctx, &body), true),
    };
    let shape = state.contacts.get(&id).map(|contact| shapes::by_id(contact, ctx.version));
    let flag = if ctx.version.is_v3() { "succeeded" } else { "succeded" };
    success(state, 200, json!({"new": new, "contact": shape, flag: true}))
}

fn update(state: &mut State, ctx: &Ctx<'_>, id: &str, mut body: Map<String, Value>, identifiers: &[String]) {
    body.remove("gender");
    for field in ["email", "phone"] {
        let other = duplicates::find(state, ctx.location(), &[field.to_owned()], &body, Some(id));
        if other.is_some() && identifiers.iter().any(|identifier| identifier == field) {
            body.remove(field);
        }
    }
    if let (Some(email), Some(contact)) = (write::text(&body, "email"), state.contact_mut(id)) {
        contact.additional_emails.retain(|additional| !additional.eq_ignore_ascii_case(&email));
    }
    contacts::rewrite(state, ctx, id, &body);
}

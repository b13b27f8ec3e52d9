//! Notes of a contact: all of them at once, newest first, created without any dedupe.

use serde_json::{Map, Value, json};

use super::body::{self, Holds, Property, may, must};
use super::contacts::{Wording, require};
use super::{Answer, Ctx, errors, shapes, succeeded, success, write};
use crate::model::Note;
use crate::state::State;
use crate::webhooks::events::{self, Kind};

const CREATE: &[Property] = &[
    must("body", Holds::Text),
    may("userId", Holds::Text),
    may("title", Holds::Text),
    may("color", Holds::HexColor),
    may("pinned", Holds::Flag),
];
const UPDATE: &[Property] = &[
    may("body", Holds::Text),
    may("userId", Holds::Text),
    may("title", Holds::Text),
    may("color", Holds::HexColor),
    may("pinned", Holds::Flag),
];

pub(crate) fn all(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let contact = require(state, ctx, Wording::Error)?;
    let mut notes: Vec<&Note> = state.notes.get(&contact).into_iter().flatten().collect();
    notes.sort_by_key(|note| std::cmp::Reverse(note.added));
    let shapes: Value = notes.into_iter().map(|note| shapes::note(note, &contact)).collect();
    success(state, 200, json!({"notes": shapes}))
}

pub(crate) fn one(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let contact = require(state, ctx, Wording::Error)?;
    let shape = find(state, &contact, ctx.param("id")).map(|note| shapes::note(note, &contact));
    answer(state, ctx, 200, shape)
}

pub(crate) fn create(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let contact = require(state, ctx, Wording::Error)?;
    let sent = ctx.json(state)?;
    let body = body::check(state, ctx.version, sent, CREATE)?;
    let (id, now) = (state.rng.id20(), state.now());
    let mut note = Note {
        id,
        body: String::new(),
        user_id: None,
        title: None,
        color: None,
        pinned: None,
        added: now,
        updated: now,
    };
    apply(&mut note, &body);
    let shape = shapes::note(&note, &contact);
    events::note(state, Kind::NoteCreate, &contact, &note);
    state.notes.entry(contact).or_default().insert(0, note);
    answer(state, ctx, 201, Some(shape))
}

pub(crate) fn update(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let contact = require(state, ctx, Wording::Error)?;
    let sent = ctx.json(state)?;
    let body = body::check(state, ctx.version, sent, UPDATE)?;
    let now = state.now();
    let note = find(state, &contact, ctx.param("id")).map(|note| {
        apply(note, &body);
        note.updated = now;
        note.clone()
    });
    if let Some(note) = &note {
        events::note(state, Kind::NoteUpdate, &contact, note);
    }
    answer(state, ctx, 200, note.map(|note| shapes::note(&note, &contact)))
}

pub(crate) fn delete(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let contact = require(state, ctx, Wording::Error)?;
    let notes = state.notes.entry(contact.clone()).or_default();
    let Some(at) = notes.iter().position(|note| note.id == ctx.param("id")) else {
        return Err(errors::item_not_found("Note", ctx.param("id")));
    };
    let note = notes.remove(at);
    events::note(state, Kind::NoteDelete, &contact, &note);
    success(state, 200, Value::Object(succeeded(ctx.version)))
}

fn find<'a>(state: &'a mut State, contact: &str, id: &str) -> Option<&'a mut Note> {
    state.notes.get_mut(contact)?.iter_mut().find(|note| note.id == id)
}

fn answer(state: &mut State, ctx: &Ctx<'_>, status: u16, shape: Option<Value>) -> Answer {
    match shape {
        Some(shape) => success(state, status, json!({"note": shape})),
        None => Err(errors::item_not_found("Note", ctx.param("id"))),
    }
}

fn apply(note: &mut Note, body: &Map<String, Value>) {
    if let Some(text) = body.get("body").and_then(Value::as_str) {
        text.clone_into(&mut note.body);
    }
    let texts = [("userId", &mut note.user_id), ("title", &mut note.title), ("color", &mut note.color)];
    for (key, slot) in texts {
        if body.contains_key(key) {
            *slot = write::text(body, key);
        }
    }
    if let Some(pinned) = body.get("pinned").and_then(Value::as_bool) {
        note.pinned = Some(pinned);
    }
}

//! Tasks of a contact. `dueDate` is taken in any ISO form and given back in UTC with milliseconds.

use serde_json::{Map, Value, json};

use super::body::{self, Holds, Property, may, must};
use super::contacts::{Wording, require};
use super::{Answer, Ctx, errors, shapes, succeeded, success, write};
use crate::clock::parse_iso;
use crate::model::Task;
use crate::state::State;
use crate::webhooks::events::{self, Kind};

const CREATE: &[Property] = &[
    must("title", Holds::Text),
    must("dueDate", Holds::IsoDate),
    must("completed", Holds::Flag),
    may("body", Holds::Text),
    may("assignedTo", Holds::NullableText),
];
const UPDATE: &[Property] = &[
    may("title", Holds::Text),
    may("dueDate", Holds::IsoDate),
    may("completed", Holds::Flag),
    may("body", Holds::Text),
    may("assignedTo", Holds::NullableText),
];
const COMPLETE: &[Property] = &[must("completed", Holds::Flag)];

pub(crate) fn all(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let contact = require(state, ctx, Wording::Error)?;
    let mut tasks: Vec<&Task> = state.tasks.get(&contact).into_iter().flatten().collect();
    tasks.sort_by_key(|task| std::cmp::Reverse(task.added));
    let shapes: Value = tasks.into_iter().map(|task| shapes::task(task, &contact)).collect();
    success(state, 200, json!({"tasks": shapes}))
}

pub(crate) fn one(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let contact = require(state, ctx, Wording::Error)?;
    let shape = find(state, &contact, ctx.param("id")).map(|task| shapes::task(task, &contact));
    answer(state, ctx, 200, shape)
}

pub(crate) fn create(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let contact = require(state, ctx, Wording::Error)?;
    let sent = ctx.json(state)?;
    let body = body::check(state, ctx.version, sent, CREATE)?;
    let (id, now) = (state.rng.id24(), state.now());
    let (title, body_text, assigned_to) = (String::new(), None, None);
    let mut task =
        Task { id, title, body: body_text, assigned_to, due: now, completed: false, added: now, updated: now };
    apply(&mut task, &body);
    let shape = shapes::task(&task, &contact);
    events::task(state, Kind::TaskCreate, &contact, &task);
    state.tasks.entry(contact).or_default().insert(0, task);
    answer(state, ctx, 201, Some(shape))
}

pub(crate) fn update(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    change(state, ctx, UPDATE)
}

/// `PUT …/completed`
pub(crate) fn complete(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    change(state, ctx, COMPLETE)
}

fn change(state: &mut State, ctx: &Ctx<'_>, properties: &[Property]) -> Answer {
    let contact = require(state, ctx, Wording::Error)?;
    let sent = ctx.json(state)?;
    let body = body::check(state, ctx.version, sent, properties)?;
    let now = state.now();
    let changed = find(state, &contact, ctx.param("id")).map(|task| {
        let was_open = !task.completed;
        apply(task, &body);
        task.updated = now;
        (task.clone(), was_open && task.completed)
    });
    if let Some((task, true)) = &changed {
        events::task(state, Kind::TaskComplete, &contact, task);
    }
    answer(state, ctx, 200, changed.map(|(task, _)| shapes::task(&task, &contact)))
}

pub(crate) fn delete(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let contact = require(state, ctx, Wording::Error)?;
    let tasks = state.tasks.entry(contact.clone()).or_default();
    let Some(at) = tasks.iter().position(|task| task.id == ctx.param("id")) else {
        return Err(errors::item_not_found("Task", ctx.param("id")));
    };
    let task = tasks.remove(at);
    events::task(state, Kind::TaskDelete, &contact, &task);
    success(state, 200, Value::Object(succeeded(ctx.version)))
}

fn find<'a>(state: &'a mut State, contact: &str, id: &str) -> Option<&'a mut Task> {
    state.tasks.get_mut(contact)?.iter_mut().find(|task| task.id == id)
}

fn answer(state: &mut State, ctx: &Ctx<'_>, status: u16, shape: Option<Value>) -> Answer {
    match shape {
        Some(shape) => success(state, status, json!({"task": shape})),
        None => Err(errors::item_not_found("Task", ctx.param("id"))),
    }
}

fn apply(task: &mut Task, body: &Map<String, Value>) {
    if let Some(title) = write::text(body, "title") {
        task.title = title;
    }
    if let Some(due) = body.get("dueDate").and_then(Value::as_str).and_then(parse_iso) {
        task.due = due;
    }
    if let Some(completed) = body.get("completed").and_then(Value::as_bool) {
        task.completed = completed;
    }
    for (key, slot) in [("body", &mut task.body), ("assignedTo", &mut task.assigned_to)] {
        if body.contains_key(key) {
            *slot = write::text(body, key);
        }
    }
}

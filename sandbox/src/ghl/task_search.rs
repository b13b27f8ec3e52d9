//! `POST /locations/{locationId}/tasks/search`: the tasks of all contacts of a location, newest first. The reference
//! knows the members of a row, but the words of `status` and `statusGroup` it does not; those here are a guess.

use serde_json::{Map, Value, json};

use super::body::{self, Holds, Property, may};
use super::{Answer, Ctx, errors, locations, shapes, success};
use crate::clock::iso;
use crate::model::{Contact, Task};
use crate::state::State;

const SEARCH: &[Property] = &[
    may("contactId", Holds::Texts),
    may("completed", Holds::Flag),
    may("assignedTo", Holds::Texts),
    may("query", Holds::Text),
    may("limit", Holds::Number),
    may("skip", Holds::Number),
    may("businessId", Holds::Text),
];
const DEFAULT_LIMIT: usize = 25;

pub(crate) fn search(state: &mut State, ctx: &Ctx<'_>) -> Answer {
    let location = locations::require(state, ctx)?.id;
    let sent = ctx.json(state)?;
    let body = body::check(state, ctx.version, sent, SEARCH)?;
    let (Some(limit), Some(skip)) = (count(&body, "limit", DEFAULT_LIMIT), count(&body, "skip", 0)) else {
        return Err(errors::invalid(state, "limit and skip must not be less than 0"));
    };
    let mut found: Vec<(&Task, &Contact)> = state
        .contacts_of(&location)
        .flat_map(|contact| state.tasks.get(&contact.id).into_iter().flatten().map(move |task| (task, contact)))
        .filter(|(task, contact)| fits(&body, task, contact))
        .collect();
    // Ids break ties, so that pages do not overlap.
    found.sort_by_key(|(task, _)| (std::cmp::Reverse(task.added), &task.id));
    let rows: Value = found.into_iter().skip(skip).take(limit).map(|(task, contact)| row(task, contact)).collect();
    success(state, 200, json!({"tasks": rows}))
}

fn count(body: &Map<String, Value>, name: &str, default: usize) -> Option<usize> {
    body.get(name).map_or(Some(default), |value| usize::try_from(value.as_u64()?).ok())
}

fn fits(body: &Map<String, Value>, task: &Task, contact: &Contact) -> bool {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let among = |name: &str, value: Option<&str>| {
        let wanted = body.get(name).and_then(Value::as_array);
        wanted.is_none_or(|wanted| wanted.iter().any(|one| one.as_str() == value))
    };
    let words = text("query").unwrap_or_default().to_lowercase();
    let said = [Some(task.title.as_str()), task.body.as_deref()];
    among("contactId", Some(&contact.id))
        && among("assignedTo", task.assigned_to.as_deref())
        && body.get("completed").and_then(Value::as_bool).is_none_or(|completed| completed == task.completed)
        && text("businessId").is_none_or(|business| contact.text("businessId") == Some(business))
        && said.into_iter().flatten().any(|said| said.to_lowercase().contains(&words))
}

/// A task's own shape, but under `_id`, and with more about it.
fn row(task: &Task, contact: &Contact) -> Value {
    let mut row = shapes::task(task, &contact.id);
    if let Some(map) = row.as_object_mut() {
        map.remove("id");
        let (status, group) = if task.completed { ("completed", "closed") } else { ("incomplete", "open") };
        for (name, value) in [
            ("_id", json!(task.id)),
            ("locationId", json!(contact.location_id)),
            ("status", json!(status)),
            ("statusGroup", json!(group)),
            ("deleted", json!(false)),
            ("dateAdded", json!(iso(task.added))),
            ("dateUpdated", json!(iso(task.updated))),
        ] {
            map.insert(name.to_owned(), value);
        }
    }
    row
}

//! The control API under `/__sandbox/`: counters, faults, clock, reset, and a dump of everything for assertions. Neither
//! counted nor authenticated.

use serde_json::{Value, json};

use crate::clock::{Millis, iso};
use crate::faults::Fault;
use crate::ghl::{Version, shapes};
use crate::ipinfo::DOWNLOADS;
use crate::journal::AppliedWrite;
use crate::model::{Contact, Location};
use crate::oauth;
use crate::state::State;
use crate::tokens;
use crate::webhooks;
use crate::wire::{Reply, Request};

/// First path segment of the control API.
pub(crate) const PREFIX: &str = "__sandbox";

pub(crate) fn answer(state: &mut State, req: &Request) -> Reply {
    let parts: Vec<&str> = req.segments.iter().skip(1).map(String::as_str).collect();
    let done = || Ok(json!({"ok": true}));
    let result = match (req.method.as_str(), &parts[..]) {
        ("GET", []) => Ok(overview()),
        ("GET", ["calls"]) => Ok(state.calls.to_json()),
        ("POST", ["reset"]) => {
            state.reset();
            done()
        }
        ("GET", ["writes"]) => Ok(writes(state, req)),
        ("POST", ["quota"]) => spend(state, req),
        ("GET", ["oauth"]) => Ok(oauth::control::show(state)),
        ("POST", ["oauth"]) => oauth::control::order(state, req),
        ("GET", ["faults"]) => Ok(json!(state.faults.active(state.now()))),
        ("POST", ["faults"]) => add_faults(state, req),
        ("DELETE", ["faults"]) => {
            state.faults.clear();
            done()
        }
        ("GET", ["clock"]) => Ok(clock(state)),
        ("POST", ["clock"]) => advance(state, req),
        ("GET", ["contacts"]) => Ok(contacts(state, req)),
        ("GET", ["state"]) => Ok(dump(state)),
        ("POST", ["locations", id]) => set_policy(state, req, id),
        ("GET", [first, file @ ..]) if *first == DOWNLOADS && !file.is_empty() => {
            return download(state, &file.join("/"));
        }
        _ => match webhooks::answer(state, req, &parts) {
            Some(result) => result,
            None => return Reply::json(404, &json!({"error": format!("the control API has no {}", req.line())})),
        },
    };
    match result {
        Ok(body) => Reply::json(200, &body),
        Err(problem) => Reply::json(400, &json!({"error": problem})),
    }
}

fn overview() -> Value {
    let mut overview = json!({
        "GET calls": "counters by endpoint", "POST reset": "everything back to the seed",
        "GET faults": "what is in force",
        "POST faults": {"endpoint": "ghl.notes", "times": 1, "lastsMs": 60000, "action": {"kind": "latency", "ms": 80}},
        "GET writes?contactId=&endpoint=&after=": "what took effect, in order",
        "POST quota": {"locationId": tokens::LOCATION_1, "dayLeft": 0},
        "GET oauth": "installations, what was given out", "POST oauth": oauth::control::usage(),
        "DELETE faults": "none any more", "GET clock": "the sandbox's time", "POST clock": {"advanceSeconds": 60},
        "GET contacts?locationId=": "ids", "GET state": "everything",
        "POST locations/{id}": {"allowDuplicateContact": true, "contactUniqueIdentifiers": ["email", "phone"]},
    });
    if let Some(map) = overview.as_object_mut() {
        map.extend(webhooks::overview());
    }
    overview
}

pub(crate) fn body<T: serde::de::DeserializeOwned>(req: &Request) -> Result<T, String> {
    serde_json::from_slice(&req.body).map_err(|error| error.to_string())
}

/// One fault or a list of them.
fn add_faults(state: &mut State, req: &Request) -> Result<Value, String> {
    let value: Value = body(req)?;
    let list = if value.is_array() { value } else { json!([value]) };
    let now = state.now();
    let faults: Result<Vec<_>, String> = list.as_array().into_iter().flatten().map(|fault| timed(fault, now)).collect();
    for (fault, ends) in faults? {
        state.faults.add(fault, ends);
    }
    Ok(json!(state.faults.active(now)))
}

/// A fault, and when it ends where `lastsMs` says how long it lasts.
fn timed(fault: &Value, now: Millis) -> Result<(Fault, Option<Millis>), String> {
    let mut fault = fault.clone();
    let lasts = fault.as_object_mut().and_then(|map| map.shift_remove("lastsMs"));
    let lasts = match lasts {
        Some(lasts) => Some(lasts.as_u64().ok_or("lastsMs must be a number that is not negative")?),
        None => None,
    };
    let ends = lasts.map(|lasts| now.saturating_add(Millis::try_from(lasts).unwrap_or(Millis::MAX)));
    Ok((serde_json::from_value(fault).map_err(|error| error.to_string())?, ends))
}

/// The journal, or the part of it that is asked for.
fn writes(state: &State, req: &Request) -> Value {
    let after: u64 = req.query("after").and_then(|text| text.parse().ok()).unwrap_or(0);
    let (contact, endpoint) = (req.query("contactId"), req.query("endpoint"));
    let fits = |write: &&AppliedWrite| {
        write.seq > after
            && endpoint.is_none_or(|wanted| wanted == write.endpoint)
            && contact.is_none_or(|wanted| write.contact_id.as_deref() == Some(wanted))
    };
    json!({"writes": state.journal.all().filter(fits).collect::<Vec<_>>()})
}

fn spend(state: &mut State, req: &Request) -> Result<Value, String> {
    let value: Value = body(req)?;
    let location = value.get("locationId").and_then(Value::as_str).ok_or("locationId must be a string")?;
    let left = value.get("dayLeft").and_then(Value::as_u64).and_then(|left| u32::try_from(left).ok());
    let left = left.ok_or("dayLeft must be a number that is not negative")?;
    let now = state.now();
    state.quota.set_day_left(location, left, now);
    Ok(json!({"locationId": location, "dayLeft": left}))
}

fn clock(state: &State) -> Value {
    json!({"now": iso(state.now()), "offsetMs": state.clock.offset_ms()})
}

fn advance(state: &mut State, req: &Request) -> Result<Value, String> {
    let value: Value = body(req)?;
    let seconds = value.get("advanceSeconds").and_then(Value::as_f64).filter(|seconds| *seconds >= 0.0);
    let seconds = seconds.ok_or("advanceSeconds must be a number that is not negative")?;
    state.clock.advance((seconds * 1_000.0) as i64);
    Ok(clock(state))
}

fn set_policy(state: &mut State, req: &Request, id: &str) -> Result<Value, String> {
    let value: Value = body(req)?;
    let policy = &mut state.locations.get_mut(id).ok_or("no such location")?.policy;
    if let Some(allow) = value.get("allowDuplicateContact").and_then(Value::as_bool) {
        policy.allow = allow;
    }
    if let Some(identifiers) = value.get("contactUniqueIdentifiers").and_then(Value::as_array) {
        policy.identifiers = identifiers.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    }
    Ok(json!({"allowDuplicateContact": policy.allow, "contactUniqueIdentifiers": policy.identifiers}))
}

fn contacts(state: &State, req: &Request) -> Value {
    let wanted = req.query("locationId");
    let listed = state.contacts.values().filter(|contact| wanted.is_none_or(|id| id == contact.location_id));
    let rows = listed.map(|contact| {
        json!({"id": contact.id, "locationId": contact.location_id, "name": contact.full_name(), "ip": ip_of(contact)})
    });
    json!({"contacts": rows.collect::<Vec<Value>>()})
}

fn ip_of(contact: &Contact) -> Option<&Value> {
    [&contact.last_attribution, &contact.attribution].into_iter().flatten().find_map(|source| source.get("ip"))
}

fn dump(state: &State) -> Value {
    let contacts: Vec<Value> = state.contacts.values().map(|contact| whole(state, contact)).collect();
    let locations: Vec<Value> = state.locations.values().map(location).collect();
    json!({
        "now": iso(state.now()), "locations": locations, "contacts": contacts, "deleted": state.deleted,
        "calls": state.calls.to_json(), "faults": state.faults.active(state.now()),
    })
}

fn whole(state: &State, contact: &Contact) -> Value {
    let id = &contact.id;
    let notes: Value = state.notes.get(id).into_iter().flatten().map(|note| shapes::note(note, id)).collect();
    let tasks: Value = state.tasks.get(id).into_iter().flatten().map(|task| shapes::task(task, id)).collect();
    let events = state.appointments.get(id).into_iter().flatten();
    let events: Value = events.map(|event| shapes::appointment(event, contact)).collect();
    json!({
        "contact": shapes::by_id(contact, Version::V20210728), "notes": notes, "tasks": tasks, "appointments": events,
        "stored": contact.fields, "campaigns": contact.campaigns, "workflows": contact.workflows,
    })
}

/// What GHL would answer of a contact: itself, its notes and tasks, newest first, and its appointments.
pub(crate) fn truth(state: &State, id: &str) -> Value {
    let Some(contact) = state.contacts.get(id) else { return Value::Null };
    let mut notes: Vec<_> = state.notes.get(id).into_iter().flatten().collect();
    notes.sort_by_key(|note| std::cmp::Reverse(note.added));
    let mut tasks: Vec<_> = state.tasks.get(id).into_iter().flatten().collect();
    tasks.sort_by_key(|task| std::cmp::Reverse(task.added));
    let events = state.appointments.get(id).into_iter().flatten();
    json!({
        "contact": shapes::by_id(contact, Version::V20210728),
        "notes": notes.into_iter().map(|note| shapes::note(note, id)).collect::<Value>(),
        "tasks": tasks.into_iter().map(|task| shapes::task(task, id)).collect::<Value>(),
        "appointments": events.map(|event| shapes::appointment(event, contact)).collect::<Value>(),
    })
}

fn location(location: &Location) -> Value {
    let tags: Vec<&str> = location.tags.iter().map(|tag| tag.name.as_str()).collect();
    json!({
        "id": location.id, "name": location.name, "tags": tags, "allowDuplicateContact": location.policy.allow,
        "contactUniqueIdentifiers": location.policy.identifiers,
    })
}

fn download(state: &State, file: &str) -> Reply {
    match state.files.get(file) {
        Some(bytes) => Reply::text(200, "application/octet-stream", bytes.clone()),
        None => Reply::text(404, "text/plain", "no such file"),
    }
}

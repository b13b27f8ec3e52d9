//! The webhooks' part of the control API.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::line::Line;
use super::plan::WebhookPlan;
use super::{appointments, sign};
use crate::control::body;
use crate::state::State;
use crate::tokens;
use crate::wire::Request;

/// So many events are listed at once, unless `limit` says otherwise.
const PAGE: usize = 1_000;

/// The answer, or nothing if the path is none of the webhooks'.
pub(crate) fn answer(state: &mut State, req: &Request, parts: &[&str]) -> Option<Result<Value, String>> {
    let done = || Ok(json!({"ok": true}));
    Some(match (req.method.as_str(), parts) {
        ("GET", ["webhooks"]) => Ok(show(state)),
        ("POST", ["webhooks"]) => body(req).and_then(|sent| subscribe(state, sent)),
        ("DELETE", ["webhooks"]) => {
            state.webhooks.unsubscribe(req.query("url"));
            done()
        }
        ("GET", ["webhooks", "events"]) => Ok(events(state, req)),
        ("GET", ["webhooks", "keys"]) => {
            Ok(json!({"ed25519": tokens::WEBHOOK_PUBLIC_KEY, "rsa": sign::rsa_public_key()}))
        }
        ("POST", ["webhooks", "emit"]) => body(req).and_then(|sent| emit(state, sent)),
        ("POST", ["webhooks", "resend"]) => body(req).and_then(|sent| resend(state, &sent)),
        ("POST", ["webhooks", "pause"]) => {
            state.webhooks.pause();
            done()
        }
        ("POST", ["webhooks", "resume"]) => {
            state.webhooks.resume();
            done()
        }
        ("POST", ["appointments"]) => {
            body(req).and_then(|sent| appointments::create(state, sent)).map(|id| json!({"id": id}))
        }
        ("PUT", ["appointments", id]) => {
            body(req).and_then(|sent| appointments::change(state, id, sent)).and_then(|()| done())
        }
        ("DELETE", ["appointments", id]) => appointments::delete(state, id).and_then(|()| done()),
        _ => return None,
    })
}

/// What the control API's overview says of these.
pub(crate) fn overview() -> Map<String, Value> {
    let mut plan = serde_json::to_value(WebhookPlan::default()).unwrap_or_default();
    plan["url"] = "http://127.0.0.1:8080/v1/webhooks/ghl".into();
    let rows = [
        ("GET webhooks", json!("receivers and counters")),
        ("POST webhooks", plan),
        ("DELETE webhooks?url=", json!("no receiver any more, or not this one")),
        ("GET webhooks/events?after=&limit=", json!("what was made, and what became of it")),
        ("GET webhooks/keys", json!("what signatures are verified with")),
        ("POST webhooks/emit", json!({"type": "ContactUpdate", "locationId": tokens::LOCATION_1, "id": "…"})),
        ("POST webhooks/resend", json!({"webhookId": "…", "held": "or true: all that was held"})),
        ("POST webhooks/pause", json!("nothing is sent")),
        ("POST webhooks/resume", json!("new events are sent again")),
        ("POST appointments", json!({"contactId": tokens::EXAMPLE_CONTACT, "startTime": "2026-12-01T10:00:00"})),
        ("PUT appointments/{id}", json!({"appointmentStatus": "cancelled"})),
        ("DELETE appointments/{id}", json!("as if it had never been")),
    ];
    rows.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn show(state: &State) -> Value {
    let receivers: Vec<Value> = state.webhooks.lines.iter().map(receiver).collect();
    json!({"counts": state.webhooks.counts(), "receivers": receivers, "publicKey": tokens::WEBHOOK_PUBLIC_KEY})
}

fn receiver(line: &Line) -> Value {
    json!({"url": &*line.url, "standing": line.standing.name(), "pending": line.pending(), "plan": line.plan})
}

fn subscribe(state: &mut State, mut sent: Map<String, Value>) -> Result<Value, String> {
    let Some(Value::String(url)) = sent.shift_remove("url") else { return Err("url must be a string".to_owned()) };
    let plan = serde_json::from_value(Value::Object(sent)).map_err(|error| error.to_string())?;
    state.webhooks.subscribe(&url, plan)?;
    Ok(show(state))
}

fn events(state: &State, req: &Request) -> Value {
    let number = |name: &str| req.query(name).and_then(|text| text.parse::<u64>().ok());
    let limit = number("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE);
    json!({"events": state.webhooks.shown(number("after").unwrap_or(0), limit)})
}

fn emit(state: &mut State, mut sent: Map<String, Value>) -> Result<Value, String> {
    let Some(Value::String(kind)) = sent.shift_remove("type") else { return Err("type must be a string".to_owned()) };
    let now = state.now();
    Ok(json!({"webhookId": state.webhooks.record(now, kind.into(), sent).to_string()}))
}

fn resend(state: &mut State, sent: &Value) -> Result<Value, String> {
    let Some(id) = sent.get("webhookId").and_then(Value::as_str) else {
        return match sent.get("held") {
            Some(Value::Bool(true)) => Ok(json!({"resent": state.webhooks.resend_held()})),
            _ => Err("webhookId must be given, or held must be true".to_owned()),
        };
    };
    let id = id.parse::<Uuid>().map_err(|_| "webhookId must be a UUID")?;
    if state.webhooks.resend(id) { Ok(json!({"resent": 1})) } else { Err("no such event".to_owned()) }
}

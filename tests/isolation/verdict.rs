//! What is wrong with an answer: it tells something, or it is not that to a request for nothing.

use super::{requests::Ask, table::Answer, worlds::Things};
use crate::support::Reply;
use serde_json::Value;

/// Headers that differ between any two answers, and tell nothing.
const OF_THE_MOMENT: [&str; 3] = ["date", "x-request-id", "content-length"];

/// An answer with its ids and its moment taken out, so that it can be compared.
pub fn told(reply: &Reply, things: &Things) -> String {
    let mut headers: Vec<String> = reply
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()))
        .filter(|(name, _)| !OF_THE_MOMENT.contains(&name.as_str()))
        .map(|(name, value)| match name.as_str() {
            // How many calls, of what, with which outcome; not how long each took.
            "server-timing" => format!("{name}: {}", without_durations(value)),
            _ => format!("{name}: {value}"),
        })
        .collect();
    headers.sort();
    let body = serde_json::from_slice(&reply.body).map_or_else(|_| reply.text(), |body| timeless(body).to_string());
    let mut text = format!("{}\n{}\n{body}", reply.status, headers.join("\n"));
    let own = [reply.header("x-request-id"), reply.header("operation-id")].into_iter().flatten();
    let Things { location, contact, note, task, operation, business, webhook, source, event, external, .. } = things;
    let ids = [contact, note, task, operation, business, location, webhook, source, event, external];
    for id in own.chain(ids.into_iter().map(String::as_str)) {
        text = text.replace(id, "…");
    }
    text
}

fn without_durations(value: &str) -> String {
    value.split("dur=").map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.')).collect()
}

/// A document with its times taken out.
fn timeless(value: Value) -> Value {
    match value {
        Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => Value::from("a time"),
        Value::Array(items) => items.into_iter().map(timeless).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, timeless(value))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// What an answer holds that only who may see these things can know. What the request said it may repeat.
pub fn leaks(reply: &Reply, ask: &Ask, things: &Things) -> Vec<String> {
    let text = format!("{:?} {}", reply.headers, reply.text());
    let mut leaks = Vec::new();
    if text.to_lowercase().contains(&things.mark.to_lowercase()) {
        leaks.push("data".to_owned());
    }
    // Not the address: the asker has by now a contact of its own that bears it.
    let known = [
        &things.location,
        &things.operation,
        &things.webhook,
        &things.etag,
        &things.source,
        &things.event,
        &things.external,
    ];
    leaks.extend(known.into_iter().filter(|id| text.contains(&***id) && !ask.says(id)).map(|id| format!("tells {id}")));
    if !(200..300).contains(&reply.status) {
        let telling = ["etag", "last-modified", "age", "idempotency-replayed"];
        leaks.extend(
            telling.into_iter().filter(|name| reply.header(name).is_some()).map(|name| format!("bears {name}")),
        );
    }
    leaks
}

/// What is wrong with an answer, given that for what is not there.
pub fn faults(
    answer: Answer,
    ask: &Ask,
    (reply, of): (&Reply, &Things),
    (twin, none): (&Reply, &Things),
) -> Vec<String> {
    let success = (200..300).contains(&reply.status);
    let mut faults = leaks(reply, ask, of);
    if ask.names_location && reply.status != 403 {
        faults.push("not forbidden".to_owned());
    }
    if answer == Answer::Refused && success {
        faults.push("a success".to_owned());
    }
    let same = match answer {
        Answer::Own if success => reply.status == twin.status,
        Answer::Own | Answer::Same | Answer::Refused | Answer::Open(_) => told(reply, of) == told(twin, none),
    };
    if !same {
        faults.push(format!("differs from\n{}", told(twin, none)));
    }
    faults
}

//! Batches: up to 1,000 addresses or patterns, answered under the very text that was sent. A bad entry is an error
//! inside a 200.

use serde_json::{Map, Value, json};

use super::{Account, Product, dig, permitted, too_many_requests};
use crate::state::State;
use crate::wire::{Reply, Request};

const ENTRIES_MAX: usize = 1_000;

fn answer_all(state: &State, entries: Vec<String>, default: Product, account: Account, filter: bool) -> Value {
    let mut out = Map::new();
    for entry in entries {
        match one(state, &entry, default, account) {
            Ok(value) => drop(out.insert(entry, value)),
            Err(_) if filter => {}
            Err(problem) => drop(out.insert(entry, problem)),
        }
    }
    Value::Object(out)
}

pub(super) fn answer(state: &mut State, req: &Request, default: Product) -> Reply {
    let account = match permitted(req, default) {
        Ok(Account::None) => return super::unknown_token(),
        Ok(account) => account,
        Err(reply) => return reply,
    };
    let Some(entries) = entries(req) else {
        return Reply::json(400, &json!({"error": "Please provide a list of IP addresses"}));
    };
    if entries.len() > ENTRIES_MAX {
        return Reply::json(400, &json!({"error": format!("Batch is limited to {ENTRIES_MAX} entries")}));
    }
    let (limit, now) = (state.config.ipinfo_monthly, state.now());
    if !state.usage.take(entries.len() as u64, limit, now) {
        state.calls.add_rate_limited();
        return too_many_requests();
    }
    let filter = req.query("filter").is_some_and(|value| value == "1");
    Reply::json(200, &answer_all(state, entries, default, account, filter))
}

/// A JSON array of strings, or lines of text.
fn entries(req: &Request) -> Option<Vec<String>> {
    if let Ok(entries) = serde_json::from_slice::<Vec<String>>(&req.body) {
        return Some(entries);
    }
    let text = std::str::from_utf8(&req.body).ok()?.trim();
    if text.is_empty() || req.content_type.contains("json") {
        return None;
    }
    Some(text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect())
}

fn one(state: &State, entry: &str, default: Product, account: Account) -> Result<Value, Value> {
    let parts: Vec<&str> = entry.split('/').collect();
    let (product, address, field) = match &parts[..] {
        ["lite", address, field @ ..] => (Product::Lite, *address, field),
        ["lookup", address, field @ ..] => (Product::Lookup, *address, field),
        ["resproxy", address, field @ ..] => (Product::Resproxy, *address, field),
        [address, field @ ..] => (default, *address, field),
        [] => (default, "", &[][..]),
    };
    let Ok(ip) = address.parse() else {
        return Err(json!({"error": "Please provide a valid IP address"}));
    };
    let path: Vec<String> = field.iter().map(|part| (*part).to_owned()).collect();
    let name = path.last().cloned().unwrap_or_default();
    dig(super::answer(state, product, ip, account), &path)
        .ok_or_else(|| json!({"error": format!("{name} is not a valid field.")}))
}

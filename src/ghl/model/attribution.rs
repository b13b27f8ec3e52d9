//! First and last touch, in both of GHL's shapes: two objects (by id, search) or one list (list).

use super::fields::{Fields, entries};
use crate::domain::contact::{Attribution, Touch};
use serde_json::Value;

/// Takes `attributionSource`, `lastAttributionSource` and `attributions[]`.
pub(super) fn attribution(fields: &mut Fields) -> Attribution {
    let first = source(fields, "attributionSource");
    let last = source(fields, "lastAttributionSource");
    let mut attribution = Attribution { first, last, further: Vec::new() };
    let mut odd = Vec::new();
    for entry in fields.entries(&["attributions"]) {
        match entry {
            Value::Object(map) => place(&mut attribution, Fields::of(map)),
            other => odd.push(other),
        }
    }
    if !odd.is_empty() {
        fields.set_aside("attributions", Value::Array(odd));
    }
    attribution
}

fn source(fields: &mut Fields, name: &'static str) -> Option<Touch> {
    fields.take(&[name], |value| {
        let mut list = entries(value);
        match (list.pop(), list.is_empty()) {
            (None, _) => Ok(None),
            (Some(Value::Object(map)), true) => Ok(touch(Fields::of(map))),
            (Some(Value::String(text)), true) if text.trim().is_empty() => Ok(None),
            (Some(odd), true) => Err(odd),
            (Some(last), false) => {
                list.push(last);
                Err(Value::Array(list))
            }
        }
    })
}

/// An entry of the list says whether it is the first or the last touch; the objects, where they exist, go before it.
fn place(attribution: &mut Attribution, mut fields: Fields) {
    let is_first = fields.flag(&["isFirst"]).unwrap_or(false);
    let is_last = fields.flag(&["isLast"]).unwrap_or(false);
    let Some(touch) = touch(fields) else { return };
    if is_first && attribution.first.is_none() {
        attribution.first = Some(touch);
    } else if is_last && attribution.last.is_none() {
        attribution.last = Some(touch);
    } else {
        attribution.further.push(touch);
    }
}

/// One touch, or nothing where GHL sends an object that says nothing.
fn touch(mut fields: Fields) -> Option<Touch> {
    let touch = Touch {
        ip: fields.text(&["ip"]),
        user_agent: fields.text(&["userAgent"]),
        session_source: fields.text(&["sessionSource", "utmSessionSource"]),
        medium: fields.text(&["medium"]),
        url: fields.text(&["url", "pageUrl"]),
        referrer: fields.text(&["referrer"]),
        extra: fields.rest(&[], &[]),
    };
    let named = [&touch.ip, &touch.user_agent, &touch.session_source, &touch.medium, &touch.url, &touch.referrer];
    let says_something = named.iter().any(|field| field.is_some()) || touch.extra.values().any(|v| !v.is_null());
    says_something.then_some(touch)
}

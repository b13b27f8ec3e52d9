//! Properties that are lists or objects: custom fields, and on which channels a person does not want to be contacted.

use super::{
    errors::{Errors, below},
    text,
};
use serde_json::{Map, Value, json};

/// Most custom fields in one request.
pub const MAX_CUSTOM_FIELDS: usize = 200;
/// Deepest nesting of a custom field's value: a file field maps ids to `{meta: {…}}`.
const MAX_VALUE_DEPTH: usize = 4;

/// The largest whole number up to which all are kept, here and in GHL's JavaScript: 2^53 - 1 (RFC 8259, section 6).
const MAX_EXACT: f64 = 9_007_199_254_740_991.0;

/// Channels, in the spelling of GHL's dated versions; v3 spells them in small letters.
const CHANNELS: [&str; 6] = ["Call", "Email", "SMS", "WhatsApp", "GMB", "FB"];
/// Names under which a custom field's value is taken; the first is the one that is sent. GHL reads `field_value` and gives
/// `value` (reference: GHL contacts API, "Contact write bodies"), so what was read from us may be sent to us.
const VALUES: [&str; 3] = ["field_value", "fieldValue", "value"];

/// `[{id | key, field_value}]`.
pub(super) fn custom_fields(value: &Value, at: &str, errors: &mut Errors) -> Value {
    let Value::Array(items) = value else {
        errors.add(at, "must be a list of {id, field_value}");
        return Value::Null;
    };
    if items.len() > MAX_CUSTOM_FIELDS {
        errors.add(at, format!("has at most {MAX_CUSTOM_FIELDS} entries"));
        return Value::Null;
    }
    let fields = items.iter().enumerate();
    fields.map(|(index, item)| custom_field(item, &format!("{at}/{index}"), errors)).collect()
}

fn custom_field(item: &Value, at: &str, errors: &mut Errors) -> Value {
    let Value::Object(map) = item else {
        errors.add(at, "must be an object {id, field_value}");
        return Value::Null;
    };
    let mut field = Map::new();
    for (name, value) in map {
        let at = below(at, name);
        match name.as_str() {
            "id" | "key" => match value.as_str().map(identifier) {
                Some(Ok(text)) => drop(field.insert(name.clone(), Value::String(text))),
                Some(Err(message)) => errors.add(at, message),
                None => errors.add(at, "must be a text"),
            },
            name if VALUES.contains(&name) => {
                if field.contains_key(VALUES[0]) {
                    errors.add(at, "the value must be given once");
                } else if let Err(message) = plain(value, MAX_VALUE_DEPTH) {
                    errors.add(at, message);
                } else {
                    field.insert(VALUES[0].to_owned(), value.clone());
                }
            }
            _ => errors.add(at, "is not known here: a custom field has an id (or key) and a field_value"),
        }
    }
    if !map.contains_key("id") && !map.contains_key("key") {
        errors.add(at, "must have an id or a key");
    }
    if !VALUES.iter().any(|name| map.contains_key(*name)) {
        errors.add(at, "must have a field_value");
    }
    Value::Object(field)
}

fn identifier(text: &str) -> text::Checked {
    text::title(text)
}

/// A value as some type of custom field takes it: text, number, list of texts, or a file field's map.
fn plain(value: &Value, depth: usize) -> Result<(), String> {
    match value {
        Value::String(text) => text::body(text).map(drop),
        Value::Number(number) if number.as_f64().is_none_or(|number| number.abs() > MAX_EXACT) => {
            Err("has more digits than JSON numbers keep; give it as a text".to_owned())
        }
        Value::Number(_) | Value::Bool(_) => Ok(()),
        Value::Null => Err("must not be null: GHL clears a custom field by an empty text".to_owned()),
        Value::Array(_) | Value::Object(_) if depth == 0 => Err("is nested too deeply".to_owned()),
        Value::Array(items) => items.iter().try_for_each(|item| plain(item, depth - 1)),
        Value::Object(map) => {
            map.iter().try_for_each(|(name, item)| text::line(name).and_then(|_| plain(item, depth - 1)))
        }
    }
}

/// `{Call: {status, message, code}, …}`.
pub(super) fn dnd(value: &Value, at: &str, errors: &mut Errors) -> Value {
    let Value::Object(map) = value else {
        errors.add(at, "must be an object of channels");
        return Value::Null;
    };
    let mut settings = Map::new();
    for (name, setting) in map {
        let at = below(at, name);
        let Some(channel) = CHANNELS.iter().find(|channel| channel.eq_ignore_ascii_case(name)) else {
            errors.add(at, format!("is no channel: there are {}", CHANNELS.join(", ")));
            continue;
        };
        if settings.contains_key(*channel) {
            errors.add(at, "the channel must be given once");
            continue;
        }
        let setting = dnd_setting(setting, &at, &["active", "inactive", "permanent"], &["message", "code"], errors);
        settings.insert((*channel).to_owned(), setting);
    }
    Value::Object(settings)
}

/// `{all: {status, message}}`.
pub(super) fn inbound_dnd(value: &Value, at: &str, errors: &mut Errors) -> Value {
    let setting = value.as_object().filter(|map| map.len() == 1).and_then(|map| map.get("all"));
    let Some(setting) = setting else {
        errors.add(at, "must be {\"all\": {\"status\": \"active\"}} or with \"inactive\"");
        return Value::Null;
    };
    json!({"all": dnd_setting(setting, &below(at, "all"), &["active", "inactive"], &["message"], errors)})
}

fn dnd_setting(value: &Value, at: &str, words: &[&str], texts: &[&str], errors: &mut Errors) -> Value {
    let Value::Object(map) = value else {
        errors.add(at, format!("must be an object with a status: {}", words.join(", ")));
        return Value::Null;
    };
    for (name, value) in map {
        let at = below(at, name);
        if name == "status" {
            if !value.as_str().is_some_and(|word| words.contains(&word)) {
                errors.add(at, format!("must be one of {}", words.join(", ")));
            }
        } else if !texts.contains(&name.as_str()) {
            errors.add(at, format!("is not known here: there are status, {}", texts.join(", ")));
        } else if let Err(message) = value.as_str().map_or_else(|| Err("must be a text".to_owned()), text::line) {
            errors.add(at, message);
        }
    }
    if !map.contains_key("status") {
        errors.add(at, format!("must have a status: {}", words.join(", ")));
    }
    value.clone()
}

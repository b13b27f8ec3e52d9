//! Request bodies are checked against a whitelist per operation, in the way and in the words of the validator that GHL
//! uses: an unknown property is refused, and every problem is named.

use serde_json::{Map, Value};

use super::{Version, errors, shapes};
use crate::clock::parse_iso;
use crate::state::State;
use crate::wire::Reply;

/// What a property may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Text,
    NullableText,
    Flag,
    Number,
    Texts,
    CustomFields,
    DndSettings,
    InboundDnd,
    BirthDate,
    IsoDate,
    HexColor,
    /// Checked by the operation itself.
    Anything,
}

/// A property of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Property {
    name: &'static str,
    holds: Holds,
    required: bool,
}

pub(crate) const fn may(name: &'static str, holds: Holds) -> Property {
    Property { name, holds, required: false }
}

pub(crate) const fn must(name: &'static str, holds: Holds) -> Property {
    Property { name, holds, required: true }
}

/// The body as an object that keeps to `properties`, or GHL's 422.
pub(crate) fn check(
    state: &mut State,
    version: Version,
    body: Value,
    properties: &[Property],
) -> Result<Map<String, Value>, Reply> {
    let Value::Object(map) = body else {
        return Err(errors::bad_request(state, "Unexpected token in JSON: the body is no object"));
    };
    let unknown = map.keys().filter(|key| !properties.iter().any(|property| property.name == key.as_str()));
    let mut problems: Vec<String> = unknown.map(|key| format!("property {key} should not exist")).collect();
    for property in properties {
        problems.extend(property.problems(map.get(property.name), version));
    }
    if problems.is_empty() { Ok(map) } else { Err(errors::unprocessable(state, &problems)) }
}

impl Property {
    fn problems(&self, value: Option<&Value>, version: Version) -> Vec<String> {
        let name = self.name;
        match value {
            None if !self.required => Vec::new(),
            None if self.holds == Holds::Text => {
                vec![format!("{name} should not be empty"), format!("{name} must be a string")]
            }
            None => vec![self.complaint()],
            Some(Value::String(text)) if self.required && self.holds == Holds::Text && text.is_empty() => {
                vec![format!("{name} should not be empty")]
            }
            Some(value) => match self.holds {
                Holds::CustomFields if value.is_array() => custom_field_problems(value),
                Holds::DndSettings if value.is_object() => dnd_problems(value, version),
                holds if fits(holds, value) => Vec::new(),
                _ => vec![self.complaint()],
            },
        }
    }

    fn complaint(&self) -> String {
        let name = self.name;
        match self.holds {
            Holds::Text | Holds::NullableText | Holds::Anything => format!("{name} must be a string"),
            Holds::Flag => format!("{name} must be a boolean value"),
            Holds::Number => format!("{name} must be a number conforming to the specified constraints"),
            Holds::Texts => format!("each value in {name} must be a string, {name} must be an array"),
            Holds::CustomFields => format!("{name} must be an array"),
            Holds::DndSettings | Holds::InboundDnd => format!("{name} must be an object"),
            Holds::BirthDate => format!("{name} must be YYYY-MM-DD or MM-DD-YYYY"),
            Holds::IsoDate => format!("{name} must be a valid ISO 8601 date string"),
            Holds::HexColor => format!("{name} must be a hexadecimal color"),
        }
    }
}

fn fits(holds: Holds, value: &Value) -> bool {
    match holds {
        Holds::Text => value.is_string(),
        Holds::NullableText => value.is_string() || value.is_null(),
        Holds::Flag => value.is_boolean(),
        Holds::Number => value.is_number(),
        Holds::Texts => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
        Holds::InboundDnd => inbound_fits(value),
        Holds::BirthDate => value.is_null() || value.as_str().is_some_and(|text| birth_date(text).is_some()),
        Holds::IsoDate => value.as_str().is_some_and(|text| parse_iso(text).is_some()),
        Holds::HexColor => value.as_str().is_some_and(is_hex_color),
        Holds::Anything => true,
        Holds::CustomFields | Holds::DndSettings => false,
    }
}

fn custom_field_problems(value: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    for (at, entry) in value.as_array().into_iter().flatten().enumerate() {
        let Some(map) = entry.as_object() else {
            problems.push(format!("customFields.{at} must be an object"));
            continue;
        };
        let known = |key: &str| ["id", "key", "field_value", "fieldValue"].contains(&key);
        let unknown = map.keys().filter(|key| !known(key));
        problems.extend(unknown.map(|key| format!("customFields.{at}.property {key} should not exist")));
        if !map.get("id").or_else(|| map.get("key")).is_some_and(Value::is_string) {
            problems.push(format!("customFields.{at}.id must be a string"));
        }
    }
    problems
}

fn dnd_problems(value: &Value, version: Version) -> Vec<String> {
    let mut problems = Vec::new();
    for (key, setting) in value.as_object().into_iter().flatten() {
        let status = setting.get("status").and_then(Value::as_str).unwrap_or_default();
        if shapes::dnd_key_in(key, version).is_none() {
            problems.push(format!("dndSettings.property {key} should not exist"));
        } else if !["active", "inactive", "permanent"].contains(&status) {
            let values = "active, inactive, permanent";
            problems.push(format!("dndSettings.{key}.status must be one of the following values: {values}"));
        }
    }
    problems
}

fn inbound_fits(value: &Value) -> bool {
    let Some(map) = value.as_object() else { return false };
    map.iter().all(|(key, setting)| {
        let status = setting.get("status").and_then(Value::as_str);
        key == "all" && matches!(status, Some("active" | "inactive"))
    })
}

fn is_hex_color(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or(text);
    matches!(digits.len(), 3 | 4 | 6 | 8) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `YYYY-MM-DD` or `MM-DD-YYYY`, parted by `-`, `/`, `.` or `_`, as GHL gives it back.
pub(crate) fn birth_date(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split(['-', '/', '.', '_']).collect();
    let [a, b, c] = parts[..] else { return None };
    let (year, month, day) = if a.len() == 4 { (a, b, c) } else { (c, a, b) };
    if year.len() != 4 {
        return None;
    }
    let date = jiff::civil::Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
    Some(format!("{date}T00:00:00.000Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn birth_dates_come_in_two_orders_and_four_separators() {
        for text in ["1990-09-25", "09-25-1990", "1990/09/25", "09.25.1990", "1990_09_25"] {
            assert_eq!(birth_date(text).as_deref(), Some("1990-09-25T00:00:00.000Z"), "{text}");
        }
        for bad in ["25-09-1990", "1990-9", "", "yesterday", "90-09-25"] {
            assert_eq!(birth_date(bad), None, "{bad}");
        }
    }
}

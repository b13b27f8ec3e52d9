//! Search filters: leaves `{field, operator, value}` and groups, over the fields GHL lists. Parsing refuses what GHL
//! refuses; deciding whether a contact fits is pure.

use serde_json::{Value, json};

use super::errors;
use crate::clock::{Millis, parse_iso};
use crate::model::Contact;
use crate::state::State;
use crate::wire::Reply;

const FIELDS: &[&str] = &[
    "id",
    "contactName",
    "firstNameLowerCase",
    "lastNameLowerCase",
    "email",
    "phone",
    "address",
    "city",
    "state",
    "country",
    "postalCode",
    "businessName",
    "companyName",
    "assignedTo",
    "source",
    "type",
    "tags",
    "timezone",
    "website",
    "dnd",
    "validEmail",
    "isValidWhatsapp",
    "dateAdded",
    "dateUpdated",
    "dateOfBirth",
    "lastAppointment",
    "lastEmailClickedDate",
    "lastEmailOpenedDate",
    "followers",
    "activeWorkflows",
    "finishedWorkflows",
    "opportunities",
    "inboundDndSettings.all.status",
];
const OPPORTUNITY_FIELDS: &[&str] = &["pipelineId", "pipelineStageId", "status"];
const DEPTH_MAX: usize = 8;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Leaf { field: String, test: Test },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Test {
    Is(Value),
    IsNot(Value),
    Contains(String),
    ContainsNot(String),
    Exists,
    ExistsNot,
    Range { low: Option<(f64, bool)>, high: Option<(f64, bool)> },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Problem {
    Field(String),
    Operator,
    Shape(&'static str),
}

impl Problem {
    pub(crate) fn reply(&self, state: &mut State) -> Reply {
        match self {
            Self::Field(field) => errors::bad_request(state, &format!("Invalid field {field}")),
            Self::Operator => errors::invalid(state, "Invalid Operator"),
            Self::Shape(message) => errors::invalid(state, message),
        }
    }
}

/// The `filters` of a body; the top level is an AND.
pub(crate) fn parse(filters: Option<&Value>) -> Result<Filter, Problem> {
    match filters {
        None => Ok(Filter::All(Vec::new())),
        Some(Value::Array(items)) => Ok(Filter::All(parse_all(items, 0)?)),
        Some(_) => Err(Problem::Shape("filters must be an array")),
    }
}

fn parse_all(items: &[Value], depth: usize) -> Result<Vec<Filter>, Problem> {
    if depth > DEPTH_MAX {
        return Err(Problem::Shape("filters are nested too deeply"));
    }
    items.iter().map(|item| parse_one(item, depth)).collect()
}

fn parse_one(item: &Value, depth: usize) -> Result<Filter, Problem> {
    if let Some(group) = item.get("group").and_then(Value::as_str) {
        let Some(items) = item.get("filters").and_then(Value::as_array) else {
            return Err(Problem::Shape("filters must be an array"));
        };
        let parts = parse_all(items, depth + 1)?;
        return match group {
            "AND" => Ok(Filter::All(parts)),
            "OR" => Ok(Filter::Any(parts)),
            _ => Err(Problem::Shape("group must be one of the following values: AND, OR")),
        };
    }
    let field = item.get("field").and_then(Value::as_str).unwrap_or_default();
    if !is_known(field) {
        return Err(Problem::Field(field.to_owned()));
    }
    let operator = item.get("operator").and_then(Value::as_str).unwrap_or_default();
    let test = test(field, operator, item.get("value"))?;
    Ok(Filter::Leaf { field: field.to_owned(), test })
}

fn is_known(field: &str) -> bool {
    let custom = field.strip_prefix("customFields.").is_some_and(|id| !id.is_empty());
    let dnd = field.strip_prefix("dndSettings.").is_some_and(|rest| rest.ends_with(".status"));
    let opportunity = field.strip_prefix("opportunities.").is_some_and(|rest| OPPORTUNITY_FIELDS.contains(&rest));
    FIELDS.contains(&field) || custom || dnd || opportunity
}

fn test(field: &str, operator: &str, value: Option<&Value>) -> Result<Test, Problem> {
    let needed = || value.filter(|value| !value.is_null()).ok_or(Problem::Shape("value should not be empty"));
    match operator {
        "eq" => Ok(Test::Is(needed()?.clone())),
        "not_eq" => Ok(Test::IsNot(needed()?.clone())),
        "contains" | "not_contains" if field == "email" => Err(Problem::Operator),
        "contains" => Ok(Test::Contains(plain(needed()?)?)),
        "not_contains" => Ok(Test::ContainsNot(plain(needed()?)?)),
        "exists" => Ok(Test::Exists),
        "not_exists" => Ok(Test::ExistsNot),
        "range" => range(needed()?),
        _ => Err(Problem::Operator),
    }
}

fn plain(value: &Value) -> Result<String, Problem> {
    let text = value.as_str().ok_or(Problem::Shape("value must be a string"))?;
    let special = text.chars().any(|c| !c.is_alphanumeric() && !c.is_whitespace() && !"+-_'".contains(c));
    if special { Err(Problem::Shape("value must not contain special characters")) } else { Ok(text.to_lowercase()) }
}

fn range(value: &Value) -> Result<Test, Problem> {
    let end = |inclusive: &str, exclusive: &str| {
        let closed = value.get(inclusive).and_then(number).map(|at| (at, true));
        closed.or_else(|| value.get(exclusive).and_then(number).map(|at| (at, false)))
    };
    match (end("gte", "gt"), end("lte", "lt")) {
        (None, None) => Err(Problem::Shape("value must hold gte and lte, or gt and lt")),
        (low, high) => Ok(Test::Range { low, high }),
    }
}

fn number(value: &Value) -> Option<f64> {
    let instant = |at: Millis| at as f64;
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => parse_iso(text).map(instant).or_else(|| text.parse().ok()),
        _ => None,
    }
}

impl Filter {
    pub(crate) fn accepts(&self, contact: &Contact, state: &State) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.accepts(contact, state)),
            Self::Any(parts) => parts.is_empty() || parts.iter().any(|part| part.accepts(contact, state)),
            Self::Leaf { field, test } => test.accepts(&value_of(contact, field, state)),
        }
    }
}

impl Test {
    fn accepts(&self, value: &Value) -> bool {
        match self {
            Self::Is(wanted) => is(value, wanted),
            Self::IsNot(wanted) => !is(value, wanted),
            Self::Contains(part) => contains(value, part),
            Self::ContainsNot(part) => !contains(value, part),
            Self::Exists => exists(value),
            Self::ExistsNot => !exists(value),
            Self::Range { low, high } => number(value).is_some_and(|at| {
                let above = low.is_none_or(|(low, closed)| at > low || (closed && at == low));
                above && high.is_none_or(|(high, closed)| at < high || (closed && at == high))
            }),
        }
    }
}

/// Equality as an index has it: without regard to case, any of a list on either side.
fn is(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Array(items), wanted) => items.iter().any(|item| is(item, wanted)),
        (value, Value::Array(wanted)) => wanted.iter().any(|one| is(value, one)),
        (Value::String(a), Value::String(b)) => a.to_lowercase() == b.to_lowercase(),
        (a, b) => a == b,
    }
}

fn contains(value: &Value, part: &str) -> bool {
    match value {
        Value::String(text) => text.to_lowercase().contains(part),
        Value::Array(items) => items.iter().any(|item| contains(item, part)),
        _ => false,
    }
}

fn exists(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    }
}

fn value_of(contact: &Contact, field: &str, state: &State) -> Value {
    let text = |key: &str| contact.text(key).map_or(Value::Null, Value::from);
    let lower = |key: &str| contact.text(key).map(str::to_lowercase).map_or(Value::Null, Value::from);
    match field {
        "id" => contact.id.as_str().into(),
        "contactName" => contact.full_name().to_lowercase().into(),
        "firstNameLowerCase" => lower("firstName"),
        "lastNameLowerCase" => lower("lastName"),
        "address" => text("address1"),
        "businessName" => text("companyName"),
        "type" => "lead".into(),
        "tags" => contact.tags().into(),
        "followers" => contact.followers.as_slice().into(),
        "activeWorkflows" => contact.workflows.as_slice().into(),
        "dnd" => contact.dnd.into(),
        "dateAdded" => json!(contact.added),
        "dateUpdated" => json!(contact.updated),
        "lastAppointment" => {
            let events = state.appointments.get(&contact.id).into_iter().flatten();
            events.map(|event| event.start).max().map_or(Value::Null, |at| json!(at))
        }
        "inboundDndSettings.all.status" => {
            contact.inbound_dnd.as_ref().and_then(|dnd| dnd.pointer("/all/status")).cloned().unwrap_or_default()
        }
        other => nested(contact, other).unwrap_or_else(|| text(other)),
    }
}

fn nested(contact: &Contact, field: &str) -> Option<Value> {
    if let Some(id) = field.strip_prefix("customFields.") {
        let found = contact.custom_fields.iter().find(|(known, _)| known == id);
        return Some(found.map_or(Value::Null, |(_, value)| value.clone()));
    }
    let channel = field.strip_prefix("dndSettings.")?.strip_suffix(".status")?;
    let found = contact.dnd_settings.iter().find(|(key, _)| key.eq_ignore_ascii_case(channel));
    Some(found.and_then(|(_, setting)| setting.get("status")).cloned().unwrap_or_default())
}

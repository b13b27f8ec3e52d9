//! A profile as rules see it: what is not known is undefined, and what rules wrote themselves is not there, so that no
//! rule feeds on the output of another or its own.

use super::{
    known,
    ownership::{Ownership, fold},
};
use crate::domain::{
    problem::{Problem, ProblemKind},
    profile::Section,
};
use minijinja::Value as Jinja;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The longest text a sentence repeats, in characters.
const MAX_SHOWN_CHARS: usize = 60;

/// One profile, ready for evaluation.
#[derive(Debug)]
pub(super) struct Document {
    /// The contact as served.
    pub(super) contact: Value,
    /// The contact's tags as GHL compares them.
    pub(super) tags: BTreeSet<String>,
    /// What expressions see.
    pub(super) context: Jinja,
    /// The same, to tell values from.
    seen: Value,
    /// Sections that could not be had.
    unknown: Vec<Section>,
}

impl Document {
    /// Reads a profile as it is served.
    pub(super) fn read(profile: &Value, owned: &Ownership) -> Result<Self, Problem> {
        let contact = profile.get("contact").filter(|contact| contact.is_object()).cloned().ok_or_else(|| {
            Problem::new(ProblemKind::Internal, "The profile could not be read.").with_cause("it has no contact")
        })?;
        let mut seen = Map::new();
        seen.insert("contact".to_owned(), without_owned(contact.clone(), owned));
        for part in ["ip", "insights"] {
            seen.extend(profile.get(part).map(|value| (part.to_owned(), value.clone())));
        }
        let seen = Value::Object(seen);
        let tags = texts(contact.get("tags")).map(fold).collect();
        let unknown = Section::ALL.into_iter().filter(|section| is_unknown(profile, *section)).collect();
        Ok(Self { contact, tags, context: to_jinja(&seen), seen, unknown })
    }

    /// The first section that one of these paths rests on and that could not be had.
    pub(super) fn lacks(&self, paths: &BTreeSet<String>) -> Option<Section> {
        let mut sections = paths.iter().flat_map(|path| known::rests_on(path));
        sections.find(|section| self.unknown.contains(section)).copied()
    }

    /// What stands at each path, in words: `ip.geo.countryCode is DE, contact.email is known`.
    pub(super) fn tell(&self, paths: &BTreeSet<String>) -> String {
        let told: Vec<_> = without_word(paths).map(|path| format!("{path} {}", self.word(path))).collect();
        told.join(", ")
    }

    /// Those of the paths where nothing is known.
    pub(super) fn not_known<'a>(&self, paths: &'a BTreeSet<String>) -> Vec<&'a str> {
        without_word(paths).filter(|path| self.at(path).is_none()).collect()
    }

    fn at(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(&self.seen, |value, word| value.get(word)).filter(|value| !value.is_null())
    }

    fn word(&self, path: &str) -> String {
        match self.at(path) {
            None => "is not known".to_owned(),
            Some(Value::Array(items)) => format!("has {} entries", items.len()),
            Some(Value::String(text)) if known::may_be_shown(path) => {
                let shown: String = text.chars().take(MAX_SHOWN_CHARS).collect();
                format!("is {shown}{}", if shown.len() < text.len() { "…" } else { "" })
            }
            Some(value @ (Value::Bool(_) | Value::Number(_))) if known::may_be_shown(path) => format!("is {value}"),
            Some(_) => "is known".to_owned(),
        }
    }
}

/// The paths but for the word that is none.
fn without_word(paths: &BTreeSet<String>) -> impl Iterator<Item = &str> {
    paths.iter().map(String::as_str).filter(|path| *path != known::UNDECIDED)
}

/// Whether a section could not be had, or was not asked for. A contact without an address is something that is known.
fn is_unknown(profile: &Value, section: Section) -> bool {
    let report = profile.get("sections").and_then(|sections| sections.get(section.as_str()));
    let status = report.and_then(|report| report.get("status")).and_then(Value::as_str);
    !matches!(status, Some("fresh" | "stale" | "missing" | "reserved" | "invalid"))
}

/// The contact without what rules own: their tags, and the custom fields they fill.
fn without_owned(mut contact: Value, owned: &Ownership) -> Value {
    if let Some(tags) = contact.get_mut("tags").and_then(Value::as_array_mut) {
        tags.retain(|tag| tag.as_str().is_none_or(|tag| !owned.has_tag(&fold(tag))));
    }
    if let Some(fields) = contact.get_mut("customFields").and_then(Value::as_array_mut) {
        fields.retain(|field| field.get("id").and_then(Value::as_str).is_none_or(|id| !owned.fills_custom(id)));
    }
    contact
}

fn texts(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// A property that is null is left out: the engine then refuses whatever would need it.
fn to_jinja(value: &Value) -> Jinja {
    match value {
        Value::Null => Jinja::from(()),
        Value::Bool(truth) => Jinja::from(*truth),
        Value::String(text) => Jinja::from(text.as_str()),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Jinja::from(number),
            (None, Some(number)) => Jinja::from(number),
            (None, None) => Jinja::from(number.as_f64().unwrap_or_default()),
        },
        Value::Array(items) => items.iter().map(to_jinja).collect(),
        Value::Object(map) => map
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.as_str(), to_jinja(value)))
            .collect(),
    }
}

//! A mapping as it is written: a preset, laid under a system's own keys, taken apart key by key.

use super::{Flawed, MappingError};
use crate::expressions::Flaw;
use toml::{Table, Value};

/// Presets by their names.
pub(super) const PRESETS: [(&str, &str); 3] = [
    ("insurgo", include_str!("../presets/insurgo.toml")),
    ("form", include_str!("../presets/form.toml")),
    ("generic", include_str!("../presets/generic.toml")),
];

/// At least this alike, a known name is offered for an unknown one.
const ALIKE: f64 = 0.8;

/// The known name most like one, if any is like it; case and `_`, `-`, `.` weigh nothing.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| -> String {
        text.chars().take(64).filter(|c| !matches!(c, '_' | '-' | '.')).flat_map(char::to_lowercase).collect()
    };
    let word = plain(word);
    let scored = known.into_iter().map(|name| (strsim::jaro_winkler(&word, &plain(name)), name));
    let best = scored.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (best.0 >= ALIKE).then_some(best.1)
}

/// What is wrong with a name that is not known, with the one that was meant.
pub(super) fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(meant) => format!("there is no {what} {name:?}; did you mean {meant:?}?"),
        None => {
            let all: Vec<_> = known.into_iter().collect();
            format!("there is no {what} {name:?}; there are {}", all.join(", "))
        }
    }
}

/// Lays own keys over a preset's: tables key by key, everything else whole. An empty text takes a key away.
pub(super) fn lay(below: &mut Table, own: &Table) {
    for (key, value) in own {
        match (below.get_mut(key), value) {
            (_, Value::String(text)) if text.is_empty() => drop(below.remove(key)),
            (Some(Value::Table(below)), Value::Table(own)) => lay(below, own),
            // A field's owner can be changed without saying again where it is.
            (Some(Value::String(expression)), Value::Table(own)) if !own.contains_key("value") => {
                let mut whole = own.clone();
                whole.insert("value".to_owned(), Value::String(expression.clone()));
                below.insert(key.clone(), Value::Table(whole));
            }
            _ => drop(below.insert(key.clone(), value.clone())),
        }
    }
}

/// A table on its way, and what was wrong with it.
pub(super) struct Part<'a> {
    /// Where it stands, such as `contact.`; empty for the whole.
    at: String,
    table: &'a Table,
}

impl<'a> Part<'a> {
    /// A table whose keys are these and no others.
    pub(super) fn new(at: &str, table: &'a Table, keys: &[&str], flawed: &mut Flawed) -> Self {
        let at = if at.is_empty() { String::new() } else { format!("{at}.") };
        for strange in table.keys().filter(|key| !keys.contains(&key.as_str())) {
            flawed.add(&format!("{at}{strange}"), unknown("key", strange, keys.iter().copied()));
        }
        Self { at, table }
    }

    /// The whole name of a key.
    pub(super) fn key(&self, key: &str) -> String {
        format!("{}{key}", self.at)
    }

    /// A text that is not empty.
    pub(super) fn text(&self, key: &str, flawed: &mut Flawed) -> Option<&'a str> {
        match self.table.get(key)? {
            Value::String(text) if text.trim().is_empty() => None,
            Value::String(text) => Some(text),
            _ => {
                flawed.add(&self.key(key), "must be a text, in quotes");
                None
            }
        }
    }

    /// True or false.
    pub(super) fn truth(&self, key: &str, flawed: &mut Flawed) -> bool {
        match self.table.get(key) {
            None => false,
            Some(Value::Boolean(truth)) => *truth,
            Some(_) => {
                flawed.add(&self.key(key), "must be true or false");
                false
            }
        }
    }

    /// A list of texts.
    pub(super) fn words(&self, key: &str, flawed: &mut Flawed) -> Vec<&'a str> {
        let Some(value) = self.table.get(key) else { return Vec::new() };
        let words: Option<Vec<&str>> = value.as_array().and_then(|items| items.iter().map(Value::as_str).collect());
        if words.is_none() {
            flawed.add(&self.key(key), "must be a list of texts, such as [\"done\", \"closed\"]");
        }
        words.unwrap_or_default()
    }

    /// A table within.
    pub(super) fn table(&self, key: &str, flawed: &mut Flawed) -> Option<&'a Table> {
        let value = self.table.get(key)?;
        if value.as_table().is_none() {
            flawed.add(&self.key(key), "must be a table");
        }
        value.as_table()
    }
}

impl Flawed {
    /// Notes something wrong with a key.
    pub(super) fn add(&mut self, key: &str, what: impl Into<String>) {
        self.note(key, Flaw { position: None, what: what.into() });
    }

    /// Notes a flaw of a key's text.
    pub(super) fn note(&mut self, key: &str, flaw: Flaw) {
        let key = format!("sources.systems[{}].mapping.{key}", self.index);
        let error = MappingError { key, position: flaw.position, what: flaw.what };
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }
}

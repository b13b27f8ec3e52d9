//! TOML text to a flat list of dotted keys with their places. Knows nothing of which keys exist.
//!
//! Parse errors are told by message and place alone: the parser's own display repeats the line, which may hold a secret.

use super::error::{Origin, Problem, SettingsError};
use std::{ops::Range, path::Path};
use toml::{
    Value,
    de::{DeTable, DeValue},
};

/// One key of a document.
#[derive(Debug)]
pub(super) struct Entry {
    /// `section.key`, or a bare name where something else than a table stands outside any section.
    pub(super) key: String,
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// Which document a text is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which<'a> {
    Defaults,
    File(&'a Path),
}

/// Parses a whole document. One that is not TOML yields its errors and no entry.
pub(super) fn parse(text: &str, which: Which<'_>, errors: &mut Vec<SettingsError>) -> Vec<Entry> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (table, wrong) = DeTable::parse_recoverable(text);
    if !wrong.is_empty() {
        errors.extend(wrong.iter().map(|error| syntax_error(error, text, which)));
        return Vec::new();
    }
    let mut entries = Vec::new();
    for (section, body) in table.get_ref() {
        let Some(keys) = body.get_ref().as_table() else {
            push(
                &mut entries,
                errors,
                section.get_ref().to_string(),
                body.get_ref(),
                which.origin(text, section.span()),
            );
            continue;
        };
        for (key, value) in keys {
            let origin = which.origin(text, key.span());
            push(&mut entries, errors, format!("{}.{}", section.get_ref(), key.get_ref()), value.get_ref(), origin);
        }
    }
    entries
}

fn push(entries: &mut Vec<Entry>, errors: &mut Vec<SettingsError>, key: String, value: &DeValue<'_>, origin: Origin) {
    match plain(value) {
        Some(value) => entries.push(Entry { key, value, origin }),
        None => errors.push(SettingsError::new(
            key,
            &origin,
            Problem::new("holds a number that is too large for any setting", "Write a smaller number."),
        )),
    }
}

/// The value without its places; `None` if a number in it does not fit.
fn plain(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(digits) => Value::Integer(i64::from_str_radix(digits.as_str(), digits.radix()).ok()?),
        DeValue::Float(digits) => Value::Float(digits.as_str().parse().ok()?),
        DeValue::Boolean(truth) => Value::Boolean(*truth),
        DeValue::Datetime(time) => Value::Datetime(*time),
        DeValue::Array(items) => Value::Array(items.iter().map(|item| plain(item.get_ref())).collect::<Option<_>>()?),
        DeValue::Table(table) => Value::Table(
            table
                .iter()
                .map(|(key, value)| Some((key.get_ref().to_string(), plain(value.get_ref())?)))
                .collect::<Option<_>>()?,
        ),
    })
}

fn syntax_error(error: &toml::de::Error, text: &str, which: Which<'_>) -> SettingsError {
    let origin = which.origin(text, error.span().unwrap_or(0..0));
    let remedy = "Texts stand in quotes, each key once, lists in [ ].";
    SettingsError::new("settings file", &origin, Problem::new(format!("not TOML: {}", error.message()), remedy))
}

impl Which<'_> {
    fn origin(self, text: &str, span: Range<usize>) -> Origin {
        match self {
            Which::Defaults => Origin::Default,
            Which::File(path) => {
                let (line, column) = place(text, span.start);
                Origin::FileAt { path: path.to_owned(), line, column }
            }
        }
    }
}

/// Line and column of a byte, counted from 1, the column in characters.
fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Parses one value as it stands in a variable: `5`, `true`, `["a"]`.
pub(super) fn parse_value(text: &str) -> Option<Value> {
    plain(DeValue::parse(text).ok()?.get_ref())
}

//! GHL's records made into domain types, leniently: `null`, a missing key, a number for a string, one value for a list
//! and dates of several shapes are read as what they mean, and never cost the record.
//!
//! A known field whose value has no possible reading keeps it under `unparsed`, by the field's name; unknown fields are
//! passed through. Only a record without an id is none ([`NoId`]). Misspelt and doubled fields end here.

mod attribution;
mod contact;
mod event;
mod fields;
mod note;
mod task;

pub use contact::contact;
pub use event::event;
pub use note::note;
pub use task::task;

use super::redact::Redaction;
use jiff::tz::TimeZone;
use serde_json::Value;

/// What reading a record depends on beside the record. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Fields to cut out.
    pub redact: Redaction,
    /// The location's zone, for times that come without one.
    pub timezone: Option<TimeZone>,
}

/// The value is no record: not an object, or without a usable id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record without an id")]
pub struct NoId;

/// Reads a list, and counts the entries that are no records: one broken entry does not cost the others.
pub(super) fn list<T>(entries: Vec<Value>, read: impl Fn(Value) -> Result<T, NoId>) -> (Vec<T>, usize) {
    let given = entries.len();
    let records: Vec<T> = entries.into_iter().filter_map(|entry| read(entry).ok()).collect();
    let skipped = given - records.len();
    (records, skipped)
}

#[cfg(test)]
mod tests;

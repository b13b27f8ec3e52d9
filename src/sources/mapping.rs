//! What a source's payloads mean.
//!
//! A mapping is a table of expressions: where in a payload the type, the id and the time of an event are, where the record,
//! and which of its properties are which of GHL's fields. What an expression finds nothing for, or `null`, or an empty
//! text, is not mentioned, and what is not mentioned changes nothing. What GHL would refuse is refused here, with a pointer
//! to where in the payload it stands; no sentence repeats a value.

mod compile;
mod context;
mod document;
mod filters;
mod instant;
mod parts;
mod reading;
mod records;

#[cfg(test)]
mod tests;

use crate::{
    domain::{
        problem::FieldError,
        source::{ExternalId, Owner, RecordKind, SourceEvent, SourceEventId},
    },
    expressions::Position,
    settings::SystemSettings,
};
use jiff::Timestamp;
use parts::Compiled;
pub(super) use reading::MAX_AHEAD;
use reading::{Reading, below};
pub(super) use records::is_made;
use serde_json::Value;
use std::{fmt, sync::Arc};

/// A mapping that compiles. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mapping {
    inner: Arc<Compiled>,
}

/// What is wrong with a mapping.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct MappingError {
    /// The setting, such as `sources.systems[0].mapping.contact.id`.
    pub key: String,
    /// Where in that text, as far as it is one place.
    pub position: Option<Position>,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.key)?;
        if let Some(position) = self.position {
            write!(f, "{position}: ")?;
        }
        f.write_str(&self.what)
    }
}

/// Everything that is wrong with the mappings, at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct MappingErrors(pub Vec<MappingError>);

impl fmt::Display for MappingErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("the mappings have 1 error:")?,
            count => write!(f, "the mappings have {count} errors:")?,
        }
        self.0.iter().try_for_each(|error| write!(f, "\n  {error}"))
    }
}

/// What is wrong with one of them, as it is gathered.
#[derive(Debug)]
struct Flawed {
    index: usize,
    errors: Vec<MappingError>,
}

/// What is known of an event beside its payload.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// The id that the request's header gave (`webhook-id` of Standard Webhooks).
    pub header_id: Option<&'a str>,
    /// Where in the request it stood, of several.
    pub index: Option<usize>,
    /// When it arrived, which is the time of what tells none.
    pub received_at: Timestamp,
}

/// What a payload means.
#[derive(Debug, Clone, PartialEq)]
pub enum Mapped {
    /// An event.
    Event(SourceEvent),
    /// Of a kind that the mapping passes over, or does not know.
    PassedOver {
        /// Its id.
        id: SourceEventId,
        /// Why, naming the type.
        why: String,
    },
}

/// Compiles the mapping of each system, in their order.
///
/// # Errors
/// All that is wrong with any of them.
pub fn compile(systems: &[SystemSettings]) -> Result<Vec<Mapping>, MappingErrors> {
    let (mut mappings, mut errors) = (Vec::with_capacity(systems.len()), Vec::new());
    for (index, system) in systems.iter().enumerate() {
        match Mapping::compile(index, system) {
            Ok(mapping) => mappings.push(mapping),
            Err(wrong) => errors.extend(wrong),
        }
    }
    if errors.is_empty() { Ok(mappings) } else { Err(MappingErrors(errors)) }
}

impl Mapping {
    /// Compiles the mapping of a system; `index` is its place in `sources.systems`, for errors.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn compile(index: usize, system: &SystemSettings) -> Result<Self, Vec<MappingError>> {
        compile::compile(index, system).map(|compiled| Self { inner: Arc::new(compiled) })
    }

    /// The payloads of a body: itself, its elements, or those of the list that the mapping names.
    ///
    /// # Errors
    /// Where it is not of that shape.
    pub fn split<'a>(&self, body: &'a Value) -> Result<Vec<&'a Value>, Vec<FieldError>> {
        let at = self.list_at();
        let list = body.pointer(&at);
        let refuse = |pointer: String, message: &str| vec![FieldError { pointer, message: message.to_owned() }];
        match list {
            Some(Value::Array(items)) => match items.iter().position(|item| !item.is_object()) {
                Some(index) => Err(refuse(format!("{at}/{index}"), "must be a JSON object")),
                None => Ok(items.iter().collect()),
            },
            Some(Value::Object(_)) if self.inner.each.is_none() => Ok(vec![body]),
            Some(_) if self.inner.each.is_none() => Err(refuse(at, "must be a JSON object or a list of such")),
            Some(_) => Err(refuse(at, "must be a list")),
            None => Err(refuse(at, "is required: the mapping looks for a list of events there")),
        }
    }

    /// The pointer to the list of payloads in a body that holds several.
    #[must_use]
    pub fn list_at(&self) -> String {
        self.inner.each.iter().flatten().skip(1).fold(String::new(), |at, step| below(&at, step))
    }

    /// The record that a payload is about, and the contact that it belongs to, by their ids in the source: as far as the
    /// mapping finds them, whether or not it understands the rest.
    #[must_use]
    pub fn subjects(&self, payload: &Value) -> (Option<ExternalId>, Option<ExternalId>) {
        Reading::of(&self.inner, payload).subjects()
    }

    /// What a payload means.
    ///
    /// # Errors
    /// Everything wrong with it, by JSON pointer into the payload.
    pub fn read(&self, payload: &Value, arrival: Arrival<'_>) -> Result<Mapped, Vec<FieldError>> {
        Reading::of(&self.inner, payload).read(arrival)
    }

    /// What a line of a listing means: a payload as an event has it, or a record alone, of the type `kind` (a type in the
    /// source's own words). `as_of` is the time of what names none; `received_at` is when the line came. Its id is made of
    /// what it says; that of a note without one of its own, of its event's, which must then be named.
    ///
    /// # Errors
    /// As with [`Self::read`].
    pub fn read_listed(
        &self,
        line: &Value,
        kind: Option<&str>,
        as_of: Timestamp,
        received_at: Timestamp,
    ) -> Result<Mapped, Vec<FieldError>> {
        Reading::of(&self.inner, line).read_listed(kind, as_of, received_at)
    }

    /// The id of an event that cannot be understood otherwise: the mapping's where that much can be told, else the
    /// header's, else one made of the payload.
    #[must_use]
    pub fn id_of(&self, payload: &Value, arrival: Arrival<'_>) -> SourceEventId {
        Reading::of(&self.inner, payload).id_at_any_rate(arrival)
    }

    /// Who decides what stands in a field of GHL's, by [`crate::domain::source::RecordState::fields`]' name of it.
    #[must_use]
    pub fn owner(&self, kind: RecordKind, field: &str) -> Owner {
        let fields = match kind {
            RecordKind::Contact => self.inner.contact.as_ref().map(|part| &part.fields),
            RecordKind::Task => self.inner.task.as_ref().map(|part| &part.fields),
            RecordKind::Note => None,
        };
        fields
            .and_then(|fields| fields.iter().find(|known| known.name == field))
            .map_or(Owner::Source, |field| field.owner)
    }

    /// Whether a contact that is deleted in the source is deleted in GHL.
    #[must_use]
    pub fn deletes_contacts(&self) -> bool {
        self.inner.delete_contacts
    }
}

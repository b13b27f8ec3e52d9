//! What an event's body in the store looks like, and what it means: the payload as it came, or of a listing the line with
//! what is needed to understand it again.

use super::{
    mapping::{Arrival, Mapped},
    systems::System,
};
use crate::{
    domain::{
        problem::FieldError,
        source::{Change, ExternalId, RecordKind, SourceEvent, SourceEventId, SourceEventKind, TagChange, Version},
    },
    store::PendingSourceEvent,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// How much of what is wrong is told in one sentence.
const TOLD_ERRORS: usize = 5;
const TOLD_CHARS: usize = 500;

/// A line of a listing, or a record that one left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedBody {
    pub(super) as_of: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) verify: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) missing: Option<Missing>,
}

/// A record that a full listing left out: it was deleted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Missing {
    pub(super) kind: RecordKind,
    pub(super) id: ExternalId,
    pub(super) version: Version,
}

impl Missing {
    /// The same as an event.
    pub(super) fn event(&self, id: SourceEventId, as_of: Timestamp) -> SourceEvent {
        let change = Change {
            kind: self.kind,
            id: self.id.clone(),
            version: self.version,
            parent: None,
            fields: BTreeMap::new(),
            tags: TagChange::default(),
            deleted: true,
        };
        // There is no event that a note was deleted; nothing but the list shows the kind.
        let kind = match self.kind {
            RecordKind::Contact => SourceEventKind::ContactDeleted,
            RecordKind::Task => SourceEventKind::TaskDeleted,
            RecordKind::Note => SourceEventKind::NoteAdded,
        };
        SourceEvent { id, kind, at: as_of, changes: vec![change] }
    }
}

/// What a stored event means.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meaning {
    /// An event, and whether its records are to be compared with what GHL holds.
    Event(SourceEvent, bool),
    /// One that is passed over; why.
    PassedOver(String),
    /// One that cannot be understood any more; why.
    Unclear(String),
}

/// Understands a stored event, by the mapping as it is now.
pub(super) fn understand(system: &System, pending: &PendingSourceEvent) -> Meaning {
    let read = if pending.listed { listed(system, pending) } else { pushed(system, pending) };
    match read {
        // The store knows it by the id that it came under.
        Ok((Mapped::Event(event), verify)) => {
            Meaning::Event(SourceEvent { id: pending.event_id.clone(), ..event }, verify || pending.replayed)
        }
        Ok((Mapped::PassedOver { why, .. }, _)) => Meaning::PassedOver(why),
        Err(errors) => Meaning::Unclear(told(&errors)),
    }
}

type Understood = Result<(Mapped, bool), Vec<FieldError>>;

fn pushed(system: &System, pending: &PendingSourceEvent) -> Understood {
    let payload = decoded(&pending.body)?;
    // The id that a header gave stands for the header, and for its place in the request.
    let arrival = Arrival { header_id: Some(pending.event_id.as_str()), index: None, received_at: pending.received_at };
    Ok((system.mapping.read(&payload, arrival)?, false))
}

fn listed(system: &System, pending: &PendingSourceEvent) -> Understood {
    let body: ListedBody = decoded(&pending.body)?;
    match (&body.missing, &body.line) {
        (Some(missing), _) => Ok((Mapped::Event(missing.event(pending.event_id.clone(), body.as_of)), body.verify)),
        (None, Some(line)) => {
            Ok((system.mapping.read_listed(line, body.kind.as_deref(), body.as_of, pending.received_at)?, body.verify))
        }
        (None, None) => Err(vec![unreadable()]),
    }
}

fn decoded<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Vec<FieldError>> {
    serde_json::from_slice(body).map_err(|_| vec![unreadable()])
}

fn unreadable() -> FieldError {
    FieldError { pointer: String::new(), message: "what was kept of the event cannot be read".to_owned() }
}

/// What is wrong, in one sentence of bounded length.
pub(super) fn told(errors: &[FieldError]) -> String {
    let one = |error: &FieldError| match error.pointer.as_str() {
        "" => error.message.clone(),
        pointer => format!("{pointer}: {}", error.message),
    };
    let mut text = errors.iter().take(TOLD_ERRORS).map(one).collect::<Vec<_>>().join("; ");
    if errors.len() > TOLD_ERRORS {
        text.push_str("; and more");
    }
    match text.char_indices().nth(TOLD_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

//! Taking events in: proof, JSON, the mapping's reading of each, and one commit for all of a request.

use super::{
    Core, later_than_full,
    mapping::{Arrival, Mapped},
    stored::told,
    systems::{Proven, System},
};
use crate::{
    domain::{
        json_guard::{self, pointer},
        problem::{FieldError, Problem, ProblemKind},
        source::{
            NewSourceEvent, Proof, RecordKind, SourceEvent, SourceEventId, SourceEventKind, SourceFate, SourceReceipt,
            TakenEvent,
        },
    },
    store::{StoreError, TakenIn},
    telemetry::metrics::SourceOutcome,
};
use jiff::Timestamp;
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// How long the store has to take events in.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);

/// How many errors of a request are told one by one.
const MAX_ERRORS: usize = 50;

/// An event of a request as it was understood.
pub(super) enum Read {
    /// An event, or one that is passed over.
    Mapped(Mapped),
    /// What is wrong with it, and the id it has all the same.
    Bad(SourceEventId, Vec<FieldError>),
}

/// A payload of a request.
pub(super) struct Item<'a> {
    pub(super) payload: &'a Value,
    /// The pointer to it in the body.
    pub(super) at: String,
    pub(super) read: Read,
}

impl Item<'_> {
    /// What is wrong with it, and where it stands.
    fn errors(&self) -> impl Iterator<Item = (&str, &FieldError)> {
        let errors = match &self.read {
            Read::Bad(_, errors) => errors.as_slice(),
            Read::Mapped(_) => &[],
        };
        errors.iter().map(|error| (self.at.as_str(), error))
    }
}

/// The JSON of a body.
///
/// # Errors
/// `malformed-body`.
pub(super) fn parsed(body: &[u8]) -> Result<Value, Problem> {
    let malformed = || Problem::new(ProblemKind::MalformedBody, "The body is not well-formed JSON.");
    json_guard::check(body).map_err(|fault| malformed().with_error(pointer(&fault.path), fault.message))?;
    serde_json::from_slice(body).map_err(|error| malformed().with_cause(error.to_string()))
}

/// The payloads of a request, each understood.
///
/// # Errors
/// `validation-failed`: as [`read_each`], or, unless such are kept as dead letters, where some cannot be understood.
pub(super) fn read_all<'a>(
    system: &System,
    body: &'a Value,
    header_id: Option<&str>,
    most: usize,
    received_at: Timestamp,
) -> Result<Vec<Item<'a>>, Problem> {
    let items = read_each(system, body, header_id, most, received_at)?;
    let wrong = || items.iter().flat_map(Item::errors);
    let further = wrong().count().saturating_sub(MAX_ERRORS);
    let mut errors: Vec<FieldError> = wrong().take(MAX_ERRORS).map(|(at, error)| below(at, error)).collect();
    if errors.is_empty() || system.settings.keep_bad_events {
        return Ok(items);
    }
    if further > 0 {
        errors.push(FieldError { pointer: String::new(), message: format!("and {further} more") });
    }
    Err(invalid(errors))
}

/// The payloads of a request, each understood as far as it can be.
///
/// # Errors
/// `validation-failed`: where the body is not of the shape that the mapping names, or holds too many.
pub(super) fn read_each<'a>(
    system: &System,
    body: &'a Value,
    header_id: Option<&str>,
    most: usize,
    received_at: Timestamp,
) -> Result<Vec<Item<'a>>, Problem> {
    let payloads = system.mapping.split(body).map_err(invalid)?;
    let list = system.mapping.list_at();
    if payloads.len() > most {
        let message = format!("a request holds at most {most} events (sources.max_events)");
        return Err(invalid(vec![FieldError { pointer: list, message }]));
    }
    let several = payloads.len() > 1 || body.is_array();
    let read = |(index, payload): (usize, &'a Value)| {
        let at = if std::ptr::eq(payload, body) { String::new() } else { format!("{list}/{index}") };
        let arrival = Arrival { header_id, index: several.then_some(index), received_at: in_turn(received_at, index) };
        let read = match system.mapping.read(payload, arrival) {
            Ok(mapped) => Read::Mapped(mapped),
            Err(found) => Read::Bad(system.mapping.id_of(payload, arrival), found),
        };
        Item { payload, at, read }
    };
    Ok(payloads.into_iter().enumerate().map(read).collect())
}

/// When a payload of a request counts as received: what tells no time of its own is ordered by it.
fn in_turn(received_at: Timestamp, index: usize) -> Timestamp {
    let microseconds = Duration::from_micros(u64::try_from(index).unwrap_or(u64::MAX));
    super::later(received_at, microseconds)
}

/// An error in what a pointer leads to, by its pointer from there.
pub(super) fn below(before: &str, error: &FieldError) -> FieldError {
    FieldError { pointer: format!("{before}{}", error.pointer), message: error.message.clone() }
}

fn invalid(errors: Vec<FieldError>) -> Problem {
    let detail = "The events cannot be understood. Nothing of the request was taken.";
    Problem { errors, ..Problem::new(ProblemKind::ValidationFailed, detail) }
}

/// What an event is about: its record, and the contact that belongs to.
pub(super) fn subjects(
    event: &SourceEvent,
) -> (Option<crate::domain::source::ExternalId>, Option<crate::domain::source::ExternalId>) {
    let last = event.changes.last();
    let contact =
        event.changes.iter().find(|change| change.kind == RecordKind::Contact).map(|change| change.id.clone());
    let parent = last.and_then(|change| change.parent.clone());
    (last.map(|change| change.id.clone()), contact.or(parent))
}

/// An event on its way into the store, which keeps milliseconds: what tells no time of its own gets one that nothing else
/// has, so that such events keep the order in which they came, however often they are understood again.
fn stored(core: &Core, system: &System, (index, item): (usize, &Item<'_>), now: Timestamp) -> NewSourceEvent {
    let tells_time = matches!(&item.read, Read::Mapped(Mapped::Event(event)) if event.at != in_turn(now, index));
    let received_at = if tells_time { now } else { core.own_moment(now) };
    let mut new = NewSourceEvent {
        source: system.settings.name.clone(),
        event_id: id(&item.read),
        kind: kind(&item.read),
        location: system.settings.location.clone(),
        external_id: None,
        contact_external_id: None,
        event_at: None,
        received_at,
        body: item.payload.to_string().into_bytes(),
        listed: false,
        fate: None,
    };
    match &item.read {
        Read::Mapped(Mapped::Event(event)) => {
            (new.external_id, new.contact_external_id) = subjects(event);
            new.event_at = Some(if tells_time { event.at } else { received_at });
        }
        // Whose it is, is kept of those, too: so that forgetting a contact finds what is kept of it.
        Read::Mapped(Mapped::PassedOver { why, .. }) => {
            (new.external_id, new.contact_external_id) = system.mapping.subjects(item.payload);
            new.fate = Some((SourceFate::Ignored, why.clone()));
        }
        Read::Bad(_, errors) => {
            (new.external_id, new.contact_external_id) = system.mapping.subjects(item.payload);
            new.fate = Some((SourceFate::Failed, told(errors)));
        }
    }
    new
}

fn id(read: &Read) -> SourceEventId {
    match read {
        Read::Mapped(Mapped::Event(event)) => event.id.clone(),
        Read::Mapped(Mapped::PassedOver { id, .. }) | Read::Bad(id, _) => id.clone(),
    }
}

const fn kind(read: &Read) -> Option<SourceEventKind> {
    match read {
        Read::Mapped(Mapped::Event(event)) => Some(event.kind),
        Read::Mapped(Mapped::PassedOver { .. }) | Read::Bad(..) => None,
    }
}

/// Verifies, understands and stores the events of a request.
pub(super) async fn push(
    core: &Arc<Core>,
    source: &crate::domain::source::SourceName,
    proof: &Proof,
    body: &[u8],
) -> Result<SourceReceipt, Problem> {
    let now = core.now();
    let Proven { system, header_id } = core.systems.proven(source, proof, body, now)?;
    let parsed = parsed(body)?;
    let items = read_all(system, &parsed, header_id.as_deref(), core.settings.max_events, now)?;
    let new: Vec<NewSourceEvent> = items.iter().enumerate().map(|item| stored(core, system, item, now)).collect();
    let mut events: Vec<TakenEvent> = items
        .iter()
        .map(|item| TakenEvent { event_id: id(&item.read), kind: kind(&item.read), duplicate: false })
        .collect();
    let taken = tokio::time::timeout(TAKEN_WITHIN, take_in(core, new)).await;
    let late = || StoreError::Failed("it did not answer in time".to_owned());
    let fresh = match taken.unwrap_or_else(|_| Err(late())) {
        Ok(TakenIn::Yes(fresh)) => fresh,
        Ok(TakenIn::Full) => return Err(later_than_full()),
        Err(failure) => return Err(unstored(&failure)),
    };
    for (event, fresh) in events.iter_mut().zip(&fresh) {
        event.duplicate = !fresh;
    }
    let dead = items.iter().zip(&fresh).filter(|(item, fresh)| **fresh && matches!(item.read, Read::Bad(..)));
    core.parts.metrics.sources().received(Some(source), SourceOutcome::DeadLetter, dead.count() as u64);
    let duplicates = events.iter().filter(|event| event.duplicate).count() as u64;
    Ok(SourceReceipt { accepted: events.len() as u64 - duplicates, duplicates, events })
}

/// Also what was given up on, by us or by who sent it, is stored and rung for all the same.
pub(super) async fn take_in(core: &Arc<Core>, events: Vec<NewSourceEvent>) -> Result<TakenIn, StoreError> {
    if events.is_empty() {
        return Ok(TakenIn::Yes(Vec::new()));
    }
    let own = Arc::clone(core);
    let stored = core.parts.tasks.spawn_load("source-receive", async move {
        let taken = own.parts.store.take_in(events, own.settings.max_pending).await;
        own.note_change();
        own.arrived.notify_one();
        taken
    });
    stored.await.map_err(|_| StoreError::Failed("taking it in broke down".to_owned()))?
}

/// As with a full store: whoever pushes sends it again, and what was taken all the same is known again by its id.
fn unstored(failure: &StoreError) -> Problem {
    let detail = "The events cannot be stored at present. Send them again.";
    Problem::new(ProblemKind::TooManyRequests, detail).with_retry_after(super::TRY_AGAIN).with_cause(failure.in_full())
}

//! Rows of sources, and the values they stand for.

use crate::{
    domain::{
        ids::{ContactId, LocationId},
        source::{
            ExternalId, ListedEvent, RecordKey, RecordKind, RecordStatus, SourceEventId, SourceEventKind, SourceFate,
            SourceName, SourceRecord,
        },
    },
    store::{
        Lane, PendingSourceEvent, StoreError,
        sqlite::{
            fault::damaged,
            rows::{of_json, time},
        },
    },
};
use jiff::Timestamp;
use sqlx::{Row as _, sqlite::SqliteRow};

/// What a list of events reads: all but the body.
pub(super) const EVENT: &str = "seq, source, event_id, kind, location, external_id, contact_external_id, event_at,
     received_at, fate, fate_at, detail, operations_json, duplicates, replays,
     stage IS NULL AND body IS NOT NULL AS replayable";

/// A name of an outside system's.
pub(super) fn external(text: &str) -> Result<ExternalId, StoreError> {
    ExternalId::parse(text).map_err(|_| damaged("external id"))
}

/// A source's name.
pub(super) fn source(text: &str) -> Result<SourceName, StoreError> {
    SourceName::parse(text).map_err(|_| damaged("source"))
}

/// A column that holds a time or nothing.
pub(super) fn moment(row: &SqliteRow, column: &str) -> Result<Option<Timestamp>, StoreError> {
    row.try_get::<Option<i64>, _>(column)?.map(time).transpose()
}

fn event_id(row: &SqliteRow) -> Result<SourceEventId, StoreError> {
    SourceEventId::parse(row.try_get("event_id")?).map_err(|_| damaged("event id"))
}

fn received_at(row: &SqliteRow) -> Result<Timestamp, StoreError> {
    moment(row, "received_at")?.ok_or_else(|| damaged("time"))
}

/// Reads a row with the columns of [`EVENT`].
pub(super) fn event(row: &SqliteRow) -> Result<ListedEvent, StoreError> {
    let text = |name: &str| row.try_get::<Option<&str>, _>(name);
    let kind = text("kind")?.map(|word| SourceEventKind::parse(word).ok_or_else(|| damaged("kind"))).transpose()?;
    let operations = text("operations_json")?.map(|text| of_json(text, "operations")).transpose()?;
    Ok(ListedEvent {
        seq: row.try_get("seq")?,
        source: source(row.try_get("source")?)?,
        event_id: event_id(row)?,
        kind,
        location_id: LocationId::parse(row.try_get("location")?).map_err(|_| damaged("location"))?,
        external_id: text("external_id")?.map(external).transpose()?,
        contact_external_id: text("contact_external_id")?.map(external).transpose()?,
        event_at: moment(row, "event_at")?,
        received_at: received_at(row)?,
        fate: text("fate")?.and_then(SourceFate::parse).ok_or_else(|| damaged("fate"))?,
        fate_at: moment(row, "fate_at")?,
        detail: row.try_get("detail")?,
        operations: operations.unwrap_or_default(),
        duplicates: row.try_get("duplicates")?,
        replays: row.try_get("replays")?,
        replayable: row.try_get("replayable")?,
    })
}

/// Reads a row of `source_events` that just arrived.
pub(super) fn pending(row: &SqliteRow) -> Result<PendingSourceEvent, StoreError> {
    Ok(PendingSourceEvent {
        seq: row.try_get("seq")?,
        source: source(row.try_get("source")?)?,
        event_id: event_id(row)?,
        received_at: received_at(row)?,
        listed: row.try_get("listed")?,
        replayed: row.try_get::<i64, _>("replays")? > 0,
        body: row.try_get::<Option<&[u8]>, _>("body")?.ok_or_else(|| damaged("body"))?.to_vec(),
    })
}

/// Which record a row of `source_records` is.
pub(super) fn key(row: &SqliteRow) -> Result<RecordKey, StoreError> {
    Ok(RecordKey {
        source: source(row.try_get("source")?)?,
        kind: RecordKind::parse(row.try_get("kind")?).ok_or_else(|| damaged("kind"))?,
        id: external(row.try_get("id")?)?,
    })
}

/// Reads a row of `source_records` with all its columns.
pub(super) fn record(row: &SqliteRow) -> Result<SourceRecord, StoreError> {
    let text = |name: &str| row.try_get::<Option<&str>, _>(name);
    let contact = text("ghl_contact")?.map(ContactId::parse).transpose().map_err(|_| damaged("contact"))?;
    Ok(SourceRecord {
        key: key(row)?,
        location: LocationId::parse(row.try_get("location")?).map_err(|_| damaged("location"))?,
        state: of_json(row.try_get("state_json")?, "state")?,
        merged_seq: row.try_get("merged_seq")?,
        ghl_id: row.try_get("ghl_id")?,
        ghl_contact: contact,
        delivered: of_json(row.try_get("delivered_json")?, "delivery")?,
        intent: text("intent_json")?.map(|text| of_json(text, "intent")).transpose()?,
        status: RecordStatus::parse(row.try_get("status")?).ok_or_else(|| damaged("status"))?,
        due_at: time(row.try_get("due_at")?)?,
        tries: row.try_get("tries")?,
        verify: row.try_get("verify")?,
        problem: text("problem_json")?.map(|text| of_json(text, "problem")).transpose()?,
    })
}

/// A lane as it is stored: that of a contact by the contact, that of a record alone by the record.
pub(super) fn lane_key(lane: &Lane) -> Option<(&str, &str, &str)> {
    let (kind, id) = match (&lane.contact, &lane.alone) {
        (Some(contact), _) => (RecordKind::Contact, contact),
        (None, Some((kind, id))) => (*kind, id),
        (None, None) => return None,
    };
    Some((lane.source.as_str(), kind.as_str(), id.as_str()))
}

/// Reads a row of `source_lanes`.
pub(super) fn lane(row: &SqliteRow) -> Result<Lane, StoreError> {
    let RecordKey { source, kind, id } = key(row)?;
    Ok(match kind {
        RecordKind::Contact => Lane { source, contact: Some(id), alone: None },
        RecordKind::Task | RecordKind::Note => Lane { source, contact: None, alone: Some((kind, id)) },
    })
}

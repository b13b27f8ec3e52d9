//! Rows, and the values they stand for.

use super::fault::damaged;
use crate::{
    domain::{
        ids::{ContactId, LocationId, OperationId},
        operation::{AuditEntry, AuditEvent, Operation, OperationState, Requester},
        write::WriteKind,
    },
    store::StoreError,
};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Row as _, sqlite::SqliteRow};

/// A time as it is stored.
pub(super) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// A time as it was stored.
pub(super) fn time(millis: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(millis).map_err(|_| damaged("time"))
}

/// A value as it is stored.
pub(super) fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Failed(error.to_string()))
}

/// A value as it was stored. What it says is not repeated: it may be personal.
pub(super) fn of_json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| damaged(what))
}

fn maybe<T, U>(value: Option<T>, read: impl FnOnce(T) -> Result<U, StoreError>) -> Result<Option<U>, StoreError> {
    value.map(read).transpose()
}

/// An operation with what only the store needs to know of it.
#[derive(Debug)]
pub(super) struct Stored {
    pub operation: Operation,
    pub head: bool,
    pub started_at: Option<i64>,
}

/// Reads a row of `operations` with all its columns.
pub(super) fn stored(row: &SqliteRow) -> Result<Stored, StoreError> {
    Ok(Stored {
        operation: operation(row)?,
        head: row.try_get::<i64, _>("head")? == 1,
        started_at: row.try_get("started_at")?,
    })
}

/// Reads a row of `operations` with all its columns.
pub(super) fn operation(row: &SqliteRow) -> Result<Operation, StoreError> {
    let text = |name: &str| row.try_get::<&str, _>(name);
    let moment = |name: &str| -> Result<Option<Timestamp>, StoreError> { maybe(row.try_get(name)?, time) };
    Ok(Operation {
        id: OperationId::parse(text("id")?).map_err(|_| damaged("id"))?,
        seq: row.try_get("seq")?,
        location: LocationId::parse(text("location")?).map_err(|_| damaged("location"))?,
        contact: contact(row)?,
        write: of_json(text("write_json")?, "write")?,
        order_key: row.try_get("order_key")?,
        state: OperationState::parse(text("state")?).ok_or_else(|| damaged("state"))?,
        requester: Requester { key: row.try_get("requester_key")?, request_id: row.try_get("request_id")? },
        idempotency_key: row.try_get("client_key")?,
        created_at: time(row.try_get("created_at")?)?,
        updated_at: time(row.try_get("updated_at")?)?,
        due_at: time(row.try_get("due_at")?)?,
        attempts: row.try_get("attempts")?,
        uncertain_since: moment("uncertain_since")?,
        settles_at: moment("settles_at")?,
        written: maybe(row.try_get::<Option<&str>, _>("written_json")?, |text| of_json(text, "answer"))?,
        problem: maybe(row.try_get::<Option<&str>, _>("problem_json")?, |text| of_json(text, "problem"))?,
        erased_at: moment("erased_at")?,
    })
}

fn contact(row: &SqliteRow) -> Result<Option<ContactId>, StoreError> {
    maybe(row.try_get::<Option<&str>, _>("contact")?, |id| ContactId::parse(id).map_err(|_| damaged("contact")))
}

/// Reads a row of `audit` with all its columns.
pub(super) fn audit_entry(row: &SqliteRow) -> Result<AuditEntry, StoreError> {
    let text = |name: &str| row.try_get::<Option<&str>, _>(name);
    Ok(AuditEntry {
        seq: row.try_get("seq")?,
        at: time(row.try_get("at")?)?,
        event: text("event")?.and_then(AuditEvent::parse).ok_or_else(|| damaged("event"))?,
        location_id: maybe(text("location")?, |id| LocationId::parse(id).map_err(|_| damaged("location")))?,
        contact_id: contact(row)?,
        operation_id: maybe(text("operation")?, |id| OperationId::parse(id).map_err(|_| damaged("id")))?,
        kind: maybe(text("kind")?, |word| WriteKind::parse(word).ok_or_else(|| damaged("kind")))?,
        key: row.try_get("requester_key")?,
        request_id: row.try_get("request_id")?,
        attempt: row.try_get("attempt")?,
        outcome: row.try_get("outcome")?,
        upstream_status: row.try_get("upstream_status")?,
        duration_ms: maybe(row.try_get::<Option<i64>, _>("duration_ms")?, |ms| {
            u64::try_from(ms).map_err(|_| damaged("duration"))
        })?,
        payload: maybe(text("payload_json")?, |text| of_json(text, "payload"))?,
    })
}

//! Rows of the inbox, and the events they stand for.

use super::moment;
use crate::{
    domain::{
        ids::{ContactId, LocationId, WebhookId},
        webhook::{EventFate, WebhookEvent},
    },
    store::{PendingEvent, StoreError, sqlite::fault::damaged},
};
use sqlx::{Row as _, sqlite::SqliteRow};

/// What a list reads: all but the body.
pub(super) const COLUMNS: &str = "seq, webhook_id, type, location, contact, subject, event_at, received_at, duplicates,
     replays, attempts, fate, fate_at, detail, stage IS NULL AND body IS NOT NULL AS replayable";

/// Reads a row with these columns.
pub(super) fn event(row: &SqliteRow) -> Result<WebhookEvent, StoreError> {
    let text = |name: &str| row.try_get::<Option<&str>, _>(name);
    let location = text("location")?.map(LocationId::parse).transpose().map_err(|_| damaged("location"))?;
    let contact = text("contact")?.map(ContactId::parse).transpose().map_err(|_| damaged("contact"))?;
    let id = text("webhook_id")?.unwrap_or_default();
    Ok(WebhookEvent {
        seq: row.try_get("seq")?,
        webhook_id: WebhookId::parse(id).map_err(|_| damaged("webhook id"))?,
        kind: row.try_get("type")?,
        location_id: location,
        contact_id: contact,
        subject_id: row.try_get("subject")?,
        event_at: moment(row, "event_at")?,
        received_at: moment(row, "received_at")?.ok_or_else(|| damaged("time"))?,
        fate: text("fate")?.and_then(EventFate::parse).ok_or_else(|| damaged("fate"))?,
        fate_at: moment(row, "fate_at")?,
        detail: row.try_get("detail")?,
        attempts: row.try_get("attempts")?,
        duplicates: row.try_get("duplicates")?,
        replays: row.try_get("replays")?,
        replayable: row.try_get("replayable")?,
    })
}

/// The same, with the body.
pub(super) fn pending(row: &SqliteRow) -> Result<PendingEvent, StoreError> {
    let body = row.try_get::<Option<&[u8]>, _>("body")?.unwrap_or_default().to_vec();
    Ok(PendingEvent { event: event(row)?, body })
}

//! A note, with the plain-text twin GHL does not give.

use super::{
    NoId, Reading,
    fields::{Fields, Zoneless},
};
use crate::{
    domain::{
        ids::{ContactId, NoteId},
        note::Note,
    },
    ghl::text::html_to_text,
};
use serde_json::Value;

/// Reads a note.
///
/// # Errors
/// [`NoId`] where it is no object or has no usable id.
pub fn note(record: Value, reading: &Reading) -> Result<Note, NoId> {
    let mut fields = Fields::new(record, reading)?;
    let id = fields.own_id(NoteId::parse)?;
    let body = fields.text(&["body"]).unwrap_or_default();
    Ok(Note {
        id,
        text: html_to_text(&body),
        body,
        contact_id: fields.id(&["contactId"], ContactId::parse),
        title: fields.text(&["title"]),
        user_id: fields.text(&["userId"]),
        color: fields.text(&["color"]),
        pinned: fields.flag(&["pinned"]),
        date_added: fields.instant(&["dateAdded"], Zoneless::Utc),
        date_updated: fields.instant(&["dateUpdated"], Zoneless::Utc),
        extra: fields.rest(&["text"], &["traceId"]),
    })
}

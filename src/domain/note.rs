//! A note on a contact.

use super::ids::{ContactId, NoteId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A note. `body` is untrusted HTML as GHL keeps it; `text` is its plain-text twin.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// GHL's id.
    pub id: NoteId,
    /// The contact it belongs to, where GHL says so.
    pub contact_id: Option<ContactId>,
    /// Title, where one was given.
    pub title: Option<String>,
    /// The body as it came: may hold HTML, even script. Never render it unescaped.
    pub body: String,
    /// The body without mark-up, entities resolved.
    pub text: String,
    /// User who wrote it.
    pub user_id: Option<String>,
    /// Colour, `#rrggbb`.
    pub color: Option<String>,
    /// Whether it is pinned.
    pub pinned: Option<bool>,
    /// When it was written.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub date_added: Option<Timestamp>,
    /// When it was last changed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub date_updated: Option<Timestamp>,
    /// Fields GHL sends that have no name of ours yet.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

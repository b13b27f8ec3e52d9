//! A task on a contact.

use super::ids::{ContactId, TaskId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// GHL's id.
    pub id: TaskId,
    /// The contact it belongs to, where GHL says so.
    pub contact_id: Option<ContactId>,
    /// Title.
    pub title: Option<String>,
    /// Body.
    pub body: Option<String>,
    /// User it is assigned to.
    pub assigned_to: Option<String>,
    /// When it is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_date: Option<Timestamp>,
    /// Whether it is done.
    pub completed: bool,
    /// Fields GHL sends that have no name of ours yet.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

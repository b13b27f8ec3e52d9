//! A task; a location-wide search gives the same record under `_id`.

use super::{
    NoId, Reading,
    fields::{Fields, Zoneless},
};
use crate::domain::{
    ids::{ContactId, TaskId},
    task::Task,
};
use serde_json::Value;

/// Reads a task.
///
/// # Errors
/// [`NoId`] where it is no object or has no usable id.
pub fn task(record: Value, reading: &Reading) -> Result<Task, NoId> {
    let mut fields = Fields::new(record, reading)?;
    let id = fields.own_id(TaskId::parse)?;
    Ok(Task {
        id,
        contact_id: fields.id(&["contactId"], ContactId::parse),
        title: fields.text(&["title"]),
        body: fields.text(&["body"]),
        assigned_to: fields.text(&["assignedTo"]),
        due_date: fields.instant(&["dueDate"], Zoneless::Utc),
        completed: fields.flag(&["completed"]).unwrap_or(false),
        extra: fields.rest(&[], &["traceId"]),
    })
}

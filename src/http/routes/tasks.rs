//! Tasks of a contact.

use super::{
    super::{
        caller::{Caller, Read},
        params::{Asked, ContactPath, InPath, LocationQuery},
        respond,
    },
    Items,
};
use crate::domain::{
    ids::{ContactId, TaskId},
    problem::Problem,
    task::Task,
};
use actix_web::{HttpRequest, HttpResponse, get};
use utoipa::IntoParams;

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "documents the parameter; InPath parses it")]
struct TaskPath {
    /// GHL's id of the task.
    #[param(rename = "taskId", value_type = TaskId, example = "84d42a31b01b0cf8b6fc3f87")]
    task_id: TaskId,
}

/// Tasks of a contact
///
/// All of them, open and done: GHL has no paging here.
#[utoipa::path(
    tag = "tasks",
    params(ContactPath, LocationQuery),
    responses((status = 200, description = "The tasks", body = Items<Task>,
        links(("getTask" = (operation_id = "get_task", parameters(
            ("contactId" = "$request.path.contactId"), ("taskId" = "$response.body#/items/0/id")))))))
)]
#[get("/v1/contacts/{contactId}/tasks")]
pub(super) async fn list_tasks(
    request: HttpRequest,
    caller: Caller<Read>,
    InPath(contact): InPath<ContactId>,
    Asked(asked): Asked<LocationQuery>,
) -> Result<HttpResponse, Problem> {
    let location = caller.location(asked.location_id)?;
    let context = caller.context(&request);
    let items = caller.api().tasks(&location, &contact, &context).await?;
    respond::json(&request, &Items { items }, &context.timings.snapshot()).await
}

/// A task
///
/// As GHL has it now.
#[utoipa::path(
    tag = "tasks",
    params(ContactPath, TaskPath, LocationQuery),
    responses((status = 200, description = "The task", body = Task))
)]
#[get("/v1/contacts/{contactId}/tasks/{taskId}")]
pub(super) async fn get_task(
    request: HttpRequest,
    caller: Caller<Read>,
    InPath(contact): InPath<ContactId>,
    InPath(task): InPath<TaskId>,
    Asked(asked): Asked<LocationQuery>,
) -> Result<HttpResponse, Problem> {
    let location = caller.location(asked.location_id)?;
    let context = caller.context(&request);
    let task = caller.api().task(&location, &contact, &task, &context).await?;
    respond::json(&request, &task, &context.timings.snapshot()).await
}

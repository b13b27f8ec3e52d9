//! Tasks of a contact.

use super::{
    super::{
        caller::{Caller, ReadContact},
        operation_document::OperationDocument,
        params::{Asked, ContactPath, InPath, LocationQuery, in_path},
        respond,
        writing::{Change, Completion, Deleted, NewTask, TaskChange, Wanted, invalid},
    },
    Items,
};
use crate::domain::{
    ids::{ContactId, TaskId},
    problem::Problem,
    task::Task,
    write::{self, Fields, Intent, Write, WriteKind},
};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put};
use serde_json::Value;
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
    caller: Caller<ReadContact>,
    InPath(contact): InPath<ContactId>,
    Asked(asked): Asked<LocationQuery>,
) -> Result<HttpResponse, Problem> {
    let location = caller.location_of(&contact, asked.location_id)?;
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
    caller: Caller<ReadContact>,
    InPath(contact): InPath<ContactId>,
    InPath(task): InPath<TaskId>,
    Asked(asked): Asked<LocationQuery>,
) -> Result<HttpResponse, Problem> {
    let location = caller.location_of(&contact, asked.location_id)?;
    let context = caller.context(&request);
    let task = caller.api().task(&location, &contact, &task, &context).await?;
    respond::json(&request, &task, &context.timings.snapshot()).await
}

pub(in crate::http) struct Create;

impl Change for Create {
    const KIND: WriteKind = WriteKind::CreateTask;

    fn write(request: &HttpRequest, body: &Value) -> Result<Write, Problem> {
        let fields = Fields::task(body, Intent::Create).map_err(invalid)?;
        Ok(Write::CreateTask { contact: in_path(request)?, fields })
    }
}

pub(in crate::http) struct Update;

impl Change for Update {
    const KIND: WriteKind = WriteKind::UpdateTask;

    fn write(request: &HttpRequest, body: &Value) -> Result<Write, Problem> {
        let (contact, task) = (in_path(request)?, in_path(request)?);
        Ok(Write::UpdateTask { contact, task, fields: Fields::task(body, Intent::Update).map_err(invalid)? })
    }
}

pub(in crate::http) struct Delete;

impl Change for Delete {
    const KIND: WriteKind = WriteKind::DeleteTask;
    const BODY: bool = false;

    fn write(request: &HttpRequest, _: &Value) -> Result<Write, Problem> {
        Ok(Write::DeleteTask { contact: in_path(request)?, task: in_path(request)? })
    }
}

pub(in crate::http) struct Complete;

impl Change for Complete {
    const KIND: WriteKind = WriteKind::CompleteTask;

    fn write(request: &HttpRequest, body: &Value) -> Result<Write, Problem> {
        let completed = write::completion(body).map_err(invalid)?;
        Ok(Write::CompleteTask { contact: in_path(request)?, task: in_path(request)?, completed })
    }
}

/// Create a task
///
/// Once, whatever breaks in between: where GHL's answer is lost, it is looked whether the task is there before it is sent
/// again.
#[utoipa::path(
    tag = "tasks",
    params(ContactPath, LocationQuery),
    request_body = NewTask,
    responses(
        (status = 201, description = "The task, as GHL made it", body = Task,
            links(("getTask" = (operation_id = "get_task", parameters(
                ("contactId" = "$request.path.contactId"), ("taskId" = "$response.body#/id")))))),
        (status = 202, description = "Accepted; GHL has not answered yet", body = OperationDocument)
    )
)]
#[post("/v1/contacts/{contactId}/tasks")]
pub(super) async fn create_task(request: HttpRequest, wanted: Wanted<Create>) -> Result<HttpResponse, Problem> {
    wanted.carry_out(&request).await
}

/// Change a task
///
/// What the body does not name stays as it is.
#[utoipa::path(
    tag = "tasks",
    params(ContactPath, TaskPath, LocationQuery),
    request_body = TaskChange,
    responses(
        (status = 200, description = "The task as it is now", body = Task,
            links(("getTask" = (operation_id = "get_task", parameters(
                ("contactId" = "$request.path.contactId"), ("taskId" = "$response.body#/id")))))),
        (status = 202, description = "Accepted; GHL has not answered yet", body = OperationDocument)
    )
)]
#[put("/v1/contacts/{contactId}/tasks/{taskId}")]
pub(super) async fn update_task(request: HttpRequest, wanted: Wanted<Update>) -> Result<HttpResponse, Problem> {
    wanted.carry_out(&request).await
}

/// Complete a task, or open it again
///
/// Nothing else of the task changes.
#[utoipa::path(
    tag = "tasks",
    params(ContactPath, TaskPath, LocationQuery),
    request_body = Completion,
    responses(
        (status = 200, description = "The task as it is now", body = Task,
            links(("getTask" = (operation_id = "get_task", parameters(
                ("contactId" = "$request.path.contactId"), ("taskId" = "$response.body#/id")))))),
        (status = 202, description = "Accepted; GHL has not answered yet", body = OperationDocument)
    )
)]
#[put("/v1/contacts/{contactId}/tasks/{taskId}/completed")]
pub(super) async fn complete_task(request: HttpRequest, wanted: Wanted<Complete>) -> Result<HttpResponse, Problem> {
    wanted.carry_out(&request).await
}

/// Delete a task
///
/// For good.
#[utoipa::path(
    tag = "tasks",
    params(ContactPath, TaskPath, LocationQuery),
    responses(
        (status = 200, description = "It is gone", body = Deleted),
        (status = 202, description = "Accepted; GHL has not answered yet", body = OperationDocument)
    )
)]
#[delete("/v1/contacts/{contactId}/tasks/{taskId}")]
pub(super) async fn delete_task(request: HttpRequest, wanted: Wanted<Delete>) -> Result<HttpResponse, Problem> {
    wanted.carry_out(&request).await
}

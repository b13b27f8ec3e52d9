//! Notes of a contact.

use super::{
    super::{
        caller::{Caller, ReadContact},
        operation_document::OperationDocument,
        params::{Asked, ContactPath, InPath, LocationQuery, in_path},
        respond,
        writing::{Change, Deleted, NewNote, NoteChange, Wanted, invalid},
    },
    Items,
};
use crate::domain::{
    ids::{ContactId, NoteId},
    note::Note,
    problem::Problem,
    write::{Fields, Intent, Write, WriteKind},
};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put};
use serde_json::Value;
use utoipa::IntoParams;

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "documents the parameter; InPath parses it")]
struct NotePath {
    /// GHL's id of the note.
    #[param(rename = "noteId", value_type = NoteId, example = "fdN48dKc4OiwIly5Ih1v")]
    note_id: NoteId,
}

/// Notes of a contact
///
/// All of them. Bodies are untrusted HTML; `text` is their plain-text twin. GHL has no paging here.
#[utoipa::path(
    tag = "notes",
    params(ContactPath, LocationQuery),
    responses((status = 200, description = "The notes", body = Items<Note>,
        links(("getNote" = (operation_id = "get_note", parameters(
            ("contactId" = "$request.path.contactId"), ("noteId" = "$response.body#/items/0/id")))))))
)]
#[get("/v1/contacts/{contactId}/notes")]
pub(super) async fn list_notes(
    request: HttpRequest,
    caller: Caller<ReadContact>,
    InPath(contact): InPath<ContactId>,
    Asked(asked): Asked<LocationQuery>,
) -> Result<HttpResponse, Problem> {
    let location = caller.location_of(&contact, asked.location_id)?;
    let context = caller.context(&request);
    let items = caller.api().notes(&location, &contact, &context).await?;
    respond::json(&request, &Items { items }, &context.timings.snapshot()).await
}

/// A note
///
/// As GHL has it now.
#[utoipa::path(
    tag = "notes",
    params(ContactPath, NotePath, LocationQuery),
    responses((status = 200, description = "The note", body = Note))
)]
#[get("/v1/contacts/{contactId}/notes/{noteId}")]
pub(super) async fn get_note(
    request: HttpRequest,
    caller: Caller<ReadContact>,
    InPath(contact): InPath<ContactId>,
    InPath(note): InPath<NoteId>,
    Asked(asked): Asked<LocationQuery>,
) -> Result<HttpResponse, Problem> {
    let location = caller.location_of(&contact, asked.location_id)?;
    let context = caller.context(&request);
    let note = caller.api().note(&location, &contact, &note, &context).await?;
    respond::json(&request, &note, &context.timings.snapshot()).await
}

pub(in crate::http) struct Create;

impl Change for Create {
    const KIND: WriteKind = WriteKind::CreateNote;

    fn write(request: &HttpRequest, body: &Value) -> Result<Write, Problem> {
        let fields = Fields::note(body, Intent::Create).map_err(invalid)?;
        Ok(Write::CreateNote { contact: in_path(request)?, fields })
    }
}

pub(in crate::http) struct Update;

impl Change for Update {
    const KIND: WriteKind = WriteKind::UpdateNote;

    fn write(request: &HttpRequest, body: &Value) -> Result<Write, Problem> {
        let (contact, note) = (in_path(request)?, in_path(request)?);
        Ok(Write::UpdateNote { contact, note, fields: Fields::note(body, Intent::Update).map_err(invalid)? })
    }
}

pub(in crate::http) struct Delete;

impl Change for Delete {
    const KIND: WriteKind = WriteKind::DeleteNote;
    const BODY: bool = false;

    fn write(request: &HttpRequest, _: &Value) -> Result<Write, Problem> {
        Ok(Write::DeleteNote { contact: in_path(request)?, note: in_path(request)? })
    }
}

/// Create a note
///
/// Once, whatever breaks in between: where GHL's answer is lost, it is looked whether the note is there before it is sent
/// again.
#[utoipa::path(
    tag = "notes",
    params(ContactPath, LocationQuery),
    request_body = NewNote,
    responses(
        (status = 201, description = "The note, as GHL made it", body = Note,
            links(("getNote" = (operation_id = "get_note", parameters(
                ("contactId" = "$request.path.contactId"), ("noteId" = "$response.body#/id")))))),
        (status = 202, description = "Accepted; GHL has not answered yet", body = OperationDocument)
    )
)]
#[post("/v1/contacts/{contactId}/notes")]
pub(super) async fn create_note(request: HttpRequest, wanted: Wanted<Create>) -> Result<HttpResponse, Problem> {
    wanted.carry_out(&request).await
}

/// Change a note
///
/// What the body does not name stays as it is.
#[utoipa::path(
    tag = "notes",
    params(ContactPath, NotePath, LocationQuery),
    request_body = NoteChange,
    responses(
        (status = 200, description = "The note as it is now", body = Note,
            links(("getNote" = (operation_id = "get_note", parameters(
                ("contactId" = "$request.path.contactId"), ("noteId" = "$response.body#/id")))))),
        (status = 202, description = "Accepted; GHL has not answered yet", body = OperationDocument)
    )
)]
#[put("/v1/contacts/{contactId}/notes/{noteId}")]
pub(super) async fn update_note(request: HttpRequest, wanted: Wanted<Update>) -> Result<HttpResponse, Problem> {
    wanted.carry_out(&request).await
}

/// Delete a note
///
/// For good.
#[utoipa::path(
    tag = "notes",
    params(ContactPath, NotePath, LocationQuery),
    responses(
        (status = 200, description = "It is gone", body = Deleted),
        (status = 202, description = "Accepted; GHL has not answered yet", body = OperationDocument)
    )
)]
#[delete("/v1/contacts/{contactId}/notes/{noteId}")]
pub(super) async fn delete_note(request: HttpRequest, wanted: Wanted<Delete>) -> Result<HttpResponse, Problem> {
    wanted.carry_out(&request).await
}

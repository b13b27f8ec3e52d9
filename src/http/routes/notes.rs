//! Notes of a contact.

use super::{
    super::{
        caller::{Caller, Read},
        params::{Asked, ContactPath, InPath, LocationQuery},
        respond,
    },
    Items,
};
use crate::domain::{
    ids::{ContactId, NoteId},
    note::Note,
    problem::Problem,
};
use actix_web::{HttpRequest, HttpResponse, get};
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
    caller: Caller<Read>,
    InPath(contact): InPath<ContactId>,
    Asked(asked): Asked<LocationQuery>,
) -> Result<HttpResponse, Problem> {
    let location = caller.location(asked.location_id)?;
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
    caller: Caller<Read>,
    InPath(contact): InPath<ContactId>,
    InPath(note): InPath<NoteId>,
    Asked(asked): Asked<LocationQuery>,
) -> Result<HttpResponse, Problem> {
    let location = caller.location(asked.location_id)?;
    let context = caller.context(&request);
    let note = caller.api().note(&location, &contact, &note, &context).await?;
    respond::json(&request, &note, &context.timings.snapshot()).await
}

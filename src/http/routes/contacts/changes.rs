//! Contacts changed: created, changed, found and changed or created, deleted.

use super::super::super::{
    operation_document::OperationDocument,
    params::{ContactPath, LocationQuery, in_path},
    writing::{Change, ContactChange, ContactUpsert, Deleted, NewContact, Upserted, Wanted, invalid},
};
use crate::domain::{
    contact::Contact,
    ids::ContactId,
    problem::Problem,
    write::{Fields, Intent, Write, WriteKind},
};
use actix_web::{HttpRequest, HttpResponse, delete, post, put};
use serde_json::Value;
use utoipa::IntoParams;

/// A contact that Swagger UI may delete: the one of the other examples is still needed.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "documents the parameter; InPath parses it")]
struct DoomedPath {
    /// GHL's id of the contact.
    #[param(rename = "contactId", value_type = ContactId, example = "sandboxNonsense00001")]
    contact_id: ContactId,
}

pub(in crate::http) struct Create;

impl Change for Create {
    const KIND: WriteKind = WriteKind::CreateContact;

    fn write(_: &HttpRequest, body: &Value) -> Result<Write, Problem> {
        let fields = Fields::contact(body, Intent::Create).map_err(invalid)?;
        Ok(Write::CreateContact { fields })
    }
}

pub(in crate::http) struct Upsert;

impl Change for Upsert {
    const KIND: WriteKind = WriteKind::UpsertContact;

    fn write(_: &HttpRequest, body: &Value) -> Result<Write, Problem> {
        let fields = Fields::contact(body, Intent::Upsert).map_err(invalid)?;
        Ok(Write::UpsertContact { fields })
    }
}

pub(in crate::http) struct Update;

impl Change for Update {
    const KIND: WriteKind = WriteKind::UpdateContact;

    fn write(request: &HttpRequest, body: &Value) -> Result<Write, Problem> {
        let fields = Fields::contact(body, Intent::Update).map_err(invalid)?;
        Ok(Write::UpdateContact { contact: in_path(request)?, fields })
    }
}

pub(in crate::http) struct Delete;

impl Change for Delete {
    const KIND: WriteKind = WriteKind::DeleteContact;
    const BODY: bool = false;

    fn write(request: &HttpRequest, _: &Value) -> Result<Write, Problem> {
        Ok(Write::DeleteContact { contact: in_path(request)? })
    }
}

/// Create a contact
///
/// A location that permits no duplicates refuses one whose e-mail address or phone it knows, and names the contact that
/// has it. GHL also opens a conversation, and may start workflows that send messages.
#[utoipa::path(
    tag = "contacts",
    params(LocationQuery),
    request_body = NewContact,
    responses(
        (status = 201, description = "The contact, as GHL made it", body = Contact,
            links(("getContact" = (operation_id = "get_contact", parameters(("contactId" = "$response.body#/id")))),
                ("getProfile" = (operation_id = "get_profile", parameters(("contactId" = "$response.body#/id")))))),
        (status = 202, description = "Accepted; GHL has not answered yet", body = OperationDocument)
    )
)]
#[post("/v1/contacts")]
pub(in crate::http) async fn create_contact(
    request: HttpRequest,
    wanted: Wanted<Create>,
) -> Result<HttpResponse, Problem> {
    wanted.carry_out(&request).await
}

/// Find a contact and change it, or create it
///
/// Looked for by e-mail address and by phone. One that both lead to, or only one of them, is changed where it differs,
/// and loses nothing; two that differ are a `duplicate-contact` with both ids; none is created.
#[utoipa::path(
    tag = "contacts",
    params(LocationQuery),
    request_body = ContactUpsert,
    responses(
        (status = 200, description = "The contact that was found, as it is now", body = Upserted,
            links(("getContact" = (operation_id = "get_contact", parameters(("contactId" = "$response.body#/id")))))),
        (status = 201, description = "The contact, as GHL made it", body = Upserted,
            links(("getContact" = (operation_id = "get_contact", parameters(("contactId" = "$response.body#/id")))))),
        (status = 202, description = "Accepted; GHL has not answered yet", body = OperationDocument)
    )
)]
#[put("/v1/contacts")]
pub(in crate::http) async fn upsert_contact(
    request: HttpRequest,
    wanted: Wanted<Upsert>,
) -> Result<HttpResponse, Problem> {
    wanted.carry_out(&request).await
}

/// Change a contact
///
/// What the body does not name stays as it is; `null` clears.
#[utoipa::path(
    tag = "contacts",
    params(ContactPath, LocationQuery),
    request_body = ContactChange,
    responses(
        (status = 200, description = "The contact as it is now", body = Contact,
            links(("getProfile" = (operation_id = "get_profile", parameters(("contactId" = "$response.body#/id")))))),
        (status = 202, description = "Accepted; GHL has not answered yet", body = OperationDocument)
    )
)]
#[put("/v1/contacts/{contactId}")]
pub(in crate::http) async fn update_contact(
    request: HttpRequest,
    wanted: Wanted<Update>,
) -> Result<HttpResponse, Problem> {
    wanted.carry_out(&request).await
}

/// Delete a contact
///
/// For good, with its notes and tasks: GHL has no way back.
#[utoipa::path(
    tag = "contacts",
    params(DoomedPath, LocationQuery),
    responses(
        (status = 200, description = "It is gone", body = Deleted),
        (status = 202, description = "Accepted; GHL has not answered yet", body = OperationDocument)
    )
)]
#[delete("/v1/contacts/{contactId}")]
pub(in crate::http) async fn delete_contact(
    request: HttpRequest,
    wanted: Wanted<Delete>,
) -> Result<HttpResponse, Problem> {
    wanted.carry_out(&request).await
}

//! Tags of a contact, added and removed one by one: a list is never replaced, so that nobody's tags are lost.

use super::super::{
    operation_document::OperationDocument,
    params::{ContactPath, LocationQuery, in_path},
    writing::{Change, ContactTags, TagList, Wanted, invalid},
};
use crate::domain::{
    problem::Problem,
    write::{self, Write, WriteKind},
};
use actix_web::{HttpRequest, HttpResponse, delete, post};
use serde_json::Value;

pub(in crate::http) struct Add;

impl Change for Add {
    const KIND: WriteKind = WriteKind::AddTags;

    fn write(request: &HttpRequest, body: &Value) -> Result<Write, Problem> {
        Ok(Write::AddTags { tags: write::tags(body).map_err(invalid)?, contact: in_path(request)? })
    }
}

pub(in crate::http) struct Remove;

impl Change for Remove {
    const KIND: WriteKind = WriteKind::RemoveTags;

    fn write(request: &HttpRequest, body: &Value) -> Result<Write, Problem> {
        Ok(Write::RemoveTags { tags: write::tags(body).map_err(invalid)?, contact: in_path(request)? })
    }
}

/// Add tags to a contact
///
/// Those it has already stay. A tag that the location does not know yet becomes known to it.
#[utoipa::path(
    tag = "contacts",
    params(ContactPath, LocationQuery),
    request_body = TagList,
    responses(
        (status = 200, description = "All tags of the contact", body = ContactTags,
            links(("getProfile" = (operation_id = "get_profile",
                parameters(("contactId" = "$request.path.contactId")))))),
        (status = 202, description = "Accepted; GHL has not answered yet", body = OperationDocument)
    )
)]
#[post("/v1/contacts/{contactId}/tags")]
pub(in crate::http) async fn add_tags(request: HttpRequest, wanted: Wanted<Add>) -> Result<HttpResponse, Problem> {
    wanted.carry_out(&request).await
}

/// Remove tags from a contact
///
/// Those it does not have are nothing to remove. The tags are named in the body.
#[utoipa::path(
    tag = "contacts",
    params(ContactPath, LocationQuery),
    request_body = TagList,
    responses(
        (status = 200, description = "All tags of the contact", body = ContactTags,
            links(("getProfile" = (operation_id = "get_profile",
                parameters(("contactId" = "$request.path.contactId")))))),
        (status = 202, description = "Accepted; GHL has not answered yet", body = OperationDocument)
    )
)]
#[delete("/v1/contacts/{contactId}/tags")]
pub(in crate::http) async fn remove_tags(
    request: HttpRequest,
    wanted: Wanted<Remove>,
) -> Result<HttpResponse, Problem> {
    wanted.carry_out(&request).await
}

//! Operations: the durable writes, where they stand, and what can be done about those that did not get through.

use super::{
    super::{
        body::JsonBody,
        caller::{Caller, Read, Write},
        operation_document::OperationDocument,
        params::{Asked, FromQuery, InPath, Pairs},
        respond,
    },
    listing::{self, DEFAULT_LIMIT, Paged},
    refusal::{self, Noted},
};
use crate::domain::{
    ids::{ContactId, LocationId, OperationId},
    operation::{OperationFilter, OperationState},
    problem::Problem,
    write::WriteKind,
};
use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, post};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "documents the parameter; InPath parses it")]
struct OperationPath {
    /// Id of the operation.
    #[param(rename = "operationId", value_type = OperationId, example = "op0199b2a0c4e57d1f8a2b6c3d4e5f6071")]
    operation_id: OperationId,
}

/// What a caller asks of the list of operations.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OperationQuery {
    /// Only this location. Without it: all that the key may see.
    #[param(rename = "locationId", value_type = Option<LocationId>)]
    location_id: Option<LocationId>,
    /// Only writes to this contact.
    #[param(rename = "contactId", value_type = Option<ContactId>)]
    contact_id: Option<ContactId>,
    /// Only these states; may be repeated, or be one list with commas.
    #[param(rename = "state", value_type = Option<Vec<OperationState>>, style = Form, explode)]
    states: Vec<OperationState>,
    /// Only this change.
    #[param(value_type = Option<WriteKind>)]
    kind: Option<WriteKind>,
    /// Operations a page, 50 where it is not given.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: u32,
    /// `nextCursor` of the page before.
    #[param(value_type = Option<String>, max_length = 1024, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

impl FromQuery for OperationQuery {
    fn from_query(query: &Pairs) -> Result<Self, Problem> {
        Ok(Self {
            location_id: query.location()?,
            contact_id: query.get("contactId", ContactId::parse)?,
            states: query
                .list("state", |text| listing::parse_word(text, OperationState::ALL, OperationState::as_str))?,
            kind: query.get("kind", |text| listing::parse_word(text, WriteKind::ALL, WriteKind::as_str))?,
            limit: query.limit()?.unwrap_or(DEFAULT_LIMIT),
            cursor: query.cursor()?,
        })
    }
}

/// Operations
///
/// Writes to GHL that this service took on, newest first, page by page. Ended ones are kept for a while
/// (`operations.retention_days`).
#[utoipa::path(
    tag = "operations",
    params(OperationQuery),
    responses((status = 200, description = "One page", body = Paged<OperationDocument>,
        links(("nextPage" = (operation_id = "list_operations", parameters(("cursor" = "$response.body#/nextCursor")))),
            ("getOperation" = (operation_id = "get_operation",
                parameters(("operationId" = "$response.body#/items/0/id")))))))
)]
#[get("/v1/operations")]
pub(super) async fn list_operations(
    request: HttpRequest,
    caller: Caller<Read>,
    Asked(asked): Asked<OperationQuery>,
) -> Result<HttpResponse, Problem> {
    let filter = OperationFilter {
        locations: listing::locations(&caller, asked.location_id)?,
        contact: asked.contact_id,
        states: asked.states,
        kind: asked.kind,
    };
    // All of the filter, so that a cursor goes with it whatever it comes to hold.
    let listing = format!("operations|{filter:?}");
    let before = listing::position(&listing, asked.cursor.as_deref())?;
    let page = caller.writes().operations(filter, before, asked.limit).await?;
    let page = Paged::of(page, &listing, |operation| OperationDocument::from(&operation));
    respond::json(&request, &page, &[]).await
}

/// An operation
///
/// Where a write stands and, once it has ended, what GHL answered or why it failed.
#[utoipa::path(
    tag = "operations",
    params(OperationPath),
    responses((status = 200, description = "The operation", body = OperationDocument,
        links(("retryOperation" = (operation_id = "retry_operation",
                parameters(("operationId" = "$response.body#/id")))),
            ("resolveOperation" = (operation_id = "resolve_operation",
                parameters(("operationId" = "$response.body#/id")))),
            ("cancelOperation" = (operation_id = "cancel_operation",
                parameters(("operationId" = "$response.body#/id")))),
            ("listAudit" = (operation_id = "list_audit", parameters(("operationId" = "$response.body#/id")))))))
)]
#[get("/v1/operations/{operationId}")]
pub(super) async fn get_operation(
    request: HttpRequest,
    caller: Caller<Read>,
    InPath(id): InPath<OperationId>,
) -> Result<HttpResponse, Problem> {
    let operation = caller.writes().operation(id, caller.allowed_locations()).await?;
    respond::json(&request, &OperationDocument::from(&operation), &[]).await
}

/// Who wants to change which operation.
type Change = (Caller<Write>, InPath<OperationId>);

/// Takes an operation up again
///
/// One that `failed`, or a dead letter (`dead`): it is pending again and its attempts are counted anew. Where it is not
/// known whether GHL carried out an earlier attempt, that is looked up first. In any other state: 409; as for the write of a
/// source whose record went on without it, for it would write what is old over what came since: replay the event.
#[utoipa::path(
    tag = "operations",
    params(OperationPath),
    responses((status = 200, description = "The operation, pending", body = OperationDocument,
        links(("getOperation" = (operation_id = "get_operation",
            parameters(("operationId" = "$response.body#/id")))))))
)]
#[post("/v1/operations/{operationId}/retry")]
pub(super) async fn retry_operation(request: HttpRequest, wanted: Noted<Change>) -> Result<HttpResponse, Problem> {
    let (caller, InPath(id)) = wanted.0;
    respond::require_acceptable(&request).inspect_err(|problem| refusal::log(&request, problem))?;
    let requester = caller.requester(&request);
    let changed = caller.writes().retry(id, caller.allowed_locations(), requester).await;
    let operation = changed.inspect_err(|problem| refusal::log(&request, problem))?;
    respond::written(&request, StatusCode::OK, &OperationDocument::from(&operation)).await
}

/// Which of the two contacts is meant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(example = json!({"contactId": "seD4PfOuKoVMLkEZqohJ"}))]
pub(super) struct Choice {
    /// One of the two that the operation's problem names.
    contact_id: ContactId,
}

/// Who says of which operation what.
type Resolution = (Caller<Write>, InPath<OperationId>, JsonBody<Choice>);

/// Says which contact is meant
///
/// Of an operation that `failed` because its e-mail address is one contact's and its phone another's (`duplicate-contact`,
/// with both ids): it is pending again as a change of the contact that is named, one of the two. What can only be set when
/// a contact is created is left out, and so are e-mail address and phone: one is the contact's already, the other is another
/// contact's. Any other operation: 409; as for a source's whose record went on without it.
#[utoipa::path(
    tag = "operations",
    params(OperationPath),
    request_body = Choice,
    responses((status = 200, description = "The operation, pending", body = OperationDocument,
        links(("getOperation" = (operation_id = "get_operation",
            parameters(("operationId" = "$response.body#/id")))))))
)]
#[post("/v1/operations/{operationId}/resolve")]
pub(super) async fn resolve_operation(
    request: HttpRequest,
    wanted: Noted<Resolution>,
) -> Result<HttpResponse, Problem> {
    let (caller, InPath(id), JsonBody(Choice { contact_id })) = wanted.0;
    respond::require_acceptable(&request).inspect_err(|problem| refusal::log(&request, problem))?;
    let requester = caller.requester(&request);
    let changed = caller.writes().resolve(id, contact_id, caller.allowed_locations(), requester).await;
    let operation = changed.inspect_err(|problem| refusal::log(&request, problem))?;
    respond::written(&request, StatusCode::OK, &OperationDocument::from(&operation)).await
}

/// Takes an operation back
///
/// One that is `pending` and that GHL cannot have carried out: it is `cancelled`, and those behind it go on. In any other
/// state, and where an earlier attempt may have reached GHL: 409.
#[utoipa::path(
    tag = "operations",
    params(OperationPath),
    responses((status = 200, description = "The operation, cancelled", body = OperationDocument,
        links(("getOperation" = (operation_id = "get_operation",
            parameters(("operationId" = "$response.body#/id")))))))
)]
#[post("/v1/operations/{operationId}/cancel")]
pub(super) async fn cancel_operation(request: HttpRequest, wanted: Noted<Change>) -> Result<HttpResponse, Problem> {
    let (caller, InPath(id)) = wanted.0;
    respond::require_acceptable(&request).inspect_err(|problem| refusal::log(&request, problem))?;
    let requester = caller.requester(&request);
    let changed = caller.writes().cancel(id, caller.allowed_locations(), requester).await;
    let operation = changed.inspect_err(|problem| refusal::log(&request, problem))?;
    respond::written(&request, StatusCode::OK, &OperationDocument::from(&operation)).await
}

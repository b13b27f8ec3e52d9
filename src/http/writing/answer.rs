//! From how an operation stands to a response: GHL's answer, the problem it ended in, or where to look later.

use super::super::{operation_document::OperationDocument, problem, respond};
use crate::domain::{
    ids::ContactId,
    operation::{Operation, OperationState, Written},
    problem::{Problem, ProblemKind},
    write::Write,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue, LOCATION, RETRY_AFTER},
    },
};

/// Id of the operation that a write became.
pub(in crate::http) const OPERATION_ID: HeaderName = HeaderName::from_static("operation-id");
/// That an earlier request with the same key was answered so.
pub(in crate::http) const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// RFC 7240.
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// When to look again after a 202, seconds.
const LOOK_AGAIN_SECONDS: u32 = 1;

/// The response to a write.
pub(super) async fn of(
    request: &HttpRequest,
    operation: &Operation,
    replayed: bool,
    applied: Option<HeaderValue>,
) -> Result<HttpResponse, Problem> {
    let mut response = match (operation.state, &operation.written) {
        (OperationState::Done, Some(written)) => done(request, operation, written).await?,
        (OperationState::Pending | OperationState::Running, _) => later(request, operation).await?,
        _ => HttpResponse::from_error(ended(operation)),
    };
    let headers = response.headers_mut();
    headers.insert(OPERATION_ID, header(operation.id.as_str())?);
    if replayed {
        headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    if let Some(applied) = applied {
        headers.insert(PREFERENCE_APPLIED, applied);
    }
    Ok(response)
}

/// GHL's answer.
async fn done(request: &HttpRequest, operation: &Operation, written: &Written) -> Result<HttpResponse, Problem> {
    let created = written.status == StatusCode::CREATED.as_u16();
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = respond::written(request, status, &written.body).await?;
    if created && let Some(path) = record(operation, written) {
        // The location that was named for the write must be named for the record, too.
        let query = location_query(request, operation);
        response.headers_mut().insert(LOCATION, header(&format!("{path}{query}"))?);
    }
    Ok(response)
}

/// 202: accepted, and what is known of it.
async fn later(request: &HttpRequest, operation: &Operation) -> Result<HttpResponse, Problem> {
    let mut response = respond::written(request, StatusCode::ACCEPTED, &OperationDocument::from(operation)).await?;
    let headers = response.headers_mut();
    headers.insert(LOCATION, header(&format!("/v1/operations/{}", operation.id))?);
    headers.insert(RETRY_AFTER, HeaderValue::from(LOOK_AGAIN_SECONDS));
    Ok(response)
}

/// Why an operation ended without being done.
fn ended(operation: &Operation) -> Problem {
    if operation.erased_at.is_some() {
        let state = operation.state.as_str();
        let detail = format!("What this write said and what came of it was forgotten by request. It is {state}.");
        return Problem::new(ProblemKind::OperationConflict, detail);
    }
    match (operation.state, &operation.problem) {
        (OperationState::Cancelled, _) => {
            let detail = "The operation was cancelled before it was done.";
            Problem::new(ProblemKind::OperationConflict, detail)
        }
        (_, Some(problem)) => problem.clone(),
        (_, None) => problem::internal().with_cause("an operation ended without an answer and without a problem"),
    }
}

/// The path of the record that was made.
fn record(operation: &Operation, written: &Written) -> Option<String> {
    // Every id of GHL's has one alphabet: what is none must not get into a header.
    let id = ContactId::parse(written.id.as_deref()?).ok()?;
    match &operation.write {
        Write::CreateContact { .. } | Write::UpsertContact { .. } => Some(format!("/v1/contacts/{id}")),
        Write::CreateNote { contact, .. } => Some(format!("/v1/contacts/{contact}/notes/{id}")),
        Write::CreateTask { contact, .. } => Some(format!("/v1/contacts/{contact}/tasks/{id}")),
        _ => None,
    }
}

fn location_query(request: &HttpRequest, operation: &Operation) -> String {
    let named = request.query_string().split('&').any(|pair| pair.starts_with("locationId="));
    if named { format!("?locationId={}", operation.location) } else { String::new() }
}

fn header(text: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(text).map_err(|error| problem::internal().with_cause(error.to_string()))
}

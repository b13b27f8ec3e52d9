//! The one place where a problem becomes a response: status, RFC 9457 document, headers.
//!
//! A handler returns a [`Problem`]; the middleware, which knows path and request id, gives it its final form by
//! [`finish`]. Whatever actix itself refuses takes the same way ([`of_response`]), so no other error body leaves us.

use super::writing::OPERATION_ID;
use crate::domain::problem::{FieldError, Problem, ProblemKind, UpstreamFault};
use actix_cors::CorsError;
use actix_web::{
    HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::ServiceResponse,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// Media type of RFC 9457.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The status of each kind.
#[must_use]
pub const fn status(kind: ProblemKind) -> StatusCode {
    match kind {
        ProblemKind::InvalidParameter | ProblemKind::MalformedBody => StatusCode::BAD_REQUEST,
        ProblemKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ProblemKind::Forbidden => StatusCode::FORBIDDEN,
        ProblemKind::NotFound | ProblemKind::ContactNotFound => StatusCode::NOT_FOUND,
        ProblemKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ProblemKind::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        ProblemKind::DuplicateContact | ProblemKind::IdempotencyConflict | ProblemKind::OperationConflict => {
            StatusCode::CONFLICT
        }
        ProblemKind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        ProblemKind::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ProblemKind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ProblemKind::IdempotencyKeyReused | ProblemKind::ValidationFailed => StatusCode::UNPROCESSABLE_ENTITY,
        ProblemKind::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        ProblemKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        ProblemKind::UpstreamInvalidResponse | ProblemKind::UpstreamUnauthorized => StatusCode::BAD_GATEWAY,
        ProblemKind::QuotaExhausted
        | ProblemKind::UpstreamUnavailable
        | ProblemKind::StoreUnavailable
        | ProblemKind::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        ProblemKind::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
    }
}

/// A problem as RFC 9457 wants it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub struct ProblemDocument<'a> {
    /// `/problems/{kind}`; resolves to a description of the kind.
    #[serde(rename = "type")]
    #[schema(example = "/problems/contact-not-found", format = "uri-reference")]
    pub kind: String,
    /// Title of the kind.
    #[schema(example = "Contact not found")]
    pub title: &'a str,
    /// HTTP status.
    #[schema(example = 404, minimum = 400, maximum = 599)]
    pub status: u16,
    /// What happened this time.
    #[schema(example = "GHL knows no such contact in this location.")]
    pub detail: &'a str,
    /// Path of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/v1/contacts/seD4PfOuKoVMLkEZqohJ/profile", format = "uri-reference")]
    pub instance: Option<&'a str>,
    /// Id of the request, as in `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "0199b2a0c4e57d1f8a2b6c3d4e5f6071")]
    pub request_id: Option<&'a str>,
    /// Id of the operation that a write had become before it failed, as in `Operation-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "op0199b2a0c4e57d1f8a2b6c3d4e5f6071")]
    pub operation_id: Option<&'a str>,
    /// What is wrong where.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    #[schema(required = false)]
    pub errors: &'a [FieldError],
    /// Who is to blame upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<&'a UpstreamFault>,
    /// When trying again may help, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
}

/// A wait in whole seconds, rounded up so that nobody comes back too early.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

impl<'a> ProblemDocument<'a> {
    /// The document of a problem.
    #[must_use]
    pub fn of(problem: &'a Problem, instance: Option<&'a str>, request_id: Option<&'a str>) -> Self {
        Self {
            kind: format!("/problems/{}", problem.kind.slug()),
            title: problem.kind.title(),
            status: status(problem.kind).as_u16(),
            detail: &problem.detail,
            instance,
            request_id,
            operation_id: None,
            errors: &problem.errors,
            upstream: problem.upstream.as_ref(),
            retry_after_seconds: problem.retry_after.map(whole_seconds),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        status(self.kind)
    }

    /// The form without path and request id; the middleware adds them.
    fn error_response(&self) -> HttpResponse {
        response(self, None, None)
    }
}

fn response(problem: &Problem, instance: Option<&str>, request_id: Option<&str>) -> HttpResponse {
    let mut response = HttpResponse::build(status(problem.kind));
    response.insert_header((CONTENT_TYPE, PROBLEM_JSON)).insert_header((CACHE_CONTROL, "no-store"));
    if let Some(wait) = problem.retry_after {
        response.insert_header((RETRY_AFTER, whole_seconds(wait)));
    }
    if problem.kind == ProblemKind::Unauthenticated {
        response.insert_header((WWW_AUTHENTICATE, "Bearer realm=\"ghl-enrich\""));
    }
    response.body(ProblemDocument::of(problem, instance, request_id).bytes())
}

/// The final form where no response is left to give it to.
pub(super) fn standing_alone(problem: &Problem, path: &str, request_id: &HeaderValue) -> HttpResponse {
    response(problem, Some(path), request_id.to_str().ok())
}

/// The problem behind an error response: the handler's own, or what an error of actix means.
pub(super) fn of_response<B>(response: &ServiceResponse<B>) -> Problem {
    let error = response.response().error();
    if let Some(problem) = error.and_then(actix_web::Error::as_error::<Problem>) {
        return problem.clone();
    }
    if let Some(refusal) = error.and_then(actix_web::Error::as_error::<CorsError>) {
        return Problem::new(ProblemKind::Forbidden, "The CORS settings do not allow this.")
            .with_error("Origin", refusal.to_string());
    }
    let problem = of_status(response.status());
    match error {
        Some(error) => problem.with_cause(error.to_string()),
        None => problem,
    }
}

/// The problem that a bare status of actix means.
fn of_status(status: StatusCode) -> Problem {
    match status {
        StatusCode::NOT_FOUND => no_such_route(),
        StatusCode::METHOD_NOT_ALLOWED => method_not_allowed(),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(ProblemKind::BodyTooLarge, "The body is too large."),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            Problem::new(ProblemKind::UnsupportedMediaType, "This content type is not read here.")
        }
        StatusCode::NOT_ACCEPTABLE => {
            Problem::new(ProblemKind::NotAcceptable, "None of the representations offered is acceptable.")
        }
        status if status.is_client_error() => {
            Problem::new(ProblemKind::InvalidParameter, "The request cannot be understood.")
        }
        _ => internal(),
    }
}

/// A defect of ours.
pub(super) fn internal() -> Problem {
    Problem::new(ProblemKind::Internal, "Something went wrong on our side.")
}

/// No route of ours.
pub(super) fn no_such_route() -> Problem {
    Problem::new(ProblemKind::NotFound, "There is no such route; /docs lists them.")
}

/// The route exists, the method does not.
pub(super) fn method_not_allowed() -> Problem {
    Problem::new(ProblemKind::MethodNotAllowed, "This route does not know the method; see the Allow header.")
}

/// Gives an error response its final document. Headers already there (`Allow`, CORS) stay.
pub(super) fn finish<B: MessageBody>(
    response: ServiceResponse<B>,
    problem: &Problem,
    request_id: &HeaderValue,
) -> ServiceResponse<BoxBody> {
    let path = response.request().path().to_owned();
    let mut document = ProblemDocument::of(problem, Some(&path), request_id.to_str().ok());
    document.operation_id = response.headers().get(OPERATION_ID).and_then(|id| id.to_str().ok());
    let body = document.bytes();
    let final_headers = problem.error_response();
    let mut response = response.map_body(|head, _| {
        head.status = status(problem.kind);
        BoxBody::new(body)
    });
    for (name, value) in final_headers.headers() {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_rise_in_the_order_of_the_list() {
        let statuses: Vec<u16> = ProblemKind::ALL.iter().map(|kind| status(*kind).as_u16()).collect();
        assert!(statuses.is_sorted(), "{statuses:?}");
    }

    #[test]
    fn the_document_holds_what_helps_and_no_cause() {
        let problem = Problem::new(ProblemKind::UpstreamTimeout, "GHL did not answer in time.")
            .with_upstream("ghl", None, "timeout")
            .with_retry_after(Duration::from_millis(1200))
            .with_cause("secret cause");
        let text = String::from_utf8(ProblemDocument::of(&problem, Some("/v1/x"), Some("id-1")).bytes()).unwrap();
        insta::assert_snapshot!(text, @r#"{"type":"/problems/upstream-timeout","title":"Upstream too slow","status":504,"detail":"GHL did not answer in time.","instance":"/v1/x","requestId":"id-1","upstream":{"service":"ghl","status":null,"code":"timeout"},"retryAfterSeconds":2}"#);
    }
}

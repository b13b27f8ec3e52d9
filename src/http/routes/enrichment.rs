//! The rules for one contact: what they yield, and the difference written back.

use super::{
    super::{
        body::JsonBody,
        caller::{Caller, Write},
        params::{Asked, ContactPath, InPath, LocationQuery},
        respond,
        writing::{IDEMPOTENCY_REPLAYED, idempotency},
    },
    refusal::{self, Noted},
};
use crate::{
    domain::{
        ids::ContactId,
        problem::{Problem, ProblemKind},
        rules::EnrichmentReport,
    },
    enrichment::EnrichmentRequest,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::HeaderValue},
    post,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// Most rules that a request names.
const MAX_RULES: usize = 100;

/// What to evaluate, and whether to write.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(example = json!({"dryRun": true}))]
pub(super) struct EnrichmentBody {
    /// Whether to answer what would be written, and write nothing.
    #[serde(default)]
    dry_run: bool,
    /// Only these rules, by name, 1 to 100; all, where it is not given.
    #[schema(min_items = 1, max_items = 100)]
    rules: Option<Vec<String>>,
}

impl EnrichmentBody {
    fn check(&self) -> Result<(), Problem> {
        match self.rules.as_ref().map(Vec::len) {
            None | Some(1..=MAX_RULES) => Ok(()),
            Some(length) => Err(Problem::new(ProblemKind::ValidationFailed, "No rules, or too many of them.")
                .with_error("/rules", format!("takes 1 to {MAX_RULES} names, not {length}; without it, all rules"))),
        }
    }
}

/// Evaluates the rules and writes the difference
///
/// Compares what the rules yield with what the contact holds, and writes only what differs: managed tags are added and
/// removed, empty fields filled. The answer says what changes and why, and how far its writes got by the deadline: one
/// that is still under way goes on, and its operation shows what becomes of it. `{}` runs all rules; `dryRun` writes
/// nothing and takes the same role.
#[utoipa::path(
    tag = "enrichment",
    params(ContactPath, LocationQuery),
    request_body = EnrichmentBody,
    responses((status = 200, description = "What was, or would be, written, and why", body = EnrichmentReport,
        headers(("Idempotency-Replayed", description = "`true` where it is the answer to an earlier request with the \
            same key")),
        links(("getOperation" = (operation_id = "get_operation",
                parameters(("operationId" = "$response.body#/operations/0/id")))),
            ("explainProfile" = (operation_id = "explain_profile",
                parameters(("contactId" = "$response.body#/contactId")))))))
)]
#[post("/v1/contacts/{contactId}/enrichment")]
pub(super) async fn enrich_contact(request: HttpRequest, wanted: Noted<Wanted>) -> Result<HttpResponse, Problem> {
    let report = run(&request, wanted.0).await.inspect_err(|problem| refusal::log(&request, problem))?;
    let mut response = respond::written(&request, StatusCode::OK, &report).await?;
    if report.replayed {
        response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Who asks for what.
type Wanted = (Caller<Write>, InPath<ContactId>, Asked<LocationQuery>, JsonBody<EnrichmentBody>);

async fn run(request: &HttpRequest, wanted: Wanted) -> Result<EnrichmentReport, Problem> {
    let (caller, InPath(contact), Asked(asked), JsonBody(body)) = wanted;
    let location = caller.location(asked.location_id)?;
    body.check()?;
    respond::require_acceptable(request)?;
    let idempotency = idempotency(request, &location, caller.key_name(), &json!(body))?;
    let requester = caller.requester(request);
    let deadline = caller.context(request).deadline;
    let EnrichmentBody { dry_run, rules } = body;
    let wanted = EnrichmentRequest { location, contact, dry_run, rules, requester, idempotency, deadline };
    caller.writes().enrich(wanted).await
}

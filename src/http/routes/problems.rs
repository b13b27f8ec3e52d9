//! What each problem's `type` resolves to.

use super::super::{problem, respond};
use crate::domain::problem::{Problem, ProblemKind};
use actix_web::{HttpRequest, HttpResponse, get};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "documents the parameter")]
struct ProblemPath {
    /// The last segment of a problem's `type`.
    #[param(example = "quota-exhausted", pattern = "^[a-z-]{1,40}$")]
    slug: String,
}

/// A kind of problem.
#[derive(Debug, Serialize, ToSchema)]
struct ProblemDescription {
    /// `/problems/{slug}`.
    #[serde(rename = "type")]
    #[schema(example = "/problems/quota-exhausted")]
    kind: String,
    /// Title of the kind.
    title: &'static str,
    /// HTTP status it comes with.
    status: u16,
}

/// A kind of problem
///
/// Every problem's `type` is the path of such a description.
#[utoipa::path(
    tag = "service",
    security(()),
    params(ProblemPath),
    responses((status = 200, description = "The kind", body = ProblemDescription))
)]
#[get("/problems/{slug}")]
pub(super) async fn describe_problem(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let slug = request.match_info().get("slug").unwrap_or_default();
    let kind = ProblemKind::ALL.iter().find(|kind| kind.slug() == slug);
    let kind = kind.ok_or_else(|| Problem::new(ProblemKind::NotFound, "There is no such kind of problem."))?;
    let description = ProblemDescription {
        kind: format!("/problems/{}", kind.slug()),
        title: kind.title(),
        status: problem::status(*kind).as_u16(),
    };
    respond::json(&request, &description, &[]).await
}

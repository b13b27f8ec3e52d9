//! The OpenAPI document and Swagger UI, served from the binary: no CDN, no inline script, a strict content policy.

use super::{conditional::not_modified, problem, respond, state::State};
use crate::domain::problem::Problem;
use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HeaderValue, REFERRER_POLICY},
    },
    web::{self, Data, ServiceConfig},
};
use bytes::Bytes;
use jiff::Timestamp;
use std::sync::Arc;
use utoipa_swagger_ui::Config;

/// Everything from ourselves, nothing inline but the one style attribute that Swagger UI writes as text (its others are
/// set from script, which needs no leave).
const POLICY: &str = "default-src 'none'; script-src 'self'; \
                      style-src 'self' 'unsafe-hashes' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// Registers the document, the page that shows it, and the way there.
pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .app_data(Data::new(ui()))
        .route("/openapi.json", web::get().to(get_document))
        .service(web::redirect("/", "/docs/").see_other())
        .service(web::redirect("/docs", "/docs/").see_other())
        .route("/docs/{file:.*}", web::get().to(get_asset));
}

fn ui() -> Config<'static> {
    Config::from("../openapi.json")
        .deep_linking(true)
        .persist_authorization(true)
        .try_it_out_enabled(true)
        .display_request_duration(true)
        .display_operation_id(true)
        .filter(true)
        .validator_url("none")
}

async fn get_document(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let document = &state.document;
    let known = not_modified(request.headers(), document.etag.as_bytes(), Timestamp::MAX);
    let mut response = HttpResponse::build(if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    response.insert_header((ETAG, document.etag.clone())).insert_header((CACHE_CONTROL, "no-cache"));
    if known {
        return Ok(response.finish());
    }
    respond::bytes(&request, response, respond::JSON, document.json.clone()).await
}

async fn get_asset(request: HttpRequest, config: Data<Config<'static>>) -> Result<HttpResponse, Problem> {
    let file = request.match_info().get("file").unwrap_or_default();
    let asset = utoipa_swagger_ui::serve(file, Arc::clone(&config))
        .map_err(|error| problem::internal().with_cause(error.to_string()))?
        .ok_or_else(problem::no_such_route)?;
    let content_type = HeaderValue::from_str(&asset.content_type)
        .map_err(|error| problem::internal().with_cause(error.to_string()))?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CACHE_CONTROL, "no-cache"));
    respond::bytes(&request, response, content_type, Bytes::from(asset.bytes.into_owned())).await
}

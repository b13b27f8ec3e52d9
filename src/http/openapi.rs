//! The OpenAPI document (3.1), collected from the routes that are registered and completed by rule: whatever holds for
//! every route (security, request id, the problems its shape allows) is added here, once, and cannot be forgotten.

use super::{
    problem::{self, PROBLEM_JSON, ProblemDocument},
    routes,
    writing::document as writing,
};
use crate::domain::problem::{Problem, ProblemKind};
use actix_web::http::header::HeaderValue;
use bytes::Bytes;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::{
    PartialSchema as _, ToSchema as _,
    openapi::{
        Components, ContactBuilder, ContentBuilder, Header, InfoBuilder, LicenseBuilder, OpenApi, PathItem, Ref, RefOr,
        Response, ResponseBuilder, ServerBuilder,
        example::{Example, ExampleBuilder},
        path::Operation,
        schema::{AnyOfBuilder, ObjectBuilder, Schema, SchemaFormat, Type},
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
        tag::{Tag, TagBuilder},
    },
};

const DESCRIPTION: &str = "One complete, enriched profile for a GoHighLevel contact, served from memory.\n\n\
    Errors are RFC 9457 problems; the `type` of each resolves to a description of its kind. Every answer carries \
    `X-Request-Id`. JSON answers come as br, zstd or gzip where the client accepts it.";

const TAGS: [(&str, &str); 12] = [
    ("profiles", "Combined profiles, and how they came about"),
    ("contacts", "Contacts as GHL has them, their tags and appointments"),
    ("tasks", "Tasks of a contact"),
    ("notes", "Notes of a contact"),
    ("ips", "IP intelligence alone"),
    ("enrichment", "What the rules yield, written back"),
    ("operations", "Writes to GHL: where each stands, and the log of what was tried"),
    ("webhooks", "What GHL tells of changes, and what became of it"),
    ("sources", "Outside systems that push their records, and what became of what they pushed"),
    ("locations", "Locations: how they are connected, and what they may spend"),
    ("deletion", "Forgetting what is held here"),
    ("service", "The service itself"),
];

/// The document as served.
pub(super) struct Document {
    pub(super) json: Bytes,
    pub(super) etag: HeaderValue,
}

impl Document {
    pub(super) fn of(openapi: &OpenApi) -> Self {
        let json = Bytes::from(serde_json::to_vec(openapi).unwrap_or_default());
        let etag = format!("W/\"{:016x}\"", xxhash_rust::xxh3::xxh3_64(&json));
        let etag = HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static("W/\"0\""));
        Self { json, etag }
    }
}

/// The OpenAPI document. Needs no running server.
#[must_use]
pub fn openapi() -> OpenApi {
    let mut openapi = routes::describe();
    openapi.info = InfoBuilder::new()
        .title("ghl-enrich")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .contact(Some(ContactBuilder::new().name(Some("The ghl-enrich project")).build()))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    openapi.servers = Some(vec![ServerBuilder::new().url("/").description(Some("This service")).build()]);
    openapi.tags = Some(TAGS.into_iter().map(tag).collect());
    let components = openapi.components.get_or_insert_default();
    complete_components(components);
    for (path, item) in &mut openapi.paths.paths {
        for operation in operations(item) {
            for kind in complete_operation(path, operation) {
                components.examples.entry(kind.slug().to_owned()).or_insert_with(|| RefOr::T(problem_example(kind)));
            }
        }
    }
    openapi
}

fn tag((name, description): (&str, &str)) -> Tag {
    TagBuilder::new().name(name).description(Some(description)).build()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch].into_iter().flatten()
}

fn complete_components(components: &mut Components) {
    let mut schemas = Vec::new();
    ProblemDocument::schemas(&mut schemas);
    components.schemas.extend(schemas);
    components.schemas.insert(ProblemDocument::name().into_owned(), problem_schema());
    let bearer = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key, or a token of `POST /v1/tokens`"))
        .build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let header = ApiKeyValue::with_description("X-Api-Key", "The same in a header of its own");
    components.add_security_scheme("apiKey", SecurityScheme::ApiKey(ApiKey::Header(header)));
    let says = "Standard Webhooks, made with a secret of the source; or the header that its settings name";
    let signature = ApiKeyValue::with_description("webhook-signature", says);
    components.add_security_scheme("signature", SecurityScheme::ApiKey(ApiKey::Header(signature)));
}

/// The problem's schema, its `type` narrowed to the kinds there are.
fn problem_schema() -> RefOr<Schema> {
    let mut schema = ProblemDocument::schema();
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        let kinds = ProblemKind::ALL.iter().map(|kind| format!("/problems/{}", kind.slug()));
        let kind = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("`/problems/{kind}`; resolves to a description of the kind."))
            .enum_values(Some(kinds));
        object.properties.insert("type".to_owned(), RefOr::T(Schema::Object(kind.build())));
    }
    schema
}

fn problem_example(kind: ProblemKind) -> Example {
    let problem = Problem::new(kind, "What happened, in a sentence.");
    let document = ProblemDocument::of(&problem, None, Some("0199b2a0c4e57d1f8a2b6c3d4e5f6071"));
    ExampleBuilder::new().summary(kind.title()).value(serde_json::to_value(document).ok()).build()
}

/// Adds to an operation what its shape implies, and says which problems those are.
fn complete_operation(path: &str, operation: &mut Operation) -> Vec<ProblemKind> {
    let guarded = path.starts_with("/v1/");
    if guarded {
        let none: [&str; 0] = [];
        operation.security =
            Some(vec![SecurityRequirement::new("bearer", none), SecurityRequirement::new("apiKey", none)]);
    }
    if is_push(path, operation) {
        let none: [&str; 0] = [];
        operation.security.get_or_insert_default().push(SecurityRequirement::new("signature", none));
    }
    let kinds = problems_of(path, operation);
    let mut by_status: BTreeMap<u16, Vec<ProblemKind>> = BTreeMap::new();
    for kind in &kinds {
        by_status.entry(problem::status(*kind).as_u16()).or_default().push(*kind);
    }
    for (status, kinds) in by_status {
        operation.responses.responses.entry(status.to_string()).or_insert_with(|| RefOr::T(problem_response(&kinds)));
    }
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && parameter.name == "ip"
        {
            parameter.schema = Some(address_schema());
        }
    }
    if writes(operation) {
        complete_write(operation);
    } else if kinds.contains(&ProblemKind::IdempotencyKeyReused) {
        // Writes, but as several operations: its answer is a report on them, never a 202.
        operation.parameters.get_or_insert_default().push(RefOr::T(writing::idempotency_parameter()));
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            complete_response(status, response);
        }
    }
    kinds
}

/// Whether an operation becomes one of ours in the store: only then can it be answered before it is done. So are events of
/// sources, but those are none themselves.
fn writes(operation: &Operation) -> bool {
    operation.responses.responses.contains_key("202") && !has_tag(operation, "sources")
}

/// The one operation under `/v1` that a signature opens, too.
fn is_push(path: &str, operation: &Operation) -> bool {
    path == "/v1/sources/{source}/events" && operation.request_body.is_some()
}

fn has_tag(operation: &Operation, name: &str) -> bool {
    operation.tags.as_ref().is_some_and(|tags| tags.iter().any(|tag| tag == name))
}

/// Adds what all writes have in common: the headers they take and give, and the way from a 202 to what became of it.
fn complete_write(operation: &mut Operation) {
    let parameters = operation.parameters.get_or_insert_default();
    parameters.extend([writing::idempotency_parameter(), writing::prefer_parameter()].map(RefOr::T));
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        response.headers.extend(writing::returned_headers(status));
        if status == "202" {
            response.links.insert("getOperation".to_owned(), RefOr::T(writing::link_to_operation()));
        }
    }
}

/// The problems that an operation of this shape can answer.
fn problems_of(path: &str, operation: &Operation) -> Vec<ProblemKind> {
    use ProblemKind as Kind;
    let has_tag = |name: &str| has_tag(operation, name);
    let mut kinds = vec![Kind::Internal, Kind::ShuttingDown];
    if path.starts_with("/v1/") {
        kinds.extend([Kind::InvalidParameter, Kind::Unauthenticated, Kind::Forbidden, Kind::TooManyRequests]);
        kinds.push(Kind::NotAcceptable);
    }
    if path == "/webhooks/ghl" {
        // Whatever the body is, it is taken if its signature fits.
        return vec![Kind::Internal, Kind::Unauthenticated, Kind::NotFound, Kind::BodyTooLarge, Kind::TooManyRequests];
    }
    if operation.request_body.is_some() {
        kinds.extend([Kind::MalformedBody, Kind::BodyTooLarge, Kind::UnsupportedMediaType, Kind::ValidationFailed]);
    }
    if path.contains("{contactId}") && !has_tag("deletion") {
        kinds.push(Kind::ContactNotFound);
    }
    if writes(operation) {
        kinds.extend([Kind::StoreUnavailable, Kind::OperationConflict, Kind::IdempotencyKeyReused]);
        if operation.request_body.is_some() && has_tag("contacts") && !path.ends_with("/tags") {
            kinds.push(Kind::DuplicateContact);
        }
        if operation.request_body.is_none() {
            kinds.push(Kind::ValidationFailed);
        }
    }
    if ["{taskId}", "{noteId}", "{businessId}", "{operationId}", "{webhookId}", "{source}", "{ip}", "{slug}"]
        .iter()
        .any(|segment| path.contains(segment))
    {
        kinds.push(Kind::NotFound);
    }
    if path == "/v1/locations/{locationId}" {
        kinds.extend([Kind::NotFound, Kind::StoreUnavailable]);
    }
    if path.starts_with("/oauth/") {
        kinds.extend([Kind::InvalidParameter, Kind::NotFound, Kind::Forbidden, Kind::TooManyRequests]);
        kinds.extend([Kind::UpstreamUnavailable, Kind::StoreUnavailable]);
    }
    if ["operations", "enrichment", "webhooks", "sources", "deletion"].into_iter().any(has_tag) {
        kinds.push(Kind::StoreUnavailable);
    }
    if ["/retry", "/resolve", "/cancel", "/replay"].iter().any(|end| path.ends_with(end)) {
        kinds.push(Kind::OperationConflict);
    }
    if has_tag("enrichment") {
        kinds.extend([Kind::IdempotencyConflict, Kind::IdempotencyKeyReused]);
    }
    let asks_upstream =
        !["service", "operations", "webhooks", "sources", "locations", "deletion"].into_iter().any(has_tag);
    // A plan is made by what GHL holds.
    if asks_upstream || is_push(path, operation) {
        kinds.extend([Kind::UpstreamInvalidResponse, Kind::UpstreamUnauthorized, Kind::UpstreamUnavailable]);
        kinds.extend([Kind::UpstreamTimeout, Kind::QuotaExhausted]);
    }
    if path.starts_with("/livez") || path.starts_with("/readyz") {
        kinds.clear();
    }
    kinds
}

/// An address of either version; a parameter's attributes can name one format only.
fn address_schema() -> RefOr<Schema> {
    let of = |format: &str| {
        let format = SchemaFormat::Custom(format.to_owned());
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).build()
    };
    RefOr::T(Schema::AnyOf(AnyOfBuilder::new().item(of("ipv4")).item(of("ipv6")).build()))
}

fn problem_response(kinds: &[ProblemKind]) -> Response {
    let names = kinds.iter().map(|kind| format!("{} (`{}`)", kind.title(), kind.slug()));
    let examples = kinds.iter().map(|kind| {
        let reference = Ref::new(format!("#/components/examples/{}", kind.slug()));
        (kind.slug(), RefOr::<Example>::Ref(reference))
    });
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(ProblemDocument::name())))
        .examples_from_iter(examples)
        .build();
    ResponseBuilder::new().description(names.collect::<Vec<_>>().join("; ")).content(PROBLEM_JSON, content).build()
}

fn complete_response(status: &str, response: &mut Response) {
    let mut add = |name: &str, says: &str, example: &str| {
        let mut header = Header::default();
        header.description = Some(says.to_owned());
        header.example = Some(Value::from(example));
        response.headers.entry(name.to_owned()).or_insert(RefOr::T(header));
    };
    add("X-Request-Id", "The request's id, taken from the request or made", "0199b2a0c4e57d1f8a2b6c3d4e5f6071");
    match status {
        "401" => add("WWW-Authenticate", "How to identify oneself", "Bearer realm=\"ghl-enrich\""),
        "429" | "503" => add("Retry-After", "When to try again, seconds, where that is known", "7"),
        _ => {}
    }
}

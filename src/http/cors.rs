//! CORS: an allow-list of origins, off by default, without credentials (keys travel in a header, never in a cookie).

use actix_cors::Cors;
use actix_web::{http::Method, middleware::Condition};

/// Request headers that a page may send.
const ALLOWED: [&str; 11] = [
    "accept",
    "authorization",
    "cache-control",
    "content-type",
    "idempotency-key",
    "if-none-match",
    "last-event-id",
    "prefer",
    "traceparent",
    "x-api-key",
    "x-request-id",
];

/// Response headers that a page may read.
const EXPOSED: [&str; 11] = [
    "age",
    "cache-status",
    "etag",
    "idempotency-replayed",
    "last-modified",
    "location",
    "operation-id",
    "preference-applied",
    "retry-after",
    "server-timing",
    "x-request-id",
];

/// How long a browser may remember a preflight, seconds.
const MAX_AGE: usize = 600;

/// CORS for these origins; without any, requests pass by untouched.
pub(super) fn cors(origins: &[String]) -> Condition<Cors> {
    let mut cors = Cors::default()
        .allowed_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE])
        .allowed_headers(ALLOWED)
        .expose_headers(EXPOSED)
        .max_age(MAX_AGE);
    if origins.iter().any(|origin| origin == "*") {
        cors = cors.allow_any_origin().send_wildcard();
    } else {
        for origin in origins {
            cors = cors.allowed_origin(origin);
        }
    }
    Condition::new(!origins.is_empty(), cors)
}

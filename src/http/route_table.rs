//! Which route a path belongs to, known before actix routes it: for the metrics' labels (resolved once, no hashing on the
//! way), the log's pattern, and the `Allow` of a refused method. Built from the OpenAPI document, so it lists what exists.

use crate::telemetry::metrics::{HttpClass, Metrics, RouteMetrics};
use actix_web::http::{Method, header::HeaderValue};
use utoipa::openapi::{OpenApi, PathItem};

/// Routes of both ports that the document does not list.
const UNDOCUMENTED: &[(&str, Method)] = &[
    ("/", Method::GET),
    ("/openapi.json", Method::GET),
    ("/docs", Method::GET),
    ("/docs/", Method::GET),
    ("/docs/{file}", Method::GET),
    ("/startupz", Method::GET),
    ("/metrics", Method::GET),
    ("/admin/cache/flush", Method::POST),
];

/// Routes of the admin port, some of them on the public port, too; all other routes are the public port's alone.
const ADMIN: [&str; 5] = ["/livez", "/readyz", "/startupz", "/metrics", "/admin/cache/flush"];
/// Those of them that the public port does not have.
const ADMIN_ONLY: [&str; 3] = ["/startupz", "/metrics", "/admin/cache/flush"];

/// Which port asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Port {
    Public,
    Admin,
}

/// Most segments that a path of ours has.
const MAX_SEGMENTS: usize = 6;

/// All routes.
#[derive(Debug)]
pub(super) struct RouteTable {
    routes: Vec<Route>,
    other: RouteMetrics,
}

#[derive(Debug)]
struct Route {
    pattern: String,
    segments: Vec<Segment>,
    methods: Vec<(Method, RouteMetrics)>,
    allow: HeaderValue,
}

/// A part of a pattern between slashes.
#[derive(Debug)]
enum Segment {
    Literal(String),
    Parameter,
}

/// A position in the table: the route and, where it knows it, the method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position(Option<(usize, Option<usize>)>);

impl RouteTable {
    pub(super) fn of(openapi: &OpenApi, metrics: &Metrics) -> Self {
        let mut table = Self { routes: Vec::new(), other: metrics.route("other", "unmatched") };
        for (pattern, item) in &openapi.paths.paths {
            for method in methods(item) {
                table.add(pattern, method, metrics);
            }
        }
        for (pattern, method) in UNDOCUMENTED {
            table.add(pattern, method.clone(), metrics);
        }
        // A literal segment is preferred to a parameter; among equals the document's order stays.
        table.routes.sort_by_key(|route| route.pattern.matches('{').count());
        table
    }

    fn add(&mut self, pattern: &str, method: Method, metrics: &Metrics) {
        let position = self.routes.iter().position(|route| route.pattern == pattern).unwrap_or_else(|| {
            let allow = HeaderValue::from_static("OPTIONS");
            let segments = pattern.split('/').skip(1).map(Segment::of).collect();
            self.routes.push(Route { pattern: pattern.to_owned(), segments, methods: Vec::new(), allow });
            self.routes.len() - 1
        });
        let Some(route) = self.routes.get_mut(position) else { return };
        let handles = metrics.route(method.as_str(), pattern);
        route.methods.push((method, handles));
        route.allow = allow(&route.methods);
    }

    /// The position of a request.
    pub(super) fn find(&self, method: &Method, path: &str) -> Position {
        let mut segments = [""; MAX_SEGMENTS];
        let mut rest = path.strip_prefix('/').unwrap_or(path);
        let mut count = 0;
        loop {
            let Some(slot) = segments.get_mut(count) else { return Position(None) };
            count += 1;
            let Some(slash) = rest.bytes().position(|byte| byte == b'/') else {
                *slot = rest;
                break;
            };
            (*slot, rest) = (&rest[..slash], &rest[slash + 1..]);
        }
        let segments = &segments[..count];
        let route = self.routes.iter().position(|route| route.matches(segments));
        Position(route.map(|route| {
            let known = self.routes.get(route).and_then(|route| route.methods.iter().position(|(m, _)| m == method));
            (route, known)
        }))
    }

    /// The pattern, as in the document.
    pub(super) fn pattern(&self, position: Position) -> &str {
        position.0.and_then(|(route, _)| self.routes.get(route)).map_or("unmatched", |route| route.pattern.as_str())
    }

    /// The methods that a route knows, where the path is one of this port's.
    pub(super) fn allow(&self, position: Position, port: Port) -> Option<&HeaderValue> {
        let route = position.0.and_then(|(route, _)| self.routes.get(route))?;
        let here = match port {
            Port::Public => !ADMIN_ONLY.contains(&&*route.pattern),
            Port::Admin => ADMIN.contains(&&*route.pattern),
        };
        here.then_some(&route.allow)
    }

    /// Where requests of a route are counted.
    pub(super) fn metrics(&self, position: Position) -> &RouteMetrics {
        let known = position.0.and_then(|(route, method)| self.routes.get(route)?.methods.get(method?));
        known.map_or(&self.other, |(_, metrics)| metrics)
    }

    /// Counts one answer.
    pub(super) fn count(&self, position: Position, status: u16, seconds: f64) {
        self.metrics(position).count(HttpClass::of(status), seconds);
    }
}

fn methods(item: &PathItem) -> Vec<Method> {
    let known = [
        (&item.get, Method::GET),
        (&item.post, Method::POST),
        (&item.put, Method::PUT),
        (&item.delete, Method::DELETE),
        (&item.patch, Method::PATCH),
    ];
    known.into_iter().filter(|(operation, _)| operation.is_some()).map(|(_, method)| method).collect()
}

fn allow(methods: &[(Method, RouteMetrics)]) -> HeaderValue {
    let mut names: Vec<&str> = Vec::new();
    for (method, _) in methods {
        names.push(method.as_str());
        if method == Method::GET {
            names.push("HEAD");
        }
    }
    HeaderValue::from_str(&names.join(", ")).unwrap_or(HeaderValue::from_static("GET, HEAD"))
}

impl Segment {
    fn of(text: &str) -> Self {
        if text.starts_with('{') { Self::Parameter } else { Self::Literal(text.to_owned()) }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Literal(literal) => literal == text,
            Self::Parameter => !text.is_empty(),
        }
    }
}

impl Route {
    fn matches(&self, segments: &[&str]) -> bool {
        // From the end: most of our paths differ there.
        self.segments.len() == segments.len()
            && self.segments.iter().zip(segments).rev().all(|(wanted, segment)| wanted.matches(segment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_preferred_to_a_parameter() {
        let table = RouteTable::of(&crate::http::openapi(), &Metrics::new());
        for (method, path, pattern) in [
            (Method::GET, "/v1/contacts/abc/profile", "/v1/contacts/{contactId}/profile"),
            (Method::POST, "/v1/contacts/search", "/v1/contacts/search"),
            (Method::GET, "/v1/contacts/abc", "/v1/contacts/{contactId}"),
            (Method::GET, "/docs/swagger-ui.css", "/docs/{file}"),
            (Method::GET, "/", "/"),
            (Method::GET, "/nowhere", "unmatched"),
            (Method::GET, "/a/b/c/d/e/f/g/h", "unmatched"),
        ] {
            assert_eq!(table.pattern(table.find(&method, path)), pattern, "{path}");
        }
        let allow = |path, port| table.allow(table.find(&Method::PUT, path), port).map(HeaderValue::as_bytes);
        assert_eq!(allow("/v1/contacts/search", Port::Public), Some(&b"POST"[..]));
        assert_eq!(allow("/v1/contacts", Port::Public), Some(&b"GET, HEAD, POST, PUT"[..]));
        assert_eq!((allow("/v1/contacts", Port::Admin), allow("/metrics", Port::Public)), (None, None));
    }
}

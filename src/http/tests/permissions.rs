//! Roles and locations on every route that the document lists: a route without its check is found here.

use super::{CONTACT, LOCATION, Setup, op_double::Writes, request};
use crate::settings::Role;
use actix_web::test::TestRequest;
use serde_json::Value;
use std::sync::Arc;

/// What is asked by `POST` and changes nothing.
const READS: [&str; 3] = ["/v1/contacts/search", "/v1/profiles/batch", "/v1/ips/batch"];
/// Guarded routes that are about no location, about an operation, an event or a source, which has its own, or about those in
/// their body.
const WITHOUT_LOCATION: [&str; 17] = [
    "get /v1/attribution",
    "get /v1/locations",
    "get /v1/ips/{ip}",
    "post /v1/ips/batch",
    "get /v1/operations/{operationId}",
    "post /v1/operations/{operationId}/retry",
    "post /v1/operations/{operationId}/resolve",
    "post /v1/operations/{operationId}/cancel",
    "post /v1/tokens",
    "get /v1/webhooks/events/{webhookId}",
    "post /v1/webhooks/events/{webhookId}/replay",
    "get /v1/sources",
    "get /v1/sources/{source}/events",
    "post /v1/sources/{source}/events",
    "get /v1/sources/{source}/events/{eventId}",
    "post /v1/sources/{source}/events/{eventId}/replay",
    "post /v1/sources/{source}/reconcile",
];

/// A guarded operation of the document.
struct Route {
    method: String,
    path: String,
    role: Role,
    /// Where it takes a `locationId`: `query` or `path`.
    location_in: Option<String>,
    body: Option<Value>,
}

fn routes() -> Vec<Route> {
    let document = serde_json::to_value(crate::http::openapi()).unwrap();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap().iter().filter(|(path, _)| path.starts_with("/v1/")) {
        for (method, operation) in item.as_object().unwrap() {
            let role = match method.as_str() {
                "get" if path == "/v1/audit" => Role::Admin,
                "post" if path == "/v1/tokens" => Role::Admin,
                _ if path.starts_with("/v1/webhooks/") => Role::Admin,
                "post" if path.ends_with("/{eventId}/replay") => Role::Admin,
                "delete" if operation["tags"][0] == "deletion" => Role::Admin,
                "get" => Role::Read,
                "post" if READS.contains(&path.as_str()) => Role::Read,
                _ => Role::Write,
            };
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let location_in = parameters.filter(|parameter| parameter["name"] == "locationId");
            let location_in = location_in.map(|parameter| parameter["in"].as_str().unwrap().to_owned()).next();
            let schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
            let body =
                schema.map(|schema| document.pointer(schema.trim_start_matches('#')).unwrap()["example"].clone());
            routes.push(Route { method: method.clone(), path: path.clone(), role, location_in, body });
        }
    }
    routes
}

impl Route {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The request, with the example as its body and perhaps a location named.
    fn ask(&self, key: &str, location: Option<&str>) -> TestRequest {
        let at = location.unwrap_or(LOCATION);
        let ids = [
            ("{contactId}", CONTACT),
            ("{ip}", "8.8.8.8"),
            ("{locationId}", at),
            ("{operationId}", "op1"),
            ("{webhookId}", "w1"),
        ];
        let filled = ids.iter().fold(self.path.clone(), |path, (name, id)| path.replace(name, id));
        let mut uri = filled.replace(['{', '}'], "");
        if let (Some("query"), Some(location)) = (self.location_in.as_deref(), location) {
            uri.push_str(&format!("?locationId={location}"));
        }
        let asked = request(self.method.to_uppercase().parse().unwrap()).uri(&uri);
        let asked = asked.insert_header(("x-api-key", key.to_owned()));
        match &self.body {
            None => asked,
            Some(body) => asked.insert_header(("content-type", "application/json")).set_payload(body.to_string()),
        }
    }
}

fn key_for(role: Role) -> &'static str {
    role.as_str()
}

fn guarded(locations: Option<&[&str]>) -> Setup {
    let setup = Setup { writes: Arc::new(Writes::default()), ..Setup::new() };
    [Role::Read, Role::Write, Role::Admin]
        .into_iter()
        .fold(setup, |setup, role| setup.with_key(key_for(role), &[role], locations))
}

#[actix_web::test]
async fn every_route_takes_its_role_and_no_other_is_enough() {
    let setup = guarded(None);
    let routes = routes();
    assert!(routes.iter().filter(|route| route.role == Role::Write).count() >= 16, "the document has its writes");
    for route in &routes {
        for role in [Role::Read, Role::Write, Role::Admin] {
            let answer = setup.ask(route.ask(key_for(role), None)).await;
            let refused = answer.status == 403;
            assert_eq!(refused, role != route.role, "{} with the role {}", route.name(), role.as_str());
            if refused {
                assert_eq!(answer.problem(), "forbidden", "{}", route.name());
            }
        }
        assert_eq!(setup.ask(route.ask("nobody", None)).await.status, 401, "{}", route.name());
    }
}

#[actix_web::test]
async fn every_route_that_names_a_location_is_closed_to_a_key_of_another() {
    let setup = guarded(Some(&["tenantLocation"]));
    let (named, without): (Vec<_>, Vec<_>) = routes().into_iter().partition(|route| route.location_in.is_some());
    let mut without: Vec<_> = without.iter().map(Route::name).collect();
    without.sort();
    let mut known = WITHOUT_LOCATION.map(str::to_owned);
    known.sort();
    assert_eq!(without, known, "a route about a location takes its id");
    for route in &named {
        let key = key_for(route.role);
        let foreign = setup.ask(route.ask(key, Some(LOCATION))).await;
        assert_eq!((foreign.status.as_u16(), foreign.problem().as_str()), (403, "forbidden"), "{}", route.name());
        let own = setup.ask(route.ask(key, Some("tenantLocation"))).await;
        assert_ne!(own.status, 403, "{}", route.name());
    }
}

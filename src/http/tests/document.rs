//! The OpenAPI document: whole, true to the routes, and served with the page that shows it.

use super::{Setup, get, request};
use crate::domain::problem::ProblemKind;
use serde_json::Value;

fn document() -> Value {
    serde_json::to_value(crate::http::openapi()).unwrap()
}

/// Every operation with its path and method.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of = |path: &String, item: &Value| -> Vec<(String, String, Value)> {
        let item = item.as_object().unwrap();
        item.iter().map(|(method, operation)| (path.clone(), method.clone(), operation.clone())).collect()
    };
    paths.iter().flat_map(|(path, item)| of(path, item)).collect()
}

#[test]
fn every_operation_is_described() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    for (path, method, operation) in operations(&document) {
        let at = format!("{method} {path}");
        assert!(operation["operationId"].is_string(), "{at}");
        assert!(operation["summary"].is_string() && operation["description"].is_string(), "{at}");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{at}");
        let content = operation["responses"]["200"]["content"].as_object().unwrap();
        assert!(content.values().all(|content| content["schema"].is_object()), "{at}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].is_string() && parameter["schema"].is_object(), "{at}: {parameter}");
            // Swagger UI fills examples in: an optional parameter that changes the answer has none.
            let shown = !parameter["example"].is_null() || parameter["required"] == false;
            assert!(shown, "{at}: no example of {}", parameter["name"]);
        }
        for segment in path.split('/').filter(|segment| segment.starts_with('{')) {
            let named = operation["parameters"].as_array().unwrap().iter().any(|parameter| {
                parameter["in"] == "path" && format!("{{{}}}", parameter["name"].as_str().unwrap()) == segment
            });
            assert!(named, "{at}: {segment}");
        }
    }
}

#[test]
fn every_guarded_operation_lists_its_refusals() {
    let document = document();
    for (path, method, operation) in operations(&document).iter().filter(|(path, ..)| path.starts_with("/v1/")) {
        let security = operation["security"].as_array().unwrap();
        assert_eq!(security.len(), 2, "{method} {path}");
        let mut statuses = vec!["400", "401", "403", "429", "500", "503"];
        if operation["requestBody"].is_object() {
            statuses.extend(["413", "415", "422"]);
        }
        for status in statuses {
            let response = &operation["responses"][status];
            let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Problem", "{method} {path} {status}");
            assert!(response["headers"]["X-Request-Id"].is_object(), "{method} {path} {status}");
        }
    }
}

#[test]
fn operation_ids_are_distinct_and_links_lead_to_them() {
    let document = document();
    let mut ids: Vec<String> = Vec::new();
    for (.., operation) in operations(&document) {
        ids.push(operation["operationId"].as_str().unwrap().to_owned());
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
    for (path, _, operation) in operations(&document) {
        for link in operation["responses"]["200"]["links"].as_object().into_iter().flat_map(|links| links.values()) {
            assert!(ids.iter().any(|id| link["operationId"] == id.as_str()), "{path}: {link}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_kind_of_problem_is_listed() {
    let document = document();
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
    let kinds = &document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"];
    for kind in ProblemKind::ALL {
        assert!(kinds.as_array().unwrap().contains(&Value::from(format!("/problems/{}", kind.slug()))), "{kind:?}");
    }
}

#[actix_web::test]
async fn every_documented_route_is_served() {
    for (path, method, _) in operations(&document()) {
        let method: actix_web::http::Method = method.to_uppercase().parse().unwrap();
        let uri = path.replace("{ip}", "8.8.8.8").replace("{slug}", "internal").replace(['{', '}'], "");
        let answer = Setup::new().ask(request(method).uri(&uri)).await;
        assert!(answer.status != 405 && !String::from_utf8_lossy(&answer.body).contains("no such route"), "{path}");
    }
}

#[actix_web::test]
async fn the_document_is_served_once() {
    let setup = Setup::new();
    let first = setup.get("/openapi.json").await;
    assert_eq!(first.json(), document());
    let again = get().uri("/openapi.json").insert_header(("if-none-match", first.header("etag")));
    assert_eq!(setup.ask(again).await.status, 304);
}

#[actix_web::test]
async fn the_page_comes_from_ourselves_alone() {
    let setup = Setup::new();
    for (path, location) in [("/", "/docs/"), ("/docs", "/docs/")] {
        let answer = setup.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, location), "{path}");
    }
    let page = setup.get("/docs/").await;
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(page.header("content-security-policy").contains("script-src 'self';"));
    assert!(!text.contains("http://") && !text.contains("https://"), "{text}");
    assert!(!text.contains("<script>"), "no inline script");
    let initializer = setup.get("/docs/swagger-initializer.js").await;
    let text = String::from_utf8(initializer.body.to_vec()).unwrap();
    for wanted in
        ["../openapi.json", "\"persistAuthorization\": true", "\"tryItOutEnabled\": true", "\"deepLinking\": true"]
    {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    for file in ["swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"] {
        assert_eq!(setup.get(&format!("/docs/{file}")).await.status, 200, "{file}");
    }
}

#[actix_web::test]
async fn every_kind_of_problem_resolves() {
    for kind in ProblemKind::ALL {
        let answer = Setup::new().get(&format!("/problems/{}", kind.slug())).await;
        assert_eq!(answer.json()["title"], kind.title());
    }
    assert_eq!(Setup::new().get("/problems/nonsense").await.problem(), "not-found");
}

//! The OpenAPI document: whole, true to the routes, and served with the page that shows it.

use super::{Setup, get, request};
use crate::domain::{
    problem::{FieldError, ProblemKind},
    write::{self, Fields, Intent, WriteKind},
};
use serde_json::{Value, json};

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

/// The answers of an operation that are no problem, by status; there is one at least. One sends browsers elsewhere.
fn successes(operation: &Value) -> Vec<(String, Value)> {
    let responses = operation["responses"].as_object().unwrap();
    let successes: Vec<(String, Value)> = responses
        .iter()
        .filter(|(status, _)| status.starts_with('2') || *status == "302")
        .map(|(status, response)| (status.clone(), response.clone()))
        .collect();
    assert!(!successes.is_empty(), "{operation}");
    successes
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
        for (status, response) in successes(&operation) {
            let Some(content) = response["content"].as_object() else {
                assert!(response["headers"]["Location"].is_object(), "{at} {status}");
                continue;
            };
            assert!(content.values().all(|content| content["schema"].is_object()), "{at} {status}");
        }
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
        // A source proves to be itself by its signature.
        let pushed = method == "post" && path == "/v1/sources/{source}/events";
        assert_eq!(security.len(), if pushed { 3 } else { 2 }, "{method} {path}");
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
fn every_write_says_how_it_may_be_repeated_awaited_and_followed() {
    let document = document();
    let operations = operations(&document);
    // What sources push becomes writes, and is none.
    let writes: Vec<_> = operations
        .iter()
        .filter(|(.., operation)| operation["responses"]["202"].is_object() && operation["tags"][0] != "sources")
        .collect();
    assert_eq!(writes.len(), WriteKind::ALL.len());
    for (path, method, operation) in writes {
        let at = format!("{method} {path}");
        for name in ["Idempotency-Key", "Prefer"] {
            let named = |parameter: &Value| parameter["name"] == name && parameter["in"] == "header";
            assert!(operation["parameters"].as_array().unwrap().iter().any(named), "{at}: {name}");
        }
        let later = &operation["responses"]["202"];
        assert_eq!(later["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/Operation", "{at}");
        assert_eq!(later["links"]["getOperation"]["operationId"], "get_operation", "{at}");
        for (status, response) in successes(operation) {
            assert!(response["headers"]["Operation-Id"].is_object(), "{at} {status}");
            assert_eq!(response["headers"]["Location"].is_object(), status != "200", "{at} {status}");
        }
        for status in ["409", "422", "503"] {
            let headers = &operation["responses"][status]["headers"];
            assert!(
                headers["Operation-Id"].is_object() && headers["Idempotency-Replayed"].is_object(),
                "{at} {status}"
            );
        }
        for status in ["400", "401", "403"] {
            assert!(operation["responses"][status]["headers"]["Operation-Id"].is_null(), "{at} {status}");
        }
        let Some(body) = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str() else {
            assert_eq!(method, "delete", "{at}");
            continue;
        };
        let schema = document.pointer(body.trim_start_matches('#')).unwrap();
        assert_eq!(schema["additionalProperties"], false, "{at}");
        assert!(schema["example"].is_object(), "{at}");
    }
}

/// The examples of the bodies are what Swagger UI sends, and what the schema says is what is read.
#[test]
fn examples_of_bodies_pass_and_their_properties_are_known() {
    let document = document();
    let schema = |name: &str| document["components"]["schemas"][name].clone();
    type Read = fn(&Value) -> Result<(), Vec<FieldError>>;
    let reads: [(&str, Read); 9] = [
        ("NewContact", |body| Fields::contact(body, Intent::Create).map(drop)),
        ("ContactChange", |body| Fields::contact(body, Intent::Update).map(drop)),
        ("ContactUpsert", |body| Fields::contact(body, Intent::Upsert).map(drop)),
        ("NewNote", |body| Fields::note(body, Intent::Create).map(drop)),
        ("NoteChange", |body| Fields::note(body, Intent::Update).map(drop)),
        ("NewTask", |body| Fields::task(body, Intent::Create).map(drop)),
        ("TaskChange", |body| Fields::task(body, Intent::Update).map(drop)),
        ("Completion", |body| write::completion(body).map(drop)),
        ("TagList", |body| write::tags(body).map(drop)),
    ];
    for (name, read) in reads {
        let schema = schema(name);
        assert_eq!(read(&schema["example"]), Ok(()), "{name}");
        let properties = schema["properties"].as_object().unwrap();
        let refusals = |value: Value| {
            let body: Value = properties.keys().map(|name| (name.clone(), value.clone())).collect();
            read(&body).err().unwrap_or_default()
        };
        for error in refusals(json!({"no": "such value"})) {
            assert!(
                !error.message.contains("not known here; did") && error.message != "is not known here",
                "{name}: {error:?}"
            );
        }
        // What may be null is what the schema says may be null.
        let refused: Vec<String> = refusals(Value::Null).into_iter().map(|error| error.pointer).collect();
        for (property, shape) in properties {
            let may_be_null = shape["type"].as_array().is_some_and(|types| types.contains(&json!("null")));
            assert_eq!(!refused.contains(&format!("/{property}")), may_be_null, "{name}.{property}: {shape}");
        }
    }
}

#[test]
fn headers_of_problems_are_told() {
    for (path, method, operation) in operations(&document()) {
        let responses = &operation["responses"];
        for (status, header) in [("401", "WWW-Authenticate"), ("429", "Retry-After"), ("503", "Retry-After")] {
            let told = responses[status]["headers"][header].is_object();
            assert_eq!(told, responses[status].is_object(), "{method} {path} {status}");
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
        for (_, response) in successes(&operation) {
            for link in response["links"].as_object().into_iter().flat_map(|links| links.values()) {
                assert!(ids.iter().any(|id| link["operationId"] == id.as_str()), "{path}: {link}");
            }
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

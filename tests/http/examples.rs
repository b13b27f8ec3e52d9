//! What the document shows as an example works as it stands, since that is what Swagger UI sends.

use crate::support::{Events, TestApp};
use serde_json::Value;

/// What an operation's example is answered on a fresh service.
fn expected(method: &str, path: &str) -> std::ops::Range<u16> {
    match path {
        // Only GHL, or the source, can sign.
        "/webhooks/ghl" => 401..402,
        "/v1/sources/{source}/events" if method == "POST" => 401..402,
        // There is no app to connect with.
        path if path.starts_with("/oauth/") => 404..405,
        // No operation and no event is there yet.
        path if ["/v1/operations/{", "/v1/webhooks/events/{", "/v1/sources/{source}/events/{"]
            .iter()
            .any(|begin| path.starts_with(begin)) =>
        {
            404..405
        }
        _ => 200..202,
    }
}

fn example(parameter: &Value) -> Option<String> {
    let value = [&parameter["example"], &parameter["schema"]["example"]].into_iter().find(|value| !value.is_null())?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// The path with the examples of its parameters.
fn filled(path: &str, operation: &Value) -> String {
    let mut filled = path.to_owned();
    for parameter in operation["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "path") {
        let name = parameter["name"].as_str().expect("a name");
        let value = example(parameter).unwrap_or_else(|| panic!("{path}: {name} has no example"));
        filled = filled.replace(&format!("{{{name}}}"), &value);
    }
    filled
}

/// The example of the body, of the operation or of its schema.
fn body(document: &Value, operation: &Value) -> Option<Value> {
    let content = &operation["requestBody"]["content"]["application/json"];
    let mut schema = &content["schema"];
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        schema = &document["components"]["schemas"][name];
    }
    let examples = schema["examples"].get(0).unwrap_or(&Value::Null);
    let given = [&content["example"], &schema["example"], examples];
    given.into_iter().find(|example| !example.is_null()).cloned()
}

#[actix_web::test]
async fn every_example_works_on_a_fresh_service() {
    let document = TestApp::start().await.get("/openapi.json").await.json();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations").iter().filter(|(_, one)| one.is_object()) {
            let method = method.to_uppercase();
            let systems = crate::sources::insurgo("");
            let app = TestApp::with(&[("sources.systems", &systems)]).await;
            let url = filled(path, operation);
            tried += 1;
            if operation["responses"]["200"]["content"]["text/event-stream"].is_object() {
                // Does not end by itself.
                assert_eq!(Events::open(&app.client, &url).await.status, 200, "{method} {url}");
                continue;
            }
            let lines = &operation["requestBody"]["content"]["application/x-ndjson"]["example"];
            let reply = match body(&document, operation) {
                None if lines.is_string() => {
                    let client = app.client.with("content-type", "application/x-ndjson");
                    client.send(&method, &url, lines.as_str().map(|lines| lines.as_bytes().to_vec())).await
                }
                Some(body) => app.client.json(&method, &url, &body).await,
                None => app.client.send(&method, &url, None).await,
            };
            assert!(expected(&method, path).contains(&reply.status), "{method} {url}: {reply:?}");
        }
    }
    assert!(tried >= 35, "only {tried} examples");
}

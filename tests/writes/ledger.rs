//! The log of who wrote what, and the quota it was paid from.

use super::{of_showcase, succeeded};
use crate::support::{SHOWCASE, TestApp, key, until};
use serde_json::{Value, json};
use std::time::Duration;

fn keys() -> String {
    let keys = [
        key("backend", "w", &["read", "write"], &["sandboxLocation00001"]),
        key("dashboard", "r", &["read"], &["sandboxLocation00001"]),
        key("operator", "a", &["read", "write", "admin"], &[]),
    ];
    format!("[{}]", keys.join(", "))
}

async fn audit(app: &TestApp, query: &str) -> Vec<Value> {
    let reply = app.client.with("x-api-key", "a").get(&format!("/v1/audit?{query}")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["items"].as_array().unwrap().clone()
}

#[actix_web::test]
async fn every_request_and_attempt_leaves_a_line_without_personal_data() {
    let app = TestApp::with(&[("auth.keys", &keys())]).await;
    let backend = app.client.with("x-api-key", "w").with("x-request-id", "request-1");
    let secret = json!({"body": "Her birthday is in May"});
    let reply = backend.post(&of_showcase("/notes"), &secret).await;
    succeeded(&reply, 201);
    let id = reply.header("operation-id").unwrap().to_owned();
    let lines = audit(&app, &format!("operationId={id}")).await;
    let events: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!(events, ["attempt", "accepted"], "newest first");
    for line in &lines {
        assert_eq!((&line["key"], &line["requestId"]), (&json!("backend"), &json!("request-1")), "{line}");
        assert_eq!((&line["contactId"], &line["kind"]), (&json!(SHOWCASE), &json!("create-note")), "{line}");
        assert!(!line.to_string().contains("birthday"), "{line}");
    }
    assert_eq!((&lines[0]["outcome"], &lines[0]["upstreamStatus"]), (&json!("done"), &json!(201)));
    backend.post(&of_showcase("/notes"), &json!({"body": "", "colour": "red"})).await;
    app.client.with("x-api-key", "r").post(&of_showcase("/notes"), &secret).await.assert_problem(403, "forbidden");
    let refused = until("the refusal in the log", Duration::from_secs(5), async || {
        Some(audit(&app, "event=refused").await).filter(|lines| !lines.is_empty())
    })
    .await;
    assert!(refused.iter().any(|line| line["outcome"] == "validation-failed"), "{refused:?}");
    let export = app.client.with("x-api-key", "a").with("accept", "application/x-ndjson").get("/v1/audit").await;
    assert_eq!(export.header("content-type"), Some("application/x-ndjson"));
    assert!(export.text().lines().count() >= 3, "{}", export.text());
    assert!(export.text().lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    app.client.with("x-api-key", "w").get("/v1/audit").await.assert_problem(403, "forbidden");
}

#[actix_web::test]
async fn the_quota_shows_what_was_spent_and_saved() {
    let app = TestApp::start().await;
    app.profile(SHOWCASE).await;
    app.profile(SHOWCASE).await;
    succeeded(&app.client.post(&of_showcase("/tags"), &json!({"tags": ["spent"]})).await, 200);
    let quota = app.get("/v1/locations/sandboxLocation00001/quota").await;
    assert_eq!(quota.status, 200, "{}", quota.text());
    let quota = quota.json();
    assert_eq!(
        (&quota["learned"], &quota["breaker"], &quota["rateLimited"]),
        (&json!(true), &json!("closed"), &json!(0))
    );
    let calls = |list: &str, name: &str| {
        let shares = quota[list].as_array().unwrap();
        shares.iter().find(|share| share["name"] == name).and_then(|share| share["calls"].as_u64()).unwrap_or(0)
    };
    assert_eq!((calls("byLane", "interactive"), calls("byLane", "operation")), (3, 1), "{quota}");
    assert_eq!(quota["savedByCache"], 3, "contact, notes and tasks of the second profile");
    assert_eq!(quota["day"]["used"], 4, "{quota}");
}

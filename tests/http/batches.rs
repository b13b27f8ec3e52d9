//! Many profiles in one request.

use crate::support::{LOCATION, SHOWCASE, TestApp};
use ghl_sandbox::{Fault, FaultAction};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;

const PATH: &str = "/v1/profiles/batch";
const NOBODY: &str = "noSuchContact0000001";

#[actix_web::test]
async fn a_document_answers_in_the_order_asked() {
    let app = TestApp::start().await;
    let ids = app.sandbox.contact_ids(LOCATION);
    let asked = [&ids[5], NOBODY, &ids[1], "a/b", &ids[5], SHOWCASE];
    let reply = app.client.post(PATH, &json!({"contactIds": asked})).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let items = reply.json()["items"].as_array().unwrap().clone();
    assert_eq!(items.len(), asked.len());
    for (index, (item, id)) in items.iter().zip(asked).enumerate() {
        assert_eq!((&item["index"], &item["contactId"]), (&index.into(), &id.into()));
        let (status, kind) = match id {
            NOBODY => (404, "/problems/contact-not-found"),
            "a/b" => (400, "/problems/invalid-parameter"),
            _ => (200, ""),
        };
        assert_eq!(item["status"], status, "{item}");
        if status == 200 {
            assert_eq!(item["profile"]["id"], id);
            assert!(item.get("problem").is_none());
        } else {
            assert_eq!(item["problem"]["type"], kind);
            assert!(item.get("profile").is_none());
        }
    }
    assert_eq!(app.calls("ghl.contact"), 4, "one a distinct id");
}

#[actix_web::test]
async fn include_and_require_hold_for_each_entry() {
    let app = TestApp::start().await;
    app.sandbox.inject(Fault::new("ghl.notes", FaultAction::Html502).contact(SHOWCASE));
    let other = app.sandbox.contact_ids(LOCATION).remove(3);
    let body = json!({"contactIds": [SHOWCASE, other], "include": ["tasks"], "require": ["notes"]});
    let items = app.client.post(PATH, &body).await.json()["items"].clone();
    assert_eq!(items[0]["status"], 503, "{items}");
    assert!(items[1]["profile"]["notes"].is_array() && items[1]["profile"]["ip"].is_null(), "{items}");
    assert_eq!(app.calls("ipinfo.*"), 0);
}

#[actix_web::test]
async fn the_size_is_bounded() {
    let app = TestApp::with(&[("http.max_batch", "3")]).await;
    let problem = app.client.post(PATH, &json!({"contactIds": ["a", "b", "c", "d"]})).await;
    let problem = problem.assert_problem(422, "validation-failed");
    assert_eq!(problem["errors"][0]["pointer"], "/contactIds");
    let reply = app.client.post("/v1/ips/batch", &json!({"ips": vec!["10.0.0.1"; 4]})).await;
    reply.assert_problem(422, "validation-failed");
    assert_eq!(app.client.post(PATH, &json!({"contactIds": ["a", "b", "c"]})).await.status, 200);
}

/// Lines parsed, in the order they came.
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[actix_web::test]
async fn lines_say_whose_they_are() {
    let app = TestApp::start().await;
    let ids = app.sandbox.contact_ids(LOCATION);
    let mut asked: Vec<&str> = ids[..40].iter().map(String::as_str).collect();
    asked.extend([NOBODY, &ids[0]]);
    let client = app.client.with("accept", "application/x-ndjson");
    let reply = client.post(PATH, &json!({"contactIds": asked})).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/x-ndjson")));
    let mut lines = lines(&reply.text());
    assert_eq!(lines.len(), asked.len());
    lines.sort_by_key(|line| line["index"].as_u64());
    for (index, line) in lines.iter().enumerate() {
        assert_eq!((&line["index"], &line["contactId"]), (&index.into(), &asked[index].into()));
        let whole = if asked[index] == NOBODY { &line["problem"]["type"] } else { &line["profile"]["id"] };
        assert!(whole.is_string(), "{line}");
    }
}

#[actix_web::test]
async fn a_line_does_not_wait_for_a_slower_one() {
    let app = TestApp::start().await;
    let fast = app.sandbox.contact_ids(LOCATION).remove(7);
    let slow = Fault::new("ghl.contact", FaultAction::Latency(Duration::from_secs(2))).contact(SHOWCASE);
    app.sandbox.inject(slow);
    let body = json!({"contactIds": [SHOWCASE, fast]}).to_string();
    let client = app.client.with("accept", "application/x-ndjson").with("content-type", "application/json");
    let mut stream = client.open("POST", PATH, Some(body.into_bytes())).await;
    let mut text = String::new();
    let mut bytes = [0; 4096];
    while !text.contains(&format!("\"contactId\":\"{fast}\"")) {
        let read = stream.read(&mut bytes).await.unwrap();
        assert!(read > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    assert!(!text.contains(SHOWCASE), "the fast one came alone: {text}");
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(String::from_utf8_lossy(&rest).contains(&format!("\"contactId\":\"{SHOWCASE}\",\"status\":200")));
}

#[actix_web::test]
async fn another_form_is_not_acceptable() {
    let app = TestApp::start().await;
    let reply = app.client.with("accept", "text/csv").post(PATH, &json!({"contactIds": [SHOWCASE]})).await;
    reply.assert_problem(406, "not-acceptable");
    assert_eq!(app.calls("*"), 0);
}

//! GHL fails in the middle of a write; the client notices nothing but time.

use super::{ended, held, of_showcase, succeeded};
use crate::support::TestApp;
use ghl_sandbox::{Fault, FaultAction};
use serde_json::json;
use std::time::Duration;

#[actix_web::test]
async fn an_answer_that_is_lost_doubles_nothing() {
    let app = TestApp::start().await;
    for endpoint in ["ghl.note_create", "ghl.task_create", "ghl.contact_create", "ghl.tags_add"] {
        app.sandbox.inject(Fault::new(endpoint, FaultAction::AppliedButLost).times(1));
    }
    let note = app.client.post(&of_showcase("/notes"), &json!({"body": "Lost <b>and</b> found"})).await;
    assert_eq!(succeeded(&note, 201)["text"], "Lost and found");
    assert_eq!((app.calls("ghl.note_create"), held(&app, "notes", "Lost <b>and</b> found").await), (1, 1));
    let task = json!({"title": "Lost task", "dueDate": "2027-03-01T09:00:00Z", "completed": false});
    succeeded(&app.client.post(&of_showcase("/tasks"), &task).await, 201);
    assert_eq!((app.calls("ghl.task_create"), held(&app, "tasks", "Lost task").await), (1, 1));
    let person = json!({"firstName": "Lost", "email": "lost@example.com"});
    let made = succeeded(&app.client.post("/v1/contacts", &person).await, 201);
    assert_eq!((made["email"].as_str(), app.calls("ghl.contact_create")), (Some("lost@example.com"), 1));
    let tags = succeeded(&app.client.post(&of_showcase("/tags"), &json!({"tags": ["lost"]})).await, 200);
    assert!(tags["tags"].as_array().unwrap().contains(&json!("lost")));
}

#[actix_web::test]
async fn a_contact_that_was_made_though_the_answer_is_422_is_found() {
    let app = TestApp::start().await;
    app.sandbox.inject(Fault::new("ghl.contact_create", FaultAction::CreatedBut422).times(1));
    let person = json!({"firstName": "Mia", "email": "mia@example.com", "phone": "+436605550001"});
    let made = succeeded(&app.client.post("/v1/contacts", &person).await, 201);
    assert_eq!(made["email"], "mia@example.com");
    assert_eq!(app.calls("ghl.contact_create"), 1);
}

#[actix_web::test]
async fn two_equal_notes_are_two_notes_though_both_answers_are_lost() {
    let app = TestApp::start().await;
    app.sandbox.inject(Fault::new("ghl.note_create", FaultAction::AppliedButLost).times(2));
    let body = json!({"body": "No answer"});
    let one = succeeded(&app.client.post(&of_showcase("/notes"), &body).await, 201);
    let two = succeeded(&app.client.post(&of_showcase("/notes"), &body).await, 201);
    assert_ne!(one["id"], two["id"]);
    assert_eq!(held(&app, "notes", "No answer").await, 2);
}

#[actix_web::test]
async fn a_slow_write_goes_on_without_its_client() {
    let app = TestApp::start().await;
    app.sandbox.inject(Fault::new("ghl.note_create", FaultAction::Latency(Duration::from_millis(700))).times(1));
    let path = of_showcase("/notes");
    let reply = app.client.with("prefer", "wait=0").post(&path, &json!({"body": "Slow"})).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
    assert_eq!(reply.header("preference-applied"), Some("wait=0"));
    let operation = reply.json();
    let id = operation["id"].as_str().unwrap();
    assert_eq!(reply.header("location"), Some(&*format!("/v1/operations/{id}")));
    let done = ended(&app, id).await;
    assert_eq!((&done["state"], &done["result"]["status"]), (&json!("done"), &json!(201)), "{done}");
    let reply = app.client.with("prefer", "respond-async").post(&path, &json!({"body": "Later"})).await;
    assert_eq!((reply.status, reply.header("preference-applied")), (202, Some("respond-async")));
    assert_eq!(ended(&app, reply.json()["id"].as_str().unwrap()).await["state"], "done");
}

#[actix_web::test]
async fn writes_to_one_contact_keep_their_order_though_the_first_fails_for_a_while() {
    let app = TestApp::start().await;
    app.sandbox.inject(Fault::new("ghl.note_create", FaultAction::Reset).times(2));
    let client = app.client.with("prefer", "respond-async");
    let mut ids = Vec::new();
    for n in 0..5 {
        let reply = client.post(&of_showcase("/notes"), &json!({"body": format!("In order {n}")})).await;
        ids.push(reply.json()["id"].as_str().unwrap().to_owned());
    }
    for id in &ids {
        assert_eq!(ended(&app, id).await["state"], "done");
    }
    let log: serde_json::Value =
        reqwest::get(format!("{}/__sandbox/writes", app.sandbox.base_url())).await.unwrap().json().await.unwrap();
    let made: Vec<String> = log["writes"].as_array().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(made.len(), 5, "{made:?}");
    assert!((0..5).all(|n| made[n].contains(&format!("In order {n}"))), "{made:?}");
}

#[actix_web::test]
async fn what_ghl_refuses_ends_with_its_own_words() {
    let app = TestApp::start().await;
    let body = r#"{"statusCode":422,"message":["body is too rude"],"error":"Unprocessable Entity"}"#;
    app.sandbox.inject(Fault::new("ghl.note_create", FaultAction::status(422, body)).times(1));
    let reply = app.client.post(&of_showcase("/notes"), &json!({"body": "Rude"})).await;
    let problem = reply.assert_problem(422, "validation-failed");
    assert!(problem.to_string().contains("body is too rude"), "{problem}");
    let operation = app.get(&format!("/v1/operations/{}", reply.header("operation-id").unwrap())).await.json();
    assert_eq!(operation["state"], "failed");
}

#[actix_web::test]
async fn out_of_attempts_it_is_a_dead_letter_that_can_be_taken_up_again() {
    let app = TestApp::with(&[("operations.max_attempts", "2")]).await;
    app.sandbox.inject(Fault::new("ghl.note_create", FaultAction::Html502));
    let reply = app.client.post(&of_showcase("/notes"), &json!({"body": "Back from the dead"})).await;
    assert!(reply.status >= 500, "{}", reply.text());
    let id = reply.header("operation-id").unwrap().to_owned();
    assert_eq!(ended(&app, &id).await["state"], "dead");
    let cancel = app.client.send("POST", &format!("/v1/operations/{id}/cancel"), None).await;
    cancel.assert_problem(409, "operation-conflict");
    app.sandbox.clear_faults();
    let retried = app.client.send("POST", &format!("/v1/operations/{id}/retry"), None).await;
    assert_eq!(retried.status, 200, "{}", retried.text());
    assert_eq!(ended(&app, &id).await["state"], "done");
    assert_eq!(held(&app, "notes", "Back from the dead").await, 1);
}

#[actix_web::test]
async fn what_waits_can_be_taken_back() {
    let app = TestApp::with(&[("operations.retry_base_ms", "60000"), ("operations.retry_cap_ms", "60000")]).await;
    app.sandbox.inject(Fault::new("ghl.tags_add", FaultAction::status(503, "{}")));
    let client = app.client.with("prefer", "respond-async");
    let first = client.post(&of_showcase("/tags"), &json!({"tags": ["first"]})).await.json();
    let second = client.post(&of_showcase("/tags"), &json!({"tags": ["second"]})).await.json();
    let id = second["id"].as_str().unwrap();
    let cancelled = app.client.send("POST", &format!("/v1/operations/{id}/cancel"), None).await;
    assert_eq!((cancelled.status, &cancelled.json()["state"]), (200, &json!("cancelled")), "{}", cancelled.text());
    let listed = app.get(&format!("/v1/operations?state=cancelled&contactId={}", crate::support::SHOWCASE)).await;
    assert_eq!(listed.json()["items"][0]["id"], id);
    assert_ne!(first["id"], second["id"]);
}

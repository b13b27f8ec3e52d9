//! A request that comes again under its key.

use super::{held, of_showcase, succeeded};
use crate::support::TestApp;
use futures_util::future::join_all;
use serde_json::json;

#[actix_web::test]
async fn the_same_key_and_body_give_the_first_answer_again() {
    let app = TestApp::start().await;
    let client = app.client.with("idempotency-key", "call-17");
    let body = json!({"body": "Only once, please"});
    let first = client.post(&of_showcase("/notes"), &body).await;
    let made = succeeded(&first, 201);
    assert_eq!(first.header("idempotency-replayed"), None);
    let second = client.post(&of_showcase("/notes"), &body).await;
    assert_eq!(succeeded(&second, 201), made);
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(second.header("operation-id"), first.header("operation-id"));
    assert_eq!((app.calls("ghl.note_create"), held(&app, "notes", "Only once, please").await), (1, 1));
    let other = client.post(&of_showcase("/notes"), &json!({"body": "Another"})).await;
    other.assert_problem(422, "idempotency-key-reused");
    let elsewhere = json!({"title": "x", "dueDate": "2027-03-01T09:00:00Z", "completed": false});
    client.post(&of_showcase("/tasks"), &elsewhere).await.assert_problem(422, "idempotency-key-reused");
}

#[actix_web::test]
async fn many_at_once_make_one() {
    let app = TestApp::start().await;
    let client = app.client.with("idempotency-key", "\"all-at-once\"");
    let body = json!({"body": "One of many"});
    let path = of_showcase("/notes");
    let replies = join_all((0..20).map(|_| client.post(&path, &body))).await;
    let ids: Vec<_> = replies.iter().map(|reply| succeeded(reply, 201)["id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(held(&app, "notes", "One of many").await, 1);
}

#[actix_web::test]
async fn keys_that_are_none_are_refused_before_anything_happens() {
    let app = TestApp::start().await;
    for bad in ["", &"k".repeat(256), "clé", "\"unclosed"] {
        let reply = app.client.with("idempotency-key", bad).post(&of_showcase("/notes"), &json!({"body": "x"})).await;
        let problem = reply.assert_problem(400, "invalid-parameter");
        assert!(problem.to_string().to_ascii_lowercase().contains("idempotency-key"), "{problem}");
    }
    assert_eq!(app.calls("ghl.note_create"), 0);
}

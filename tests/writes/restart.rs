//! What was accepted outlives the process.

use super::{ended, held, of_showcase};
use crate::support::{TestApp, scratch};
use ghl_sandbox::{Fault, FaultAction};
use serde_json::json;

#[actix_web::test]
async fn a_write_accepted_by_one_process_is_done_by_the_next() {
    let url = format!("sqlite:{}", scratch("restart").join("deep/store.db").display());
    let mut first = TestApp::with(&[("store.url", &url)]).await;
    first.sandbox.inject(Fault::new("ghl.note_create", FaultAction::Reset));
    let client = first.client.with("prefer", "respond-async").with("idempotency-key", "outlives");
    let body = json!({"body": "Outlives its process"});
    let accepted = client.post(&of_showcase("/notes"), &body).await;
    assert_eq!(accepted.status, 202, "{}", accepted.text());
    first.stop().await.expect("ends well");
    let next = TestApp::with(&[("store.url", &url)]).await;
    let id = accepted.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(ended(&next, &id).await["state"], "done");
    let again = next.client.with("idempotency-key", "outlives").post(&of_showcase("/notes"), &body).await;
    assert_eq!((again.status, again.header("operation-id")), (201, Some(&*id)), "{}", again.text());
    assert_eq!(held(&next, "notes", "Outlives its process").await, 1);
}

#[actix_web::test]
async fn without_a_store_writes_are_refused_and_reads_go_on() {
    let rule = "[{ name = 'all', when = 'contact.id', tags = ['seen'] }]";
    let app = TestApp::with(&[("store.url", ""), ("enrichment.rules", rule)]).await;
    let reply = app.client.post(&of_showcase("/notes"), &json!({"body": "x"})).await;
    reply.assert_problem(503, "store-unavailable");
    app.get("/v1/operations").await.assert_problem(503, "store-unavailable");
    assert_eq!(app.get(&of_showcase("/profile")).await.status, 200);
    assert_eq!(app.get(&of_showcase("/explain")).await.json()["rules"][0]["verdict"], "matched");
    assert_eq!(app.get("/v1/locations/sandboxLocation00001/quota").await.status, 200);
    assert_eq!(app.calls("ghl.note_create"), 0);
}

//! Writes as a client meets them: every endpoint, what is read afterwards, keys, faults at GHL, and the log.

mod endpoints;
mod enrichment;
mod faults;
mod idempotency;
mod ledger;
mod read_your_writes;
mod resolve;
mod restart;

use crate::support::{Reply, SHOWCASE, TestApp, until};
use serde_json::Value;
use std::time::Duration;

/// A path below the contact of README and Swagger UI.
fn of_showcase(rest: &str) -> String {
    format!("/v1/contacts/{SHOWCASE}{rest}")
}

/// The answer's JSON, where the write succeeded with this status.
#[track_caller]
fn succeeded(reply: &Reply, status: u16) -> Value {
    assert_eq!(reply.status, status, "{}", reply.text());
    assert!(reply.header("operation-id").is_some(), "{reply:?}");
    reply.json()
}

/// The operation once it has ended.
async fn ended(app: &TestApp, id: &str) -> Value {
    until(&format!("the end of {id}"), Duration::from_secs(20), async || {
        let reply = app.get(&format!("/v1/operations/{id}")).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let operation = reply.json();
        (!matches!(operation["state"].as_str(), Some("pending" | "running"))).then_some(operation)
    })
    .await
}

/// How many of the contact's notes or tasks hold a text, as the sandbox has them.
async fn held(app: &TestApp, list: &str, text: &str) -> usize {
    let dump: Value =
        reqwest::get(format!("{}/__sandbox/state", app.sandbox.base_url())).await.unwrap().json().await.unwrap();
    let contacts = dump["contacts"].as_array().unwrap().iter();
    let records = contacts.flat_map(|contact| contact[list].as_array().unwrap());
    records.filter(|record| record.to_string().contains(text)).count()
}

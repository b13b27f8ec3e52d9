//! Rules that run on events: durable, once for all that ask, and never on what they wrote themselves.

use super::{Rig, event};
use crate::support::{SHOWCASE, eventually, until};
use ghl_sandbox::{Fault, FaultAction};
use serde_json::{Value, json};
use std::time::Duration;

const RULES: (&str, &str) =
    ("enrichment.rules", "[{ name = 'seen', when = 'contact.id', managed_prefix = 'seen:', tags = ['seen:yes'] }]");
const ENRICH: (&str, &str) = ("webhooks.enrich", "[\"ContactCreate\", \"ContactUpdate\", \"ContactTagUpdate\"]");

async fn tags(rig: &Rig) -> Vec<String> {
    let held: Value = rig.app.get(&format!("/v1/contacts/{SHOWCASE}")).await.json();
    held["tags"].as_array().unwrap().iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect()
}

/// What the log has of the rules' writes.
async fn accepted(rig: &Rig) -> Vec<Value> {
    let log = rig.app.get("/v1/audit?event=accepted").await.json();
    log["items"].as_array().unwrap().clone()
}

#[actix_web::test]
async fn rules_run_where_they_are_asked_to_and_their_echo_does_not_start_them_again() {
    let rig = Rig::with(&[RULES, ENRICH]).await;
    let told = rig.told(&event("ContactUpdate", "w1", json!({}))).await;
    assert_eq!((&told["fate"], &told["detail"]), (&json!("applied"), &json!("rules-ran")), "{told}");
    until("the tag", Duration::from_secs(10), async || tags(&rig).await.contains(&"seen:yes".to_owned()).then_some(()))
        .await;
    let log = accepted(&rig).await;
    assert_eq!((log.len(), &log[0]["key"], &log[0]["requestId"]), (1, &json!("webhook:ghl"), &json!("w1")), "{log:?}");
    let reads = rig.app.calls("ghl.contact");
    let echo = rig.told(&event("ContactTagUpdate", "w2", json!({"tags": tags(&rig).await}))).await;
    assert_eq!(echo["fate"], "echo", "{echo}");
    assert_eq!(rig.app.calls("ghl.contact"), reads + 1, "only we looked at the tags");
    assert_eq!(rig.told(&event("NoteCreate", "w3", json!({"contactId": SHOWCASE}))).await["fate"], "ignored");
    assert_eq!(accepted(&rig).await.len(), 1);
}

#[actix_web::test]
async fn rules_do_not_run_by_default() {
    let rig = Rig::with(&[RULES]).await;
    assert_eq!(rig.told(&event("ContactUpdate", "w1", json!({}))).await["detail"], "nothing-held");
    assert_eq!(accepted(&rig).await.len(), 0);
}

#[actix_web::test]
async fn many_events_about_a_contact_are_few_runs() {
    let rig = Rig::with(&[RULES, ENRICH]).await;
    rig.app.sandbox.inject(Fault::new("ghl.contact", FaultAction::Latency(Duration::from_millis(200))).times(100));
    for number in 0..20 {
        let told = event("ContactUpdate", &format!("w{number}"), json!({"city": format!("City {number}")}));
        assert_eq!(rig.send(&told).await.status, 200);
    }
    for number in 0..20 {
        assert_eq!(rig.fate(&format!("w{number}")).await["fate"], "applied");
    }
    assert!(rig.app.calls("ghl.contact") <= 10, "{} reads", rig.app.calls("ghl.contact"));
}

#[actix_web::test]
async fn what_fails_is_tried_again_and_in_the_end_fails_visibly_and_can_be_replayed() {
    let rig = Rig::with(&[RULES, ENRICH, ("operations.max_attempts", "3"), ("ghl.retries", "0")]).await;
    rig.app.sandbox.inject(Fault::new("ghl.contact", FaultAction::Reset).times(1));
    let told = rig.told(&event("ContactUpdate", "w1", json!({}))).await;
    assert_eq!((&told["fate"], &told["attempts"]), (&json!("applied"), &json!(1)), "{told}");
    rig.app.sandbox.inject(
        Fault::new(
            "ghl.contact",
            FaultAction::Status {
                status: 401,
                body: r#"{"statusCode":401,"message":"Invalid JWT"}"#.to_owned(),
                content_type: "application/json".to_owned(),
            },
        )
        .times(3),
    );
    let told = rig.told(&event("ContactUpdate", "w2", json!({"city": "Ulm"}))).await;
    assert_eq!((&told["fate"], &told["replayable"]), (&json!("failed"), &json!(true)), "{told}");
    assert!(told["detail"].as_str().unwrap().starts_with("upstream-unauthorized"), "{told}");
    let reply = rig.app.client.send("POST", "/v1/webhooks/events/w2/replay", None).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(rig.fate("w2").await["fate"], "applied");
    eventually("no load", || rig.app.parts.profiles.loads_under_way() == 0).await;
}

#[actix_web::test]
async fn a_contact_that_is_gone_is_no_failure() {
    let rig = Rig::with(&[RULES, ENRICH]).await;
    let told = rig.told(&event("ContactUpdate", "w1", json!({"id": "gone0000000000000001"}))).await;
    assert_eq!((&told["fate"], &told["detail"]), (&json!("ignored"), &json!("contact-not-found")), "{told}");
}

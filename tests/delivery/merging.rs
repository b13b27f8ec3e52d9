//! Upserts: contacts merged with care, where GHL's own loses things.

use super::rig::{Rig, location, upsert};
use ghl_enrich::operations::{Attempted, Delivery as _, Looked};
use ghl_sandbox::{ContactSeed, Fault, FaultAction, SandboxConfig};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

async fn done(rig: &Rig, body: Value) -> (u16, Value) {
    match rig.attempt(upsert(body)).await {
        Attempted::Done { written, .. } => (written.status, written.body),
        other => panic!("{other:?}"),
    }
}

#[actix_web::test]
async fn nobody_yet_is_made_once_and_found_then() {
    let rig = Rig::start().await;
    let body = json!({"firstName": "New", "email": "new@example.test", "tags": ["a"]});
    let (status, made) = done(&rig, body.clone()).await;
    assert_eq!((status, &made["new"], &made["tags"]), (201, &json!(true), &json!(["a"])));
    let (status, again) = done(&rig, body).await;
    assert_eq!((status, &again["new"], &again["id"]), (200, &json!(false), &made["id"]));
    assert_eq!(rig.sandbox.writes().len(), 1, "what is as asked is not written again");
}

#[actix_web::test]
async fn two_contacts_are_a_conflict_with_both_ids() {
    let rig = Rig::start().await;
    let other = rig.sandbox.add_contact(ContactSeed::new().phone("+14155550111"));
    let body = json!({"email": "dana@example.test", "phone": "+14155550111", "city": "Reno"});
    match rig.attempt(upsert(body)).await {
        Attempted::Refused { problem, doubtful: false, .. } => {
            assert_eq!(problem.kind.slug(), "duplicate-contact");
            let told = format!("{problem:?}");
            assert!(told.contains(rig.contact.as_str()) && told.contains(&other), "{told}");
            assert_eq!(problem.errors.len(), 2);
        }
        other => panic!("{other:?}"),
    }
    assert!(rig.sandbox.writes().is_empty());
}

#[actix_web::test]
async fn a_further_address_stays_a_further_address() {
    let rig = Rig::start().await;
    let seed = ContactSeed::new().email("main@example.test").additional_email("second@example.test");
    let id = rig.sandbox.add_contact(seed);
    let (_, merged) = done(&rig, json!({"email": "second@example.test", "city": "Reno"})).await;
    assert_eq!((&merged["id"], &merged["city"]), (&json!(id), &json!("Reno")));
    assert_eq!(merged["email"], "main@example.test");
    assert_eq!(merged["additionalEmails"], json!(["second@example.test"]));
    assert_eq!(merged.get("kept"), None);
}

#[actix_web::test]
async fn another_address_than_the_one_held_is_told_and_not_written() {
    let rig = Rig::start().await;
    let seed = ContactSeed::new().name("P", "Q").email("held@example.test").phone("+14155550122");
    rig.sandbox.add_contact(seed);
    let body = json!({"email": "other@example.test", "phone": "+14155550122", "lastName": "R", "gender": "f"});
    let (_, merged) = done(&rig, body).await;
    assert_eq!((&merged["email"], &merged["lastName"]), (&json!("held@example.test"), &json!("R")));
    assert_eq!(merged["kept"], json!(["email", "gender"]));
    let written = rig.sandbox.writes();
    assert_eq!(written.len(), 1);
    assert_eq!(written[0].content, json!({"lastName": "R"}));
}

#[actix_web::test]
async fn tags_are_added_to_those_that_are_there() {
    let rig = Rig::start().await;
    let (_, merged) = done(&rig, json!({"email": "dana@example.test", "tags": ["OLD", "New"]})).await;
    assert_eq!(merged["tags"], json!(["old", "new"]));
    let written: Vec<_> = rig.sandbox.writes().into_iter().map(|write| (write.endpoint, write.content)).collect();
    assert_eq!(written, [("ghl.tags_add", json!({"tags": ["new"]}))]);
}

#[actix_web::test]
async fn one_contact_more_where_the_location_takes_it() {
    let rig = Rig::start().await;
    let body = json!({"email": "dana@example.test", "createNewIfDuplicateAllowed": true, "city": "Reno"});
    let (_, merged) = done(&rig, body.clone()).await;
    assert_eq!((&merged["new"], &merged["id"]), (&json!(false), &json!(rig.contact)), "it does not take it");
    rig.sandbox.set_duplicate_policy(location().as_str(), true, &["email", "phone"]);
    let (status, made) = done(&rig, body).await;
    assert_eq!((status, &made["new"]), (201, &json!(true)));
}

#[actix_web::test]
async fn what_is_redacted_is_compared_and_not_shown() {
    let rig = Rig::with(&[("profile.redact", "[\"email\", \"city\"]")], SandboxConfig::default()).await;
    let body = json!({"email": "dana@example.test", "firstName": "Dana"});
    let (_, merged) = done(&rig, body).await;
    assert_eq!((&merged["id"], &merged["email"]), (&json!(rig.contact), &Value::Null));
    assert!(rig.sandbox.writes().is_empty(), "nothing differs");
    let (_, merged) = done(&rig, json!({"email": "dana@example.test", "city": "Reno"})).await;
    assert_eq!(merged["city"], Value::Null);
    let (_, merged) = done(&rig, json!({"email": "dana@example.test", "city": "Reno"})).await;
    assert_eq!(merged["email"], Value::Null);
    assert_eq!(rig.sandbox.writes().len(), 1);
}

#[actix_web::test]
async fn a_look_up_that_fails_is_made_again() {
    for endpoint in ["ghl.duplicate", "ghl.contact"] {
        let mut rig = Rig::start().await;
        rig.sandbox.inject(Fault::new(endpoint, FaultAction::Html502).times(1));
        let body = json!({"firstName": "Dana", "email": "dana@example.test", "phone": "+14155550133"});
        let written = rig.deliver(upsert(body.clone())).await.expect("done");
        assert_eq!((&written.body["new"], &written.body["phone"]), (&json!(false), &body["phone"]), "{endpoint}");
        assert_eq!(rig.sandbox.writes().len(), 1, "{endpoint}");
    }
}

/// Somebody else made the same person at the same time, without all that was asked for.
#[actix_web::test]
async fn what_is_found_and_differs_is_merged_rather_than_taken_as_done() {
    let rig = Rig::start().await;
    let operation = rig.uncertain(upsert(json!({"firstName": "New", "email": "new@example.test", "tags": ["vip"]})));
    let seed = ContactSeed::new().id("madeMeanwhile0000001").email("new@example.test").field("firstName", "New");
    rig.sandbox.add_contact(seed.age(Duration::ZERO));
    let deadline = Instant::now() + Duration::from_secs(5);
    assert_eq!(rig.delivery.look(&operation, &[], deadline).await, Looked::Absent);
    let Attempted::Done { written, .. } = rig.delivery.attempt(&operation, deadline).await else { panic!("not done") };
    assert_eq!((&written.body["new"], &written.body["tags"]), (&json!(false), &json!(["vip"])));
    let Looked::Found(found) = rig.delivery.look(&operation, &[], deadline).await else { panic!("nothing differs") };
    assert_eq!((found.status, &found.body["new"]), (201, &json!(true)));
}

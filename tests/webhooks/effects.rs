//! What each type of event makes a reader fetch again, and what it does not.

use super::{Rig, event};
use crate::support::{LOCATION, SHOWCASE, eventually};
use serde_json::{Value, json};

const CONTACT: [u64; 5] = [1, 0, 0, 0, 0];
const NOTES: [u64; 5] = [0, 1, 0, 0, 0];
const TASKS: [u64; 5] = [0, 0, 1, 0, 0];
const APPOINTMENTS: [u64; 5] = [0, 0, 0, 1, 0];

#[actix_web::test]
async fn an_event_costs_the_one_section_it_is_about() {
    let rig = Rig::start().await;
    rig.cost(SHOWCASE).await;
    let of_contact = json!({});
    let of_record = json!({"id": "x1", "contactId": SHOWCASE});
    let appointment = json!({"appointment": {"id": "x1", "contactId": SHOWCASE}});
    for (kind, more, cost) in [
        ("ContactCreate", &of_contact, CONTACT),
        ("ContactUpdate", &of_contact, CONTACT),
        ("ContactTagUpdate", &of_contact, CONTACT),
        ("ContactDndUpdate", &of_contact, CONTACT),
        ("NoteCreate", &of_record, NOTES),
        ("NoteUpdate", &of_record, NOTES),
        ("NoteDelete", &of_record, NOTES),
        ("TaskCreate", &of_record, TASKS),
        ("TaskComplete", &of_record, TASKS),
        ("TaskDelete", &of_record, TASKS),
        ("AppointmentCreate", &appointment, APPOINTMENTS),
        ("AppointmentUpdate", &appointment, APPOINTMENTS),
        ("AppointmentDelete", &appointment, APPOINTMENTS),
    ] {
        let told = rig.told(&event(kind, &format!("w-{kind}"), more.clone())).await;
        assert_eq!((&told["fate"], &told["contactId"]), (&json!("applied"), &json!(SHOWCASE)), "{told}");
        assert_eq!(rig.cost(SHOWCASE).await, cost, "{kind}");
        assert_eq!(rig.cost(SHOWCASE).await, [0; 5], "{kind} once");
    }
}

#[actix_web::test]
async fn explain_tells_of_the_event() {
    let rig = Rig::start().await;
    rig.cost(SHOWCASE).await;
    rig.app.sandbox.inject(ghl_sandbox::Fault::new("ghl.notes", ghl_sandbox::FaultAction::Reset).times(10));
    rig.told(&event("NoteCreate", "w1", json!({"id": "n1", "contactId": SHOWCASE}))).await;
    let explained = rig.app.get(&format!("/v1/contacts/{SHOWCASE}/explain?include=notes")).await.json();
    let notes = explained["sections"].as_array().unwrap().iter().find(|one| one["section"] == "notes").unwrap();
    assert_eq!(notes["touchedBy"], "webhook", "{explained}");
}

#[actix_web::test]
async fn a_deleted_contact_is_forgotten_whole() {
    let rig = Rig::start().await;
    rig.cost(SHOWCASE).await;
    assert_eq!(rig.told(&event("ContactDelete", "w1", json!({}))).await["fate"], "applied");
    assert_eq!(rig.cost(SHOWCASE).await, [1, 1, 1, 1, 0]);
}

#[actix_web::test]
async fn a_contact_that_is_made_is_no_longer_taken_for_missing() {
    let rig = Rig::with(&[("cache.not_found_seconds", "3600")]).await;
    let path = "/v1/contacts/notThereYet000000001/profile";
    for _ in 0..2 {
        rig.app.get(path).await.assert_problem(404, "contact-not-found");
    }
    assert_eq!(rig.app.calls("ghl.contact"), 1);
    let made = event("ContactCreate", "w1", json!({"id": "notThereYet000000001"}));
    assert_eq!(rig.told(&made).await["fate"], "applied");
    rig.app.get(path).await.assert_problem(404, "contact-not-found");
    assert_eq!(rig.app.calls("ghl.contact"), 2);
}

#[actix_web::test]
async fn an_event_that_comes_again_changes_nothing() {
    let rig = Rig::start().await;
    rig.cost(SHOWCASE).await;
    let event = event("ContactUpdate", "w1", json!({}));
    rig.told(&event).await;
    assert_eq!(rig.cost(SHOWCASE).await, CONTACT);
    for _ in 0..3 {
        assert_eq!(rig.told(&event).await["fate"], "applied");
    }
    assert_eq!((rig.cost(SHOWCASE).await, &rig.event("w1").await["duplicates"]), ([0; 5], &json!(3)));
}

#[actix_web::test]
async fn an_event_that_what_is_held_already_shows_costs_nothing() {
    let rig = Rig::start().await;
    rig.app.advance(600);
    rig.cost(SHOWCASE).await;
    // It happened, and was read, long before it is told of.
    let late = event("ContactUpdate", "w1", json!({}));
    let told = rig.told(&late).await;
    assert_eq!((&told["fate"], &told["detail"]), (&json!("ignored"), &json!("already-shown")), "{told}");
    assert_eq!(rig.cost(SHOWCASE).await, [0; 5]);
}

#[actix_web::test]
async fn a_clock_that_is_set_back_proves_nothing() {
    let rig = Rig::start().await;
    rig.app.advance(600);
    rig.cost(SHOWCASE).await;
    rig.app.advance(-600);
    // What is held was asked for in what is now the future: it may lack the change all the same.
    assert_eq!(rig.told(&event("ContactUpdate", "w1", json!({}))).await["fate"], "applied");
    assert_eq!(rig.cost(SHOWCASE).await, [1, 1, 1, 1, 0], "nobody knows how old the others are");
    assert_eq!(rig.cost(SHOWCASE).await, [0; 5]);
}

#[actix_web::test]
async fn what_somebody_reads_is_fetched_behind_the_event() {
    let rig = Rig::with(&[("webhooks.refresh_recent_seconds", "60"), ("webhooks.refresh_after_ms", "20")]).await;
    rig.cost(SHOWCASE).await;
    let before = rig.app.calls("ghl.contact");
    rig.told(&event("ContactUpdate", "w1", json!({}))).await;
    eventually("a fetch nobody asked for", || rig.app.calls("ghl.contact") == before + 1).await;
    eventually("its landing", || rig.app.parts.profiles.loads_under_way() == 0).await;
    assert_eq!(rig.cost(SHOWCASE).await, [0; 5], "the reader finds it there");
    // What nobody has read for long is left to who reads it next.
    rig.app.advance(61);
    rig.cost(SHOWCASE).await;
    rig.app.advance(61);
    let told =
        rig.told(&event("NoteCreate", "w2", json!({"id": "n1", "contactId": SHOWCASE, "timestamp": null}))).await;
    assert_eq!(told["fate"], "applied", "{told}");
    assert_eq!(rig.cost(SHOWCASE).await[1], 1);
}

#[actix_web::test]
async fn readiness_and_metrics_tell_of_the_inbox() {
    let rig = Rig::start().await;
    rig.told(&event("ContactUpdate", "w1", json!({}))).await;
    let ready: Value = rig.app.admin.get("/readyz").await.json();
    let component = ready["components"].as_array().unwrap().iter().find(|one| one["name"] == "webhooks").unwrap();
    assert!(component["detail"].as_str().unwrap().contains(LOCATION), "{component}");
    let metrics = rig.app.admin.get("/metrics").await.text();
    for line in [
        "ghl_enrich_webhooks_received_total{type=\"ContactUpdate\",outcome=\"accepted\"} 1",
        "ghl_enrich_webhooks_fates_total{type=\"ContactUpdate\",fate=\"ignored\"} 1",
        "ghl_enrich_webhooks_ack_seconds_count 1",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}

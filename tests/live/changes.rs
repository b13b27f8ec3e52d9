//! What is told, when, and what that costs.

use super::{events_of, ghl, open};
use crate::support::{Events, SHOWCASE, TestApp};
use ghl_sandbox::{Fault, FaultAction};
use serde_json::{Value, json};

fn path(rest: &str) -> String {
    format!("/v1/contacts/{SHOWCASE}{rest}")
}

fn sections(data: &Value) -> Vec<&str> {
    data["sections"].as_array().expect("sections").iter().filter_map(Value::as_str).collect()
}

#[actix_web::test]
async fn the_first_event_tells_of_the_profile_as_it_is() {
    let app = TestApp::start().await;
    let (events, first) = open(&app.client).await;
    for header in ["content-type: text/event-stream", "cache-control: no-store", "x-accel-buffering: no"] {
        assert!(events.head.contains(header), "{}", events.head);
    }
    let etag = app.get(&path("/profile")).await.header("etag").unwrap().to_owned();
    assert_eq!((first.kind.as_str(), &first.data["etag"]), ("profile", &json!(etag)));
    assert_eq!(format!("W/\"{}\"", first.id.unwrap()), etag);
    assert_eq!(sections(&first.data), ["contact", "notes", "tasks", "ip", "insights"]);
    let mut few = Events::open(&app.client, &format!("{}?include=notes", events_of(SHOWCASE))).await;
    let first = few.event().await.unwrap();
    assert_eq!(sections(&first.data), ["contact", "notes"]);
    let few = app.get(&path("/profile?include=notes")).await;
    assert_eq!(first.data["etag"], few.header("etag").unwrap());
}

#[actix_web::test]
async fn a_write_is_told_to_all_and_fetched_once() {
    let app = TestApp::start().await;
    let ((mut one, first), (mut other, _)) = (open(&app.client).await, open(&app.client).await);
    let before = (app.calls("ghl.notes"), app.calls("ghl.contact"));
    let note = app.client.post(&path("/notes"), &json!({"body": "Told at once"})).await;
    assert_eq!(note.status, 201, "{note:?}");
    let (told, too) = (one.event().await.unwrap(), other.event().await.unwrap());
    assert_eq!((&told.id, told.data["etag"].as_str()), (&too.id, too.data["etag"].as_str()));
    assert_ne!(told.id, first.id);
    assert!(sections(&told.data).contains(&"notes") && !sections(&told.data).contains(&"contact"), "{told:?}");
    let profile = app.get(&path("/profile")).await;
    assert!(profile.text().contains("Told at once") && profile.header("cache-status").unwrap().contains("hit"));
    assert_eq!(told.data["etag"], profile.header("etag").unwrap());
    assert_eq!((app.calls("ghl.notes") - before.0, app.calls("ghl.contact") - before.1), (1, 0));
}

#[actix_web::test]
async fn what_another_read_brings_is_told_and_else_nothing_is_asked() {
    let app = TestApp::start().await;
    let (mut events, _) = open(&app.client).await;
    let note = ghl(&app).post(&format!("/contacts/{SHOWCASE}/notes"), &json!({"body": "Behind its back"})).await;
    assert_eq!(note.status, 201, "{note:?}");
    app.advance(3600);
    let before = app.calls("ghl.notes");
    let reply = app.get(&path("/profile?maxAge=0")).await;
    let told = events.event().await.unwrap();
    assert_eq!(told.data["etag"], reply.header("etag").unwrap());
    assert!(sections(&told.data).contains(&"notes"), "{told:?}");
    assert_eq!(app.calls("ghl.notes") - before, 1, "the reader's own");
}

#[actix_web::test]
async fn who_comes_back_is_told_only_what_is_new_to_him() {
    let app = TestApp::start().await;
    let (events, first) = open(&app.client).await;
    drop(events);
    let back = app.client.with("last-event-id", first.id.as_deref().unwrap());
    let mut events = Events::open(&back, &events_of(SHOWCASE)).await;
    let block = events.block().await.unwrap();
    assert!(block.contains("retry: ") && block.contains(": unchanged") && !block.contains("event"), "{block}");
    app.client.post(&path("/tags"), &json!({"tags": ["told"]})).await;
    let told = events.event().await.unwrap();
    assert!(sections(&told.data).contains(&"contact") && !sections(&told.data).contains(&"notes"), "{told:?}");
    let mut missed = Events::open(&back, &events_of(SHOWCASE)).await;
    assert_eq!(missed.event().await.unwrap().id, told.id);
}

#[actix_web::test]
async fn a_contact_that_goes_ends_its_stream() {
    let app = TestApp::start().await;
    let (mut events, _) = open(&app.client).await;
    assert_eq!(app.client.delete(&path("")).await.status, 200);
    assert_eq!(events.event().await.unwrap().kind, "gone");
    assert!(events.block().await.is_none(), "it is over");
    let reply = app.get(&events_of(SHOWCASE)).await;
    reply.assert_problem(404, "contact-not-found");
}

#[actix_web::test]
async fn what_could_not_be_fetched_is_fetched_later() {
    let app = TestApp::with(&[("ghl.retries", "0")]).await;
    let (mut events, _) = open(&app.client).await;
    app.sandbox.inject(Fault::new("ghl.notes", FaultAction::status(500, "{}")).times(1));
    app.client.post(&path("/notes"), &json!({"body": "Told late"})).await;
    let told = events.event().await.unwrap();
    assert!(sections(&told.data).contains(&"notes"), "{told:?}");
    assert!(app.profile(SHOWCASE).await["notes"].to_string().contains("Told late"));
}

//! A full listing: only the differences are carried out.

use super::{Rig, event, rosa};
use crate::support::Reply;
use serde_json::{Value, json};

const LATER: &str = "asOf=2026-11-22T12:00:00Z";

async fn reconcile(rig: &Rig, query: &str, lines: &[Value]) -> Reply {
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let client = rig.app.client.with("content-type", "application/x-ndjson");
    client.send("POST", &format!("/v1/sources/insurgo/reconcile?{query}"), Some(body.into_bytes())).await
}

async fn report(rig: &Rig, query: &str, lines: &[Value]) -> Value {
    let reply = reconcile(rig, query, lines).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    rig.settled().await;
    reply.json()
}

fn numbers(report: &Value) -> [u64; 5] {
    ["lines", "differing", "unchanged", "missing", "refusedCount"].map(|name| report[name].as_u64().expect("a number"))
}

#[actix_web::test]
async fn only_what_differs_is_carried_out_and_a_trial_says_it_before() {
    let rig = Rig::start().await;
    let other = json!({"contactId": "ins-2", "email": "otto@source.example", "firstName": "Otto"});
    rig.apply(event("e1", "contact.created", 0, rosa(json!({"firstName": "Rosa"})))).await;
    rig.apply(event("e2", "contact.created", 0, other.clone())).await;
    let listed = [
        rosa(json!({"firstName": "Rosa"})),
        json!({"contactId": "ins-2", "email": "otto@source.example", "firstName": "Ottokar"}),
        json!({"contactId": "ins-3", "email": "new@source.example"}),
        json!("nonsense"),
    ];
    let query = format!("type=contact.updated&{LATER}");
    let before = rig.writes().len();
    let trial = report(&rig, &format!("{query}&dryRun=true"), &listed).await;
    assert_eq!((numbers(&trial), rig.writes().len()), ([4, 2, 1, 0, 1], before), "{trial}");
    assert_eq!((&trial["dryRun"], &trial["refused"][0]["line"]), (&json!(true), &json!(4)), "{trial}");
    assert!(trial["calls"]["writes"].as_u64() >= Some(2), "{trial}");
    let done = report(&rig, &query, &listed).await;
    assert_eq!(numbers(&done), numbers(&trial), "{done}");
    assert_eq!(rig.held("otto@source.example").text("firstName"), "Ottokar");
    assert_eq!(rig.all_of("new@source.example").len(), 1);
    assert_eq!(rig.writes().len(), before + 2, "{:?}", rig.writes());
    let again = report(&rig, &query, &listed).await;
    assert_eq!((numbers(&again), rig.writes().len()), ([4, 0, 3, 0, 1], before + 2), "{again}");
}

#[actix_web::test]
async fn a_listing_does_not_undo_what_is_newer() {
    let rig = Rig::start().await;
    rig.apply(event("e1", "contact.created", 200, rosa(json!({"firstName": "New"})))).await;
    let old = [rosa(json!({"firstName": "Old"}))];
    report(&rig, "type=contact.updated&asOf=2026-11-22T08:00:00Z", &old).await;
    assert_eq!(rig.held("rosa@source.example").text("firstName"), "New");
}

#[actix_web::test]
async fn what_is_not_listed_counts_as_deleted_where_that_is_asked_for() {
    let rig = Rig::start().await;
    rig.apply(event("e1", "contact.created", 0, rosa(json!({})))).await;
    for (n, title) in ["Keep", "Drop"].into_iter().enumerate() {
        let task = json!({"taskId": title, "contactId": "ins-1", "title": title, "dueDate": "2027-03-01T09:00:00Z"});
        rig.apply(event(&format!("t{n}"), "task.created", 1, task)).await;
    }
    let kept = json!({"taskId": "Keep", "contactId": "ins-1", "title": "Keep", "dueDate": "2027-03-01T09:00:00Z"});
    let query = format!("type=task.updated&{LATER}");
    let without = report(&rig, &query, std::slice::from_ref(&kept)).await;
    assert_eq!((numbers(&without)[1], rig.held("rosa@source.example").tasks().len()), (0, 2), "{without}");
    let with = report(&rig, &format!("{query}&missing=task"), &[kept]).await;
    assert_eq!(numbers(&with)[3], 1, "{with}");
    let tasks = rig.held("rosa@source.example").tasks();
    assert_eq!((tasks.len(), tasks[0].0.as_str()), (1, "Keep"));
}

#[actix_web::test]
async fn a_listing_with_a_broken_line_deletes_nothing() {
    let rig = Rig::start().await;
    rig.apply(event("e1", "contact.created", 0, rosa(json!({})))).await;
    let task = json!({"taskId": "t", "contactId": "ins-1", "title": "Call", "dueDate": "2027-03-01T09:00:00Z"});
    rig.apply(event("e2", "task.created", 1, task)).await;
    let broken = report(&rig, &format!("type=task.updated&missing=task&{LATER}"), &[json!({"taskId": null})]).await;
    assert_eq!(broken["refusedCount"], 1, "{broken}");
    assert_eq!(rig.held("rosa@source.example").tasks().len(), 1, "the broken line may have been that task");
}

#[actix_web::test]
async fn what_somebody_changed_in_ghl_is_found_where_that_is_asked_for() {
    let rig = Rig::start().await;
    rig.apply(event("e1", "contact.created", 0, rosa(json!({"firstName": "Rosa"})))).await;
    let id = rig.held("rosa@source.example").id();
    let changed = rig.app.client.put(&format!("/v1/contacts/{id}"), &json!({"firstName": "Changed"})).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let listed = [rosa(json!({"firstName": "Rosa"}))];
    let query = format!("type=contact.updated&{LATER}");
    report(&rig, &query, &listed).await;
    assert_eq!(rig.held("rosa@source.example").text("firstName"), "Changed");
    report(&rig, &format!("{query}&verify=true"), &listed).await;
    assert_eq!(rig.held("rosa@source.example").text("firstName"), "Rosa");
}

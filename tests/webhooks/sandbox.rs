//! The sandbox delivers by itself, out of order and more than once, as GHL does.

use crate::support::{SHOWCASE, TestApp, eventually, until};
use ghl_sandbox::{WebhookPlan, tokens::WEBHOOK_PUBLIC_KEY};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

async fn start(plan: WebhookPlan, changes: &[(&str, &str)]) -> TestApp {
    let keys = format!("[\"{WEBHOOK_PUBLIC_KEY}\"]");
    let mut all = vec![("webhooks.public_keys", &*keys), ("webhooks.refresh_after_ms", "20")];
    // Nothing grows old by itself here.
    let long = ["contact", "notes", "tasks", "appointments"].map(|section| format!("cache.{section}_fresh_seconds"));
    all.extend(long.iter().map(|key| (&**key, "3600")));
    all.extend(changes);
    let app = TestApp::with(&all).await;
    app.sandbox.webhooks_to(&format!("http://{}/webhooks/ghl", app.client.address()), plan).expect("an address");
    app
}

/// Every event once it has its fate, oldest first.
async fn events(app: &TestApp) -> Vec<Value> {
    eventually("the end of all deliveries", || app.sandbox.webhooks_settled()).await;
    until("a fate for each event", Duration::from_secs(20), async || {
        let mut items: Vec<Value> = Vec::new();
        let mut path = "/v1/webhooks/events?limit=200".to_owned();
        loop {
            let page = app.get(&path).await.json();
            items.extend(page["items"].as_array().expect("a list").iter().rev().cloned());
            let Some(cursor) = page["nextCursor"].as_str() else { break };
            path = format!("/v1/webhooks/events?limit=200&cursor={cursor}");
        }
        items.iter().all(|event| event["fate"] != "pending").then_some(items)
    })
    .await
}

/// What was asked of GHL so far that a profile is made of.
fn reads(app: &TestApp) -> u64 {
    let endpoints = ["ghl.contact", "ghl.notes", "ghl.tasks", "ghl.tasks_search"];
    endpoints.into_iter().map(|endpoint| app.calls(endpoint)).sum()
}

fn texts(list: &Value, name: &str) -> BTreeSet<String> {
    let items = list.as_array().into_iter().flatten();
    items.map(|item| item.get(name).unwrap_or(item).as_str().unwrap_or_default().to_owned()).collect()
}

#[actix_web::test]
async fn what_changes_at_ghl_is_what_readers_see_at_about_a_call_a_change() {
    let plan =
        WebhookPlan { duplicate_percent: 20, reorder_percent: 10, reorder_hold_ms: 30, ..WebhookPlan::default() };
    let app = start(plan, &[]).await;
    let listed = app.get("/v1/contacts?limit=20").await.json();
    let contacts: Vec<String> = texts(&listed["items"], "id").into_iter().collect();
    assert_eq!(contacts.len(), 20, "{listed}");
    for contact in &contacts {
        app.profile(contact).await;
    }
    let (before, changes) = (reads(&app), 100);
    for number in 0..changes {
        let contact = &contacts[number * 7 % contacts.len()];
        match number % 5 {
            0 => app.sandbox.add_tags(contact, &[&format!("tag {number}")]),
            1 | 2 => app.sandbox.add_note(contact, &format!("Note {number}")).map(drop),
            3 => app.sandbox.edit_contact(contact, json!({"city": format!("City {number}")})),
            _ => {
                let task =
                    json!({"title": format!("Task {number}"), "dueDate": "2027-03-01T09:00:00Z", "completed": false});
                app.sandbox.add_task(contact, task).map(drop)
            }
        }
        .expect("GHL takes it");
        app.profile(&contacts[number * 3 % contacts.len()]).await;
    }
    let told = events(&app).await;
    let ids: BTreeSet<&str> = told.iter().filter_map(|event| event["webhookId"].as_str()).collect();
    let made = app.sandbox.webhook_events();
    assert_eq!((told.len(), ids.len()), (made.len(), made.len()), "each once");
    assert!(told.iter().all(|event| event["fate"] == "applied" || event["fate"] == "ignored"), "{told:?}");
    eventually("no load", || app.parts.profiles.loads_under_way() == 0).await;
    for contact in &contacts {
        let (profile, truth) = (app.profile(contact).await, app.sandbox.truth(contact));
        assert_eq!(texts(&profile["contact"]["tags"], ""), texts(&truth["contact"]["tags"], ""), "{truth}");
        assert_eq!(profile["contact"]["city"], truth["contact"]["city"]);
        for list in ["notes", "tasks"] {
            assert_eq!(texts(&profile[list], "id"), texts(&truth[list], "id"), "{list} of {contact}");
        }
    }
    let spent = reads(&app) - before;
    assert!(spent <= changes as u64 * 12 / 10, "{spent} calls for {changes} changes");
}

#[actix_web::test]
async fn our_own_writes_come_back_as_echoes() {
    let app = start(WebhookPlan::default(), &[]).await;
    let path = |rest: &str| format!("/v1/contacts/{SHOWCASE}{rest}");
    let note = app.client.post(&path("/notes"), &json!({"body": "Ours"})).await.json();
    let task = json!({"title": "Ours", "dueDate": "2027-03-01T09:00:00Z", "completed": false});
    let task = app.client.post(&path("/tasks"), &task).await.json();
    app.client.post(&path("/tags"), &json!({"tags": ["ours"]})).await;
    app.client.put(&path(""), &json!({"city": "Perth"})).await;
    let completed = format!("/tasks/{}/completed", task["id"].as_str().expect("an id"));
    app.client.put(&path(&completed), &json!({"completed": true})).await;
    app.client.delete(&path(&format!("/notes/{}", note["id"].as_str().expect("an id")))).await;
    let told: Vec<(String, String)> =
        events(&app).await.iter().map(|event| (event["type"].to_string(), event["fate"].to_string())).collect();
    assert!(told.len() >= 6, "{told:?}");
    assert!(told.iter().all(|(_, fate)| fate.contains("echo")), "{told:?}");
}

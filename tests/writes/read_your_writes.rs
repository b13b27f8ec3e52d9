//! After a write the next read shows it, at the cost of the one section it touched.

use super::{of_showcase, succeeded};
use crate::support::{SHOWCASE, TestApp};
use serde_json::json;

/// What GHL and IPinfo were asked so far: contact, notes, tasks, and addresses.
fn reads(app: &TestApp) -> [u64; 4] {
    ["ghl.contact", "ghl.notes", "ghl.tasks", "ipinfo.*"].map(|endpoint| app.calls(endpoint))
}

/// How many more.
fn more(app: &TestApp, before: [u64; 4]) -> [u64; 4] {
    let now = reads(app);
    std::array::from_fn(|n| now[n] - before[n])
}

#[actix_web::test]
async fn a_tag_costs_the_contact_alone() {
    let app = TestApp::start().await;
    app.profile(SHOWCASE).await;
    let before = reads(&app);
    succeeded(&app.client.post(&of_showcase("/tags"), &json!({"tags": ["Read Me"]})).await, 200);
    let tags = app.profile(SHOWCASE).await["contact"]["tags"].clone();
    assert!(tags.as_array().unwrap().contains(&json!("read me")), "{tags}");
    assert_eq!(more(&app, before), [1, 0, 0, 0]);
    app.profile(SHOWCASE).await;
    assert_eq!(more(&app, before), [1, 0, 0, 0], "and it is held from then on");
}

#[actix_web::test]
async fn a_note_costs_the_notes_and_a_task_the_tasks() {
    let app = TestApp::start().await;
    app.profile(SHOWCASE).await;
    let before = reads(&app);
    succeeded(&app.client.post(&of_showcase("/notes"), &json!({"body": "Read me at once"})).await, 201);
    let notes = app.profile(SHOWCASE).await["notes"].to_string();
    assert!(notes.contains("Read me at once"), "{notes}");
    assert_eq!(more(&app, before), [0, 1, 0, 0]);
    let task = json!({"title": "Read me too", "dueDate": "2027-03-01T09:00:00Z", "completed": false});
    succeeded(&app.client.post(&of_showcase("/tasks"), &task).await, 201);
    let tasks = app.profile(SHOWCASE).await["tasks"].to_string();
    assert!(tasks.contains("Read me too"), "{tasks}");
    assert_eq!(more(&app, before), [0, 1, 1, 0]);
}

//! Events about tasks that do not say whose they are.

use super::{Rig, event};
use crate::support::SHOWCASE;
use ghl_sandbox::{QuotaProfile, SandboxConfig};
use serde_json::{Value, json};

/// A task of the showcase contact, as the sandbox has it.
async fn a_task(rig: &Rig) -> Value {
    let listed = rig.app.get(&format!("/v1/contacts/{SHOWCASE}/tasks")).await.json();
    listed["items"].as_array().expect("a list").first().expect("a task").clone()
}

#[actix_web::test]
async fn a_task_that_was_read_before_is_known() {
    let rig = Rig::start().await;
    let task = a_task(&rig).await;
    rig.cost(SHOWCASE).await;
    let told = rig.told(&event("TaskComplete", "w1", json!({"id": task["id"], "title": task["title"]}))).await;
    assert_eq!((&told["fate"], &told["contactId"]), (&json!("applied"), &json!(SHOWCASE)), "{told}");
    assert_eq!(rig.cost(SHOWCASE).await, [0, 0, 1, 0, 0], "and nothing was looked up");
}

#[actix_web::test]
async fn where_no_tasks_are_held_nothing_is_looked_up() {
    let rig = Rig::start().await;
    let told = rig.told(&event("TaskCreate", "w1", json!({"id": "task1", "title": "New"}))).await;
    assert_eq!((&told["fate"], &told["detail"]), (&json!("ignored"), &json!("nothing-held")), "{told}");
    assert_eq!(rig.reads(), [0; 5]);
}

#[actix_web::test]
async fn a_task_that_is_not_found_makes_those_of_all_contacts_out_of_date() {
    let rig = Rig::start().await;
    rig.cost(SHOWCASE).await;
    let told = rig.told(&event("TaskDelete", "w1", json!({"id": "nobodyKnowsThisTask", "title": "Gone"}))).await;
    assert_eq!(told["fate"], "applied", "{told}");
    assert_eq!(told["detail"], "contact-not-found: the tasks of 1 contacts were marked", "{told}");
    assert_eq!(rig.cost(SHOWCASE).await, [0, 0, 1, 0, 0]);
}

#[actix_web::test]
async fn a_task_of_a_contact_unknown_is_looked_up_by_one_search() {
    let rig = Rig::start().await;
    rig.cost(SHOWCASE).await;
    let new = json!({"title": "Looked up", "dueDate": "2027-03-01T09:00:00Z", "completed": false});
    let task = rig.app.sandbox.add_task(SHOWCASE, new).expect("GHL takes it");
    let told = rig.told(&event("TaskCreate", "w1", json!({"id": task, "title": "Looked up"}))).await;
    assert_eq!((&told["fate"], &told["contactId"]), (&json!("applied"), &json!(SHOWCASE)), "{told}");
    assert_eq!(rig.app.calls("ghl.tasks_search"), 1);
    assert_eq!(rig.cost(SHOWCASE).await, [0, 0, 1, 0, 0]);
}

#[actix_web::test]
async fn where_ghl_does_not_let_us_look_up_it_is_right_all_the_same() {
    let rig = Rig::start().await;
    rig.cost(SHOWCASE).await;
    rig.app.sandbox.inject(
        ghl_sandbox::Fault::new(
            "ghl.tasks_search",
            ghl_sandbox::FaultAction::Status {
                status: 401,
                body: r#"{"statusCode":401,"message":"The token is not authorized for this scope."}"#.to_owned(),
                content_type: "application/json".to_owned(),
            },
        )
        .times(10),
    );
    let told = rig.told(&event("TaskCreate", "w1", json!({"id": "unknownTask1", "title": "New"}))).await;
    assert_eq!(told["fate"], "applied", "{told}");
    assert_eq!(rig.cost(SHOWCASE).await, [0, 0, 1, 0, 0]);
}

#[actix_web::test]
async fn where_little_quota_is_left_it_is_the_readers() {
    // What a single read leaves of so few a day is less than what is reserved.
    let quota = QuotaProfile::Custom { burst: 1_000, daily: 30 };
    let rig =
        Rig::over(SandboxConfig { quota, ..SandboxConfig::default() }, &[("ghl.bulk_reserve_percent", "90")]).await;
    rig.cost(SHOWCASE).await;
    let new = json!({"title": "Not looked up", "dueDate": "2027-03-01T09:00:00Z", "completed": false});
    let task = rig.app.sandbox.add_task(SHOWCASE, new).expect("GHL takes it");
    let event = event("TaskCreate", "w1", json!({"id": task, "title": "Not looked up"}));
    assert_eq!(rig.send(&event).await.status, 200);
    rig.app.advance(5);
    let told = rig.fate("w1").await;
    assert_eq!(told["detail"], "contact-not-found: the tasks of 1 contacts were marked", "{told}");
    assert_eq!(rig.app.calls("ghl.tasks_search"), 0);
    assert_eq!(rig.cost(SHOWCASE).await, [0, 0, 1, 0, 0]);
}

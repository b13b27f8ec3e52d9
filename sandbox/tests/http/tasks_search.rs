//! The search for tasks of a whole location: the way to find whose a task is.

use ghl_sandbox::{ContactSeed, TaskSeed, tokens};
use serde_json::{Value, json};

use super::support::{HERE, OLIVIA, start};

fn path() -> String {
    format!("/locations/{HERE}/tasks/search")
}

fn titles(body: &Value) -> Vec<&str> {
    let rows = body["tasks"].as_array().into_iter().flatten();
    rows.filter_map(|row| row["title"].as_str()).collect()
}

#[tokio::test]
async fn the_newest_task_comes_first_with_the_contact_it_belongs_to() {
    let client = start().await;
    let due = "2030-01-02T10:00:00Z";
    let task = json!({"title": "Call back", "dueDate": due, "completed": false});
    let made = client.post(&format!("/contacts/{OLIVIA}/tasks"), task).await.expect(201);
    let found = client.post(&path(), json!({"limit": 1})).await.expect(200);
    let row = &found["tasks"][0];
    assert_eq!((&row["_id"], &row["contactId"]), (&made["task"]["id"], &json!(OLIVIA)));
    assert_eq!((&row["id"], &row["locationId"]), (&Value::Null, &json!(HERE)));
    assert_eq!((&row["dueDate"], &row["completed"]), (&json!("2030-01-02T10:00:00.000Z"), &json!(false)));
    assert_eq!((&row["deleted"], &row["dateAdded"]), (&json!(false), &row["dateUpdated"]));
    let all = client.post(&path(), json!({"limit": 1000})).await.expect(200);
    let added: Vec<&str> =
        all["tasks"].as_array().expect("tasks").iter().filter_map(|row| row["dateAdded"].as_str()).collect();
    assert!(added.len() > 100 && added.is_sorted_by(|a, b| a >= b));
    assert_eq!(client.post(&path(), json!({})).await.expect(200)["tasks"].as_array().map(Vec::len), Some(25));
    assert_eq!(client.sandbox.calls().count("ghl.tasks_search"), 3);
}

#[tokio::test]
async fn filters_narrow_it() {
    let client = start().await;
    let seed = ContactSeed::new().field("businessId", "business1");
    let seed = seed.task(TaskSeed::due_in_hours("One thing", 1));
    let contact = client.sandbox.add_contact(seed.task(TaskSeed::due_in_hours("Another", 2).completed()));
    let search = async |more: Value| {
        let mut body = json!({"contactId": [contact, "nobody"]});
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        client.post(&path(), body).await.expect(200)
    };
    assert_eq!(titles(&search(json!({})).await), ["One thing", "Another"]);
    assert_eq!(titles(&search(json!({"completed": true})).await), ["Another"]);
    assert_eq!(titles(&search(json!({"query": "one TH"})).await), ["One thing"]);
    assert_eq!(titles(&search(json!({"skip": 1})).await), ["Another"]);
    assert!(titles(&search(json!({"assignedTo": ["somebody"]})).await).is_empty());
    assert!(titles(&search(json!({"businessId": "business2"})).await).is_empty());
    assert_eq!(titles(&search(json!({"businessId": "business1"})).await).len(), 2);
}

#[tokio::test]
async fn it_has_a_scope_of_its_own_and_stays_in_its_location() {
    let client = start().await;
    let scope = client.token(Some(tokens::PIT_READ_ONLY)).post(&path(), json!({})).await.message(401);
    assert_eq!(scope, "The token is not authorized for this scope.");
    client.token(Some(tokens::PIT_LOCATION_2)).post(&path(), json!({})).await.expect(401);
    let told = client.post(&path(), json!({"contact": "x", "limit": "5"})).await.message(422);
    assert!(told.to_string().contains("property contact should not exist"), "{told}");
    client.post(&path(), json!({"limit": -1})).await.expect(422);
}

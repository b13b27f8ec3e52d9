//! What GHL tells of our own writes is not read again.

use super::{Rig, event};
use crate::support::SHOWCASE;
use serde_json::{Value, json};

/// A write through our API, and its answer.
async fn write(rig: &Rig, path: &str, body: &Value) -> Value {
    let reply = rig.app.client.post(&format!("/v1/contacts/{SHOWCASE}{path}"), body).await;
    assert!(matches!(reply.status, 200 | 201), "{}", reply.text());
    reply.json()
}

#[actix_web::test]
async fn an_echo_costs_nothing_and_anothers_change_does() {
    let rig = Rig::start().await;
    let note = write(&rig, "/notes", &json!({"body": "Ours"})).await;
    rig.cost(SHOWCASE).await;
    let told = json!({"id": note["id"], "contactId": SHOWCASE, "body": note["body"]});
    assert_eq!(rig.told(&event("NoteCreate", "w1", told.clone())).await["fate"], "echo");
    assert_eq!(rig.cost(SHOWCASE).await, [0; 5]);
    let mut other = told;
    other["body"] = json!("Somebody else's");
    assert_eq!(rig.told(&event("NoteUpdate", "w2", other)).await["fate"], "applied");
    assert_eq!(rig.cost(SHOWCASE).await[1], 1);
}

#[actix_web::test]
async fn tags_and_tasks_of_ours_are_known_again() {
    let rig = Rig::start().await;
    let tags = write(&rig, "/tags", &json!({"tags": ["Ours"]})).await;
    let task = json!({"title": "Ours", "dueDate": "2027-03-01T09:00:00Z", "completed": false});
    let task = write(&rig, "/tasks", &task).await;
    rig.cost(SHOWCASE).await;
    let same = rig.told(&event("ContactTagUpdate", "w1", json!({"tags": tags["tags"]}))).await;
    assert_eq!(same["fate"], "echo", "{same}");
    // As GHL sends it: without its contact.
    let thin = rig.told(&event("TaskCreate", "w2", json!({"id": task["id"], "title": "Ours"}))).await;
    assert_eq!((&thin["fate"], &thin["contactId"]), (&json!("echo"), &json!(SHOWCASE)), "{thin}");
    assert_eq!(rig.cost(SHOWCASE).await, [0; 5]);
    let more = rig.told(&event("ContactTagUpdate", "w3", json!({"tags": ["ours", "theirs"]}))).await;
    assert_eq!(more["fate"], "applied", "{more}");
    assert_eq!(rig.cost(SHOWCASE).await[0], 1);
}

/// What an event says of a contact that was written.
fn as_told(written: &Value) -> Value {
    let mut said = json!({});
    for name in [
        "firstName",
        "lastName",
        "email",
        "phone",
        "address1",
        "city",
        "state",
        "country",
        "postalCode",
        "companyName",
        "website",
        "source",
        "dateOfBirth",
        "assignedTo",
        "dnd",
        "tags",
        "customFields",
    ] {
        said[name] = written[name].clone();
    }
    said
}

#[actix_web::test]
async fn a_contact_of_ours_is_known_again() {
    let rig = Rig::start().await;
    let path = format!("/v1/contacts/{SHOWCASE}");
    let written = rig.app.client.put(&path, &json!({"city": "Perth"})).await.json();
    rig.cost(SHOWCASE).await;
    let mut said = as_told(&written);
    assert_eq!(rig.told(&event("ContactUpdate", "w1", said.clone())).await["fate"], "echo");
    assert_eq!(rig.cost(SHOWCASE).await, [0; 5]);
    said["city"] = json!("Sydney");
    assert_eq!(rig.told(&event("ContactUpdate", "w2", said)).await["fate"], "applied");
    assert_eq!(rig.cost(SHOWCASE).await[0], 1);
}

#[actix_web::test]
async fn what_is_redacted_is_not_compared() {
    let rig = Rig::with(&[("profile.redact", r#"["email", "customFields"]"#)]).await;
    let path = format!("/v1/contacts/{SHOWCASE}");
    let written = rig.app.client.put(&path, &json!({"city": "Perth"})).await.json();
    let mut said = as_told(&written);
    assert_eq!((&said["email"], &said["customFields"]), (&Value::Null, &json!([])));
    said["email"] = json!("somebody@example.com");
    said["customFields"] = json!([{"id": "f1", "value": "told to GHL alone"}]);
    assert_eq!(rig.told(&event("ContactUpdate", "w1", said.clone())).await["fate"], "echo");
    said["city"] = json!("Sydney");
    assert_ne!(rig.told(&event("ContactUpdate", "w2", said)).await["fate"], "echo");
}

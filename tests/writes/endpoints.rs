//! Each endpoint does at GHL what it says.

use super::{of_showcase, succeeded};
use crate::support::{SHOWCASE, TestApp};
use serde_json::json;

#[actix_web::test]
async fn a_note_is_made_changed_and_deleted() {
    let app = TestApp::start().await;
    let made = app.client.post(&of_showcase("/notes"), &json!({"body": "Called, wants the quote"})).await;
    let note = succeeded(&made, 201);
    let id = note["id"].as_str().unwrap();
    let path = of_showcase(&format!("/notes/{id}"));
    assert_eq!(made.header("location"), Some(&*path));
    assert_eq!(app.get(&path).await.json()["text"], "Called, wants the quote");
    let changed = succeeded(&app.client.put(&path, &json!({"body": "Called twice"})).await, 200);
    assert_eq!(changed["text"], "Called twice");
    assert_eq!(app.get(&path).await.json()["text"], "Called twice");
    succeeded(&app.client.delete(&path).await, 200);
    app.get(&path).await.assert_problem(404, "not-found");
    app.client.delete(&path).await.assert_problem(404, "not-found");
}

#[actix_web::test]
async fn a_task_is_made_changed_completed_and_deleted() {
    let app = TestApp::start().await;
    let task = json!({"title": "Send the contract", "dueDate": "2027-03-01T10:00:00+01:00", "completed": false});
    let made = succeeded(&app.client.post(&of_showcase("/tasks"), &task).await, 201);
    let path = of_showcase(&format!("/tasks/{}", made["id"].as_str().unwrap()));
    assert_eq!(made["dueDate"], "2027-03-01T09:00:00Z", "the same moment");
    let changed = json!({"title": "Send both contracts"});
    assert_eq!(succeeded(&app.client.put(&path, &changed).await, 200)["title"], "Send both contracts");
    let done = succeeded(&app.client.put(&format!("{path}/completed"), &json!({"completed": true})).await, 200);
    assert_eq!(done["completed"], true);
    let held = app.get(&path).await.json();
    assert_eq!((&held["title"], &held["completed"]), (&json!("Send both contracts"), &json!(true)));
    succeeded(&app.client.delete(&path).await, 200);
    app.get(&path).await.assert_problem(404, "not-found");
}

#[actix_web::test]
async fn a_contact_is_made_changed_and_deleted() {
    let app = TestApp::start().await;
    let person = json!({"firstName": "Ada", "lastName": "Novak", "email": "ada.novak@example.com", "tags": ["VIP "]});
    let made = succeeded(&app.client.post("/v1/contacts", &person).await, 201);
    let path = format!("/v1/contacts/{}", made["id"].as_str().unwrap());
    assert_eq!(made["tags"], json!(["vip"]));
    let changed = succeeded(&app.client.put(&path, &json!({"city": "Graz"})).await, 200);
    assert_eq!((&changed["city"], &changed["email"]), (&json!("Graz"), &json!("ada.novak@example.com")));
    let again = app.client.post("/v1/contacts", &person).await.assert_problem(409, "duplicate-contact");
    assert!(again.to_string().contains(made["id"].as_str().unwrap()), "{again}");
    succeeded(&app.client.delete(&path).await, 200);
    app.get(&path).await.assert_problem(404, "contact-not-found");
}

#[actix_web::test]
async fn tags_are_added_and_removed_and_no_other_is_touched() {
    let app = TestApp::start().await;
    let before = app.get(&of_showcase("")).await.json()["tags"].clone();
    let tags = json!({"tags": ["Spring Fair", "spring fair", "  VIP"]});
    let after = succeeded(&app.client.post(&of_showcase("/tags"), &tags).await, 200);
    let mut expected = before.as_array().unwrap().clone();
    expected.extend([json!("spring fair"), json!("vip")]);
    assert_eq!(after["tags"], json!(expected));
    let removed = app.client.json("DELETE", &of_showcase("/tags"), &tags).await;
    assert_eq!(succeeded(&removed, 200)["tags"], before);
    assert_eq!(app.get(&of_showcase("")).await.json()["tags"], before);
}

#[actix_web::test]
async fn an_upsert_changes_only_what_differs_and_tells_of_two_matches() {
    let app = TestApp::start().await;
    let make = async |email: &str, phone: &str| {
        let person = json!({"firstName": "Kim", "email": email, "phone": phone});
        succeeded(&app.client.post("/v1/contacts", &person).await, 201)["id"].as_str().unwrap().to_owned()
    };
    let (one, other) = (make("kim@example.com", "+436601234567").await, make("lee@example.com", "+436607654321").await);
    let same = json!({"email": "Kim@Example.com", "city": "Linz"});
    let reply = app.client.put("/v1/contacts", &same).await;
    assert_eq!(succeeded(&reply, 200)["id"], one);
    let held = app.get(&format!("/v1/contacts/{one}")).await.json();
    assert_eq!((&held["city"], &held["phone"]), (&json!("Linz"), &json!("+436601234567")));
    let calls = app.calls("ghl.contact_update") + app.calls("ghl.contact_upsert");
    succeeded(&app.client.put("/v1/contacts", &same).await, 200);
    assert_eq!(app.calls("ghl.contact_update") + app.calls("ghl.contact_upsert"), calls, "nothing differs");
    let both = json!({"email": "kim@example.com", "phone": "+436607654321", "city": "Wels"});
    let conflict = app.client.put("/v1/contacts", &both).await.assert_problem(409, "duplicate-contact");
    assert!(conflict.to_string().contains(&one) && conflict.to_string().contains(&other), "{conflict}");
    for id in [&one, &other] {
        assert_ne!(app.get(&format!("/v1/contacts/{id}")).await.json()["city"], "Wels");
    }
    let new = app.client.put("/v1/contacts", &json!({"email": "new@example.com"})).await;
    assert_ne!(succeeded(&new, 201)["id"], one);
}

#[actix_web::test]
async fn a_write_to_what_is_not_there_says_so() {
    let app = TestApp::start().await;
    let missing = "/v1/contacts/nobodyHasThisId00001";
    let note = app.client.post(&format!("{missing}/notes"), &json!({"body": "x"})).await;
    note.assert_problem(404, "contact-not-found");
    app.client.put(missing, &json!({"city": "Graz"})).await.assert_problem(404, "contact-not-found");
    app.client.put(&of_showcase("/notes/noSuchNote"), &json!({"body": "x"})).await.assert_problem(404, "not-found");
    let foreign = format!("/v1/contacts/{SHOWCASE}/notes?locationId=sandboxLocation00002");
    app.client.post(&foreign, &json!({"body": "x"})).await.assert_problem(502, "upstream-unauthorized");
    assert_eq!(app.get("/v1/operations?locationId=sandboxLocation00002").await.json()["items"], json!([]));
    assert_eq!(app.calls("ghl.note_create"), 1, "the token is used for its own location alone");
}

//! Two contacts match: who asked is told of both, and says which is meant.

use super::{ended, succeeded};
use crate::support::{Client, TestApp, key};
use ghl_sandbox::{ContactSeed, tokens::LOCATION_2};
use serde_json::{Value, json};

/// A contact with the e-mail address and one with the phone, and the operation that failed for both matching.
async fn torn(app: &TestApp, client: &Client) -> (String, String, String) {
    let by_email = app.sandbox.add_contact(ContactSeed::new().name("Eve", "Mail").email("eve@example.test"));
    let by_phone = app.sandbox.add_contact(ContactSeed::new().name("Pat", "Phone").phone("+14155550111"));
    let body = json!({
        "email": "eve@example.test", "phone": "+14155550111", "city": "Reno", "companyName": "Example", "gender": "f",
    });
    let reply = client.put("/v1/contacts", &body).await;
    let problem = reply.assert_problem(409, "duplicate-contact");
    let told = problem["errors"].to_string();
    assert!(told.contains(&by_email) && told.contains(&by_phone), "{problem}");
    (by_email, by_phone, reply.header("operation-id").unwrap().to_owned())
}

/// A contact as the sandbox has it.
async fn contact(app: &TestApp, id: &str) -> Value {
    let url = format!("{}/__sandbox/state", app.sandbox.base_url());
    let dump: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    let mut contacts = dump["contacts"].as_array().unwrap().iter().map(|held| &held["contact"]);
    contacts.find(|contact| contact["id"] == id).unwrap().clone()
}

fn choice(id: &str) -> Value {
    json!({ "contactId": id })
}

#[actix_web::test]
async fn the_one_that_is_meant_is_changed_and_the_other_is_not() {
    let app = TestApp::start().await;
    let (by_email, by_phone, id) = torn(&app, &app.client).await;
    let path = format!("/v1/operations/{id}/resolve");
    let before = (contact(&app, &by_email).await, contact(&app, &by_phone).await);
    let strange = app.client.post(&path, &choice("AAAAAAAAAAAAAAAAAAAA")).await;
    let problem = strange.assert_problem(422, "validation-failed");
    assert_eq!(problem["errors"][0]["pointer"], "/contactId", "{problem}");
    assert!(app.sandbox.writes().is_empty());
    let resolved = app.client.post(&path, &choice(&by_phone)).await;
    assert_eq!(resolved.status, 200, "{}", resolved.text());
    let shown = resolved.json();
    assert_eq!((&shown["kind"], &shown["contactId"]), (&json!("update-contact"), &json!(by_phone)), "{shown}");
    let done = ended(&app, &id).await;
    assert_eq!(done["state"], "done", "{done}");
    assert_eq!(contact(&app, &by_email).await, before.0);
    let changed = contact(&app, &by_phone).await;
    assert_eq!((&changed["city"], before.1.get("city")), (&json!("Reno"), None), "{changed}");
    assert_eq!((&changed["phone"], changed.get("email")), (&json!("+14155550111"), before.1.get("email")), "{changed}");
    let written = app.sandbox.writes();
    assert_eq!(written.len(), 1);
    assert_eq!(
        written[0].content,
        json!({"city": "Reno"}),
        "neither what is another's nor what a change does not take"
    );
    let again = app.client.post(&path, &choice(&by_phone)).await;
    again.assert_problem(409, "operation-conflict");
    let log = app.get(&format!("/v1/audit?operationId={id}&event=resolved")).await.json();
    let entry = &log["items"][0];
    assert_eq!(log["items"].as_array().map(Vec::len), Some(1), "{log}");
    assert_eq!((&entry["contactId"], &entry["outcome"]), (&json!(by_phone), &json!("pending")), "{entry}");
}

#[actix_web::test]
async fn only_what_failed_so_can_be_resolved() {
    let app = TestApp::start().await;
    let made = app.client.post("/v1/contacts", &json!({"firstName": "Eve", "email": "made@example.test"})).await;
    succeeded(&made, 201);
    let id = made.header("operation-id").unwrap();
    let path = format!("/v1/operations/{id}/resolve");
    let reply = app.client.post(&path, &choice(made.json()["id"].as_str().unwrap())).await;
    reply.assert_problem(409, "operation-conflict");
    let path = "/v1/operations/op00000000000000000000000000000000/resolve";
    app.client.post(path, &choice("AAAAAAAAAAAAAAAAAAAA")).await.assert_problem(404, "not-found");
    let shapeless = app.client.post(path, &json!({"contactId": "a/b"})).await;
    shapeless.assert_problem(422, "validation-failed");
}

#[actix_web::test]
async fn after_a_choice_that_failed_it_is_retried_as_the_change_of_that_contact() {
    let app = TestApp::start().await;
    let (by_email, _, id) = torn(&app, &app.client).await;
    let refusal = r#"{"statusCode":422,"message":["city is unknown"],"error":"Unprocessable Entity"}"#;
    app.sandbox
        .inject(ghl_sandbox::Fault::new("ghl.contact_update", ghl_sandbox::FaultAction::status(422, refusal)).times(1));
    let resolved = app.client.post(&format!("/v1/operations/{id}/resolve"), &choice(&by_email)).await;
    assert_eq!(resolved.status, 200, "{}", resolved.text());
    assert_eq!(ended(&app, &id).await["state"], "failed");
    let retried = app.client.send("POST", &format!("/v1/operations/{id}/retry"), None).await;
    assert_eq!(retried.status, 200, "{}", retried.text());
    let done = ended(&app, &id).await;
    assert_eq!((&done["state"], &done["kind"]), (&json!("done"), &json!("update-contact")), "{done}");
    assert_eq!(contact(&app, &by_email).await["city"], "Reno");
}

#[actix_web::test]
async fn a_key_of_another_location_finds_nothing_to_resolve() {
    let keys = format!(
        "[{}]",
        [
            key("ours", "ours", &["read", "write"], &[crate::support::LOCATION]),
            key("theirs", "theirs", &["read", "write"], &[LOCATION_2]),
        ]
        .join(", ")
    );
    let app = TestApp::with(&[("auth.keys", &keys)]).await;
    let client = |secret: &str| app.client.with("authorization", &format!("Bearer {secret}"));
    let (by_email, _, id) = torn(&app, &client("ours")).await;
    let path = format!("/v1/operations/{id}/resolve");
    client("theirs").post(&path, &choice(&by_email)).await.assert_problem(404, "not-found");
    let resolved = client("ours").post(&path, &choice(&by_email)).await;
    assert_eq!(resolved.status, 200, "{}", resolved.text());
}

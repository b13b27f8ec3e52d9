//! Reading one contact and what hangs on it.

use ghl_sandbox::{ContactSeed, TaskSeed, examples, tokens};
use serde_json::{Value, json};

use super::support::{OLIVIA, start};

#[tokio::test]
async fn a_contact_by_id_has_its_names_in_both_cases_and_its_addresses() {
    let client = start().await;
    let answer = client.get(&format!("/contacts/{OLIVIA}")).await;
    assert!(answer.header("etag").starts_with("W/\""));
    let body = answer.expect(200);
    assert!(body["traceId"].as_str().is_some_and(|id| id.len() == 36));
    let contact = &body["contact"];
    assert!(contact.get("traceId").is_none(), "the trace id is a sibling");
    assert_eq!(contact["firstName"], "Olivia");
    assert_eq!(contact["firstNameLowerCase"], "olivia");
    assert_eq!(contact["emailLowerCase"], "olivia.hartley@example.com");
    assert_eq!(contact["lastAttributionSource"]["ip"], "58.111.106.198");
    assert_ne!(contact["attributionSource"]["ip"], contact["lastAttributionSource"]["ip"]);
    assert_eq!((&contact["country"], &contact["type"]), (&json!("US"), &json!("lead")));
    assert_eq!(contact["businessId"], tokens::EXAMPLE_BUSINESS);
    assert!(contact.get("timezone").is_none(), "what is not known is left out");
}

#[tokio::test]
async fn only_web_captured_contacts_have_an_address() {
    let client = start().await;
    let body = client.get(&format!("/contacts/{}", examples::CRM_ONLY)).await.expect(200);
    let manual = json!({"sessionSource": "CRM UI", "medium": "manual", "mediumId": null});
    assert_eq!(body["contact"]["attributionSource"], manual);
    assert_eq!(body["contact"]["lastAttributionSource"], json!({}));
}

#[tokio::test]
async fn an_unknown_contact_is_a_400_in_one_of_two_wordings() {
    let client = start().await;
    let body = client.get("/contacts/nobody").await.expect(400);
    assert_eq!(body["message"], "Contact not found for id:nobody");
    assert_eq!((&body["error"], &body["statusCode"]), (&json!("Bad Request"), &json!(400)));
    for part in ["notes", "tasks", "appointments"] {
        let body = client.get(&format!("/contacts/nobody/{part}")).await.expect(400);
        assert_eq!(body, json!({"error": "Contact with id nobody not found", "status": 400}));
    }
    let body = client.get(&format!("/contacts/{OLIVIA}/tasks/none")).await.expect(400);
    assert_eq!(body, json!({"error": "Task with id none not found"}));
}

#[tokio::test]
async fn another_tenants_contact_is_forbidden() {
    let client = start().await;
    let message = client.get(&format!("/contacts/{}", examples::OTHER_LOCATION)).await.message(403);
    assert_eq!(message, "The token does not have access to this location.");
    let other = client.token(Some(tokens::PIT_LOCATION_2));
    other.get(&format!("/contacts/{}", examples::OTHER_LOCATION)).await.expect(200);
    other.get(&format!("/contacts/{OLIVIA}/notes")).await.expect(403);
}

#[tokio::test]
async fn notes_come_newest_first_and_one_by_one() {
    let client = start().await;
    let body = client.get(&format!("/contacts/{OLIVIA}/notes")).await.expect(200);
    let notes = body["notes"].as_array().expect("notes");
    assert!(notes.len() >= 4);
    assert!(notes.is_sorted_by(|a, b| a["dateAdded"].as_str() >= b["dateAdded"].as_str()));
    assert!(notes.iter().any(|note| note["body"].as_str().is_some_and(|body| body.contains("<strong>"))));
    let id = notes[1]["id"].as_str().expect("an id");
    let one = client.get(&format!("/contacts/{OLIVIA}/notes/{id}")).await.expect(200);
    assert_eq!(one["note"], notes[1]);
    let huge = client.get(&format!("/contacts/{}/notes", examples::HUGE_NOTES)).await.expect(200);
    assert_eq!(huge["notes"].as_array().map(Vec::len), Some(1_000));
}

#[tokio::test]
async fn tasks_are_overdue_and_upcoming() {
    let client = start().await;
    let body = client.get(&format!("/contacts/{OLIVIA}/tasks")).await.expect(200);
    let now = client.get("/__sandbox/clock").await.expect(200)["now"].clone();
    let due = |task: &Value| task["dueDate"].as_str().map(str::to_owned);
    let tasks = body["tasks"].as_array().expect("tasks");
    assert_eq!(tasks.len(), 2);
    let overdue = tasks.iter().filter(|task| due(task).as_deref() < now.as_str()).count();
    assert_eq!(overdue, 1);
    assert!(tasks.iter().all(|task| due(task).is_some_and(|due| due.ends_with(":00.000Z"))));
    assert!(tasks.iter().all(|task| task.get("dateAdded").is_none() && task["contactId"] == OLIVIA));
    let id = tasks[0]["id"].as_str().expect("an id");
    let one = client.get(&format!("/contacts/{OLIVIA}/tasks/{id}")).await.expect(200);
    assert_eq!(one["task"], tasks[0]);
}

#[tokio::test]
async fn appointments_have_no_zone_and_a_misspelt_twin() {
    let client = start().await;
    let body = client.get(&format!("/contacts/{OLIVIA}/appointments")).await.expect(200);
    let event = &body["events"][0];
    let start = event["startTime"].as_str().expect("a time");
    assert_eq!((start.len(), &start[10..11]), (19, " "));
    assert_eq!(event["appoinmentStatus"], event["appointmentStatus"]);
}

#[tokio::test]
async fn paths_may_end_in_a_slash_and_must_keep_their_case() {
    let client = start().await;
    client.get(&format!("/contacts/{OLIVIA}/")).await.expect(200);
    client.get(&format!("/contacts/{OLIVIA}/notes/")).await.expect(200);
    client.get(&format!("/Contacts/{OLIVIA}")).await.expect(401);
    client.get(&format!("/contacts/{OLIVIA}/Notes")).await.expect(401);
    assert!(client.sandbox.calls().unexpected().is_empty());
}

#[tokio::test]
async fn what_is_not_built_says_so_and_is_remembered() {
    let client = start().await;
    let body = client.get("/opportunities/search").await.expect(501);
    assert!(body["message"].as_str().is_some_and(|text| text.ends_with("GET /opportunities/search")));
    client.post("/oauth/revoke", json!({})).await.expect(501);
    client.get("/contacts/lookup?locationId=x").await.expect(501);
    client.send("PATCH", &format!("/contacts/{OLIVIA}"), None).await.expect(501);
    let calls = client.sandbox.calls();
    assert_eq!(calls.unexpected().len(), 4);
    assert_eq!(calls.unexpected()[0], "GET /opportunities/search");
    assert_eq!(calls.total(), 4);
}

#[tokio::test]
async fn tests_add_their_own_contacts() {
    let client = start().await;
    let id = client.sandbox.add_contact(
        ContactSeed::new()
            .name("Ada", "Test")
            .ip(" 8.8.8.8 , nonsense")
            .null_tags()
            .with_notes(3)
            .task(TaskSeed::due_in_hours("Call", -1))
            .extra("odd", json!([1, {"a": null}])),
    );
    let contact = client.get(&format!("/contacts/{id}")).await.expect(200)["contact"].clone();
    assert_eq!(contact["tags"], Value::Null);
    assert_eq!(contact["odd"], json!([1, {"a": null}]));
    assert_eq!(contact["lastAttributionSource"]["ip"], " 8.8.8.8 , nonsense");
    let notes = client.get(&format!("/contacts/{id}/notes")).await.expect(200);
    assert_eq!(notes["notes"].as_array().map(Vec::len), Some(3));
    client.sandbox.set_raw_contact(&id, json!({"contact": {"id": 7, "locationId": null}}));
    let raw = client.get(&format!("/contacts/{id}")).await.expect(200);
    assert_eq!(raw, json!({"contact": {"id": 7, "locationId": null}}));
    client.sandbox.set_raw_contact("rawOnly", json!("not even an object"));
    assert_eq!(client.get("/contacts/rawOnly").await.expect(200), "not even an object");
}

#[tokio::test]
async fn the_location_tells_its_policy_fields_and_tags() {
    let client = start().await;
    let here = client.get("/locations/sandboxLocation00001").await.expect(200);
    assert_eq!(here["location"]["timezone"], "Australia/Sydney");
    assert_eq!(here["location"]["settings"]["allowDuplicateContact"], false);
    let fields = client.get("/locations/sandboxLocation00001/customFields").await.expect(200);
    assert!(fields["customFields"].as_array().is_some_and(|fields| fields.len() > 5));
    let message = client.get("/locations/sandboxLocation00002").await.message(401);
    assert_eq!(message, "This location is not accessible from this token!");
}

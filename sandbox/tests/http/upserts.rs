//! Upsert and its surprises.

use ghl_sandbox::{ContactSeed, tokens};
use serde_json::json;

use super::support::{HERE, OLIVIA, start};

#[tokio::test]
async fn upsert_creates_once_and_then_updates() {
    let client = start().await;
    let body = json!({"locationId": HERE, "email": "new@example.com", "gender": "male", "tags": ["a", "B"]});
    let first = client.post("/contacts/upsert", body).await.expect(200);
    assert_eq!((&first["new"], &first["succeded"]), (&json!(true), &json!(true)));
    let again = json!({"locationId": HERE, "email": "NEW@example.com", "gender": "female", "tags": ["c"]});
    let second = client.v3().post("/contacts/upsert", again).await.expect(200);
    assert_eq!((&second["new"], &second["succeeded"]), (&json!(false), &json!(true)));
    assert_eq!(second["contact"]["id"], first["contact"]["id"]);
    assert_eq!(second["contact"]["tags"], json!(["c"]), "tags replace");
    let state = client.get("/__sandbox/state").await.expect(200);
    let all = state["contacts"].as_array().expect("contacts");
    let stored = all.iter().find(|whole| whole["contact"]["id"] == first["contact"]["id"]).expect("it is there");
    assert_eq!(stored["stored"]["gender"], "male", "the gender of an existing contact is dropped silently");
}

#[tokio::test]
async fn of_two_matches_only_the_first_is_updated() {
    let client = start().await;
    let other = client.sandbox.add_contact(ContactSeed::new().name("Other", "One").phone("+61400000001"));
    let body =
        json!({"locationId": HERE, "email": "olivia.hartley@example.com", "phone": "+61400000001", "city": "Hobart"});
    let answer = client.post("/contacts/upsert", body.clone()).await.expect(200);
    assert_eq!((&answer["contact"]["id"], &answer["contact"]["city"]), (&json!(OLIVIA), &json!("Hobart")));
    assert_eq!(answer["contact"]["phone"], "+61491570156", "the other's phone stays with the other");
    client.sandbox.set_duplicate_policy(HERE, false, &["phone", "email"]);
    let answer = client.post("/contacts/upsert", body).await.expect(200);
    assert_eq!(answer["contact"]["id"], *other);
}

#[tokio::test]
async fn a_matched_additional_email_becomes_the_only_one() {
    let client = start().await;
    let id =
        client.sandbox.add_contact(ContactSeed::new().email("main@example.com").additional_email("second@example.com"));
    let body = json!({"locationId": HERE, "email": "second@example.com"});
    let answer = client.post("/contacts/upsert", body).await.expect(200);
    assert_eq!((&answer["contact"]["id"], &answer["new"]), (&json!(id), &json!(false)));
    assert_eq!(answer["contact"]["email"], "second@example.com");
    assert_eq!(answer["contact"]["additionalEmails"], json!([]));
}

#[tokio::test]
async fn always_new_works_only_where_duplicates_are_allowed() {
    let client = start().await;
    let email = "olivia.hartley@example.com";
    let body = json!({"locationId": HERE, "email": email, "createNewIfDuplicateAllowed": true});
    let answer = client.post("/contacts/upsert", body.clone()).await.expect(200);
    assert_eq!(answer["new"], false);
    client.sandbox.set_duplicate_policy(HERE, true, &["email", "phone"]);
    let answer = client.post("/contacts/upsert", body).await.expect(200);
    assert_eq!(answer["new"], true);
    let other = json!({"locationId": tokens::LOCATION_2, "email": email});
    client.post("/contacts/upsert", other).await.expect(403);
}

//! Creating, changing and deleting.

use ghl_sandbox::{ContactSeed, examples, tokens};
use serde_json::{Value, json};

use super::support::{Client, HERE, OLIVIA, start};

async fn create(client: &Client, body: Value) -> Value {
    client.post("/contacts/", body).await.expect(201)["contact"].clone()
}

#[tokio::test]
async fn create_answers_201_in_a_shape_of_its_own_before_v3() {
    let client = start().await;
    let body = json!({
        "locationId": HERE, "name": "Ada Lovelace Byron", "email": "Ada@example.com", "phone": "+44 7700 900-123",
        "tags": ["VIP", "vip", "Gold"], "dateOfBirth": "12-10-1815", "gender": "female", "dnd": true,
        "dndSettings": {"Email": {"status": "active", "message": "no mail"}},
        "customFields": [{"key": "seats", "field_value": "12"}, {"id": "sandboxFieldColour01", "fieldValue": "red"}],
    });
    let contact = create(&client, body).await;
    assert_eq!((&contact["firstName"], &contact["lastName"]), (&json!("Ada"), &json!("Lovelace Byron")));
    assert_eq!(contact["phone"], "+447700900123");
    assert_eq!(contact["tags"], json!(["vip", "gold"]));
    assert_eq!(
        (&contact["deleted"], &contact["birthMonth"], &contact["birthDay"]),
        (&json!(false), &json!(12), &json!(10))
    );
    assert_eq!(
        contact["customFields"],
        json!([
            {"id": "sandboxFieldSeats001", "value": 12.0}, {"id": "sandboxFieldColour01", "value": "red"}
        ])
    );
    let id = contact["id"].as_str().expect("an id");
    let read = client.get(&format!("/contacts/{id}")).await.expect(200)["contact"].clone();
    assert_eq!(read["dateOfBirth"], "1815-12-10T00:00:00.000Z");
    assert!(read.get("deleted").is_none());
    assert_eq!(read["dndSettings"]["Email"]["status"], "active");
    let read = client.v3().get(&format!("/contacts/{id}")).await.expect(200)["contact"].clone();
    assert_eq!(read["dndSettings"]["email"]["status"], "active");
    assert!(read["dndSettings"].get("Email").is_none());
    let tags = client.get(&format!("/locations/{HERE}/tags")).await.expect(200);
    assert!(tags["tags"].as_array().is_some_and(|tags| tags.iter().any(|tag| tag["name"] == "gold")));
}

#[tokio::test]
async fn unknown_and_wrong_properties_are_named_in_a_422() {
    let client = start().await;
    let body = json!({"locationId": HERE, "additionalEmails": [], "email": 7, "tags": "x", "customFields": {}, "source": null});
    let message = client.post("/contacts/", body).await.message(422);
    let expected = [
        "property additionalEmails should not exist",
        "email must be a string",
        "customFields must be an array",
        "source must be a string",
    ];
    for text in expected {
        assert!(message.as_array().is_some_and(|list| list.iter().any(|one| one == text)), "{text}: {message}");
    }
    let olivia = format!("/contacts/{OLIVIA}");
    for property in ["gender", "locationId", "companyName", "additionalEmails", "attributionSource"] {
        let message = client.put(&olivia, json!({property: "x"})).await.message(422);
        assert_eq!(message, json!([format!("property {property} should not exist")]));
    }
    let value = json!({"customFields": [{"id": "sandboxFieldColour01", "value": "red"}]});
    let message = client.put(&olivia, value).await.message(422);
    assert_eq!(message, json!(["customFields.0.property value should not exist"]));
    let dnd = json!({"dndSettings": {"email": {"status": "active"}}});
    client.put(&olivia, dnd.clone()).await.expect(422);
    client.v3().put(&olivia, dnd).await.expect(200);
}

#[tokio::test]
async fn a_create_from_nothing_is_a_400_that_says_422() {
    let client = start().await;
    let body = client.post("/contacts/", json!({"locationId": HERE})).await.expect(400);
    assert_eq!(body["statusCode"], 422);
    client.post("/contacts/", json!({"firstName": "No location"})).await.expect(422);
    let other = json!({"locationId": tokens::LOCATION_2, "firstName": "Elsewhere"});
    client.post("/contacts/", other).await.expect(403);
    let message = client.post("/contacts/", json!({"locationId": HERE, "phone": "12"})).await.message(400);
    assert_eq!(message, "The string supplied is too short to be a phone number");
}

#[tokio::test]
async fn duplicates_are_refused_with_the_contact_they_would_double() {
    let client = start().await;
    let body = json!({"locationId": HERE, "email": "OLIVIA.hartley@example.com", "firstName": "Twin"});
    let answer = client.post("/contacts/", body.clone()).await.expect(400);
    assert_eq!(answer["message"], "This location does not allow duplicated contacts.");
    let meta = json!({"contactId": OLIVIA, "contactName": "Olivia Hartley", "matchingField": "email"});
    assert_eq!(answer["meta"], meta);
    let update =
        client.put(&format!("/contacts/{}", examples::VPN), json!({"phone": "+61491570156"})).await.expect(400);
    assert_eq!(update["meta"]["matchingField"], "phone");
    client.put(&format!("/contacts/{OLIVIA}"), json!({"phone": "+61491570156"})).await.expect(200);
    client.sandbox.set_duplicate_policy(HERE, true, &["email", "phone"]);
    client.post("/contacts/", body).await.expect(201);
}

#[tokio::test]
async fn update_is_partial_replaces_tags_and_merges_custom_fields() {
    let client = start().await;
    let path = format!("/contacts/{OLIVIA}");
    let before = client.get(&path).await.expect(200)["contact"].clone();
    let change =
        json!({"city": "Perth", "tags": ["Only"], "customFields": [{"id": "sandboxFieldSeats001", "field_value": ""}]});
    let body = client.put(&path, change).await.expect(200);
    assert_eq!(body["succeded"], true);
    let after = &body["contact"];
    assert_eq!((&after["city"], &after["state"]), (&json!("Perth"), &before["state"]));
    assert_eq!(after["tags"], json!(["only"]));
    assert_eq!(after["customFields"], before["customFields"], "an empty number is ignored, the rest is kept");
    assert!(after["dateUpdated"].as_str() > before["dateUpdated"].as_str());
    let body = client.v3().put(&path, json!({"city": null})).await.expect(200);
    assert_eq!((body.get("succeeded"), body.get("succeded")), (Some(&json!(true)), None));
    assert!(body["contact"].get("city").is_none());
}

#[tokio::test]
async fn delete_is_for_good() {
    let client = start().await;
    let path = format!("/contacts/{}", examples::VPN);
    assert_eq!(client.delete(&path).await.expect(200)["succeded"], true);
    client.get(&path).await.expect(400);
    client.get(&format!("{path}/notes")).await.expect(400);
    client.delete(&path).await.expect(400);
}

#[tokio::test]
async fn tags_are_deltas_in_lower_case() {
    let client = start().await;
    let path = format!("/contacts/{OLIVIA}/tags");
    let body = client.post(&path, json!({"tags": ["Newsletter", "GEO:AU"]})).await.expect(201);
    assert_eq!(body["tags"], json!(["newsletter", "hot lead", "webinar", "geo:au"]));
    assert_eq!(body["tagsAdded"], json!(["geo:au"]));
    let gone = Some(json!({"tags": ["WEBINAR", "unknown"]}));
    let body = client.send("DELETE", &path, gone).await.expect(200);
    assert_eq!(body["tags"], json!(["newsletter", "hot lead", "geo:au"]));
    assert_eq!(body["tagsRemoved"], json!(["webinar"]));
    client.send("DELETE", &path, Some(json!({"tags": ["geo:au"]}))).await.expect(200);
    let defined = client.get(&format!("/locations/{HERE}/tags")).await.expect(200);
    assert!(defined.to_string().contains("geo:au"), "a definition outlives the tag");
    client.post(&path, json!({"tags": "one"})).await.expect(422);
    client.post(&path, json!({})).await.expect(422);
}

#[tokio::test]
async fn bulk_tags_report_row_by_row() {
    let client = start().await;
    let deleted = client.sandbox.add_contact(ContactSeed::new());
    client.delete(&format!("/contacts/{deleted}")).await.expect(200);
    let contacts = [OLIVIA, "short", &deleted, examples::OTHER_LOCATION];
    let body = json!({"locationId": HERE, "contacts": contacts, "tags": ["Bulk"]});
    let answer = client.post("/contacts/bulk/tags/update/add", body).await.expect(201);
    assert_eq!(answer["errorCount"], 3);
    let messages: Vec<&Value> = (0..4).map(|row| &answer["responses"][row]["message"]).collect();
    let expected = [
        "Tags updated",
        "contact id is not a valid firebase id",
        "contact is deleted",
        "contact does not belong to location",
    ];
    assert_eq!(messages, expected);
    assert_eq!(answer["responses"][0]["tagsAdded"], json!(["bulk"]));
    let all = json!({"locationId": HERE, "contacts": [OLIVIA], "tags": [], "removeAllTags": true});
    client.post("/contacts/bulk/tags/update/add", all.clone()).await.expect(422);
    let answer = client.v3().post("/contacts/bulk/tags/update/remove", all).await.expect(201);
    assert_eq!(answer["responses"][0]["tagsRemoved"].as_array().map(Vec::len), Some(4));
    assert_eq!((&answer["succeeded"], &answer["succeded"]), (&json!(true), &json!(true)));
    client.post("/contacts/bulk/tags/update/other", json!({})).await.expect(422);
}

#[tokio::test]
async fn bulk_business_attaches_and_detaches() {
    let client = start().await;
    let body = |business: Value| json!({"locationId": HERE, "ids": [examples::VPN], "businessId": business});
    let answer = client.post("/contacts/bulk/business", body(json!("b1"))).await.expect(200);
    assert_eq!((&answer["success"], &answer["ids"]), (&json!(true), &json!([examples::VPN])));
    let read = client.get(&format!("/contacts/{}", examples::VPN)).await.expect(200);
    assert_eq!(read["contact"]["businessId"], "b1");
    client.post("/contacts/bulk/business", body(Value::Null)).await.expect(200);
    let read = client.get(&format!("/contacts/{}", examples::VPN)).await.expect(200);
    assert!(read["contact"].get("businessId").is_none());
    let many: Vec<String> = (0..51).map(|n| n.to_string()).collect();
    let body = json!({"locationId": HERE, "ids": many, "businessId": "b1"});
    client.post("/contacts/bulk/business", body).await.expect(422);
}

#[tokio::test]
async fn notes_live_their_life() {
    let client = start().await;
    let path = format!("/contacts/{OLIVIA}/notes");
    let note =
        client.post(&path, json!({"body": "Hello <b>you</b>", "color": "#ff0000", "pinned": true})).await.expect(201);
    let id = note["note"]["id"].as_str().expect("an id").to_owned();
    client.post(&path, json!({"body": "Hello <b>you</b>"})).await.expect(201);
    let list = client.get(&path).await.expect(200);
    assert_eq!(list["notes"][1]["id"], *id, "newest first, and no dedupe");
    let changed = client.put(&format!("{path}/{id}"), json!({"body": "Bye", "title": "T"})).await.expect(200);
    assert_eq!((&changed["note"]["body"], &changed["note"]["pinned"]), (&json!("Bye"), &json!(true)));
    assert_eq!(client.delete(&format!("{path}/{id}")).await.expect(200)["succeded"], true);
    client.delete(&format!("{path}/{id}")).await.expect(400);
    client.get(&format!("{path}/{id}")).await.expect(400);
    let message = client.post(&path, json!({"text": "wrong name"})).await.message(422);
    assert!(message.to_string().contains("property text should not exist"));
    client.post(&path, json!({"body": ""})).await.expect(422);
    client.post(&path, json!({"body": "x", "color": "red"})).await.expect(422);
}

#[tokio::test]
async fn tasks_live_their_life() {
    let client = start().await;
    let path = format!("/contacts/{OLIVIA}/tasks");
    let body = json!({"title": "T", "dueDate": "2030-01-02T10:00:00+02:00", "completed": false});
    let task = client.post(&path, body).await.expect(201)["task"].clone();
    assert_eq!(task["dueDate"], "2030-01-02T08:00:00.000Z");
    let one = format!("{path}/{}", task["id"].as_str().expect("an id"));
    let done = client.put(&format!("{one}/completed"), json!({"completed": true})).await.expect(200);
    assert_eq!(done["task"]["completed"], true);
    let moved = client.put(&one, json!({"dueDate": "2030-01-03T00:00:00Z", "body": "B"})).await.expect(200);
    assert_eq!(moved["task"]["dueDate"], "2030-01-03T00:00:00.000Z");
    assert_eq!((&moved["task"]["title"], &moved["task"]["body"]), (&json!("T"), &json!("B")));
    client.put(&format!("{one}/completed"), json!({"completed": "yes"})).await.expect(422);
    client.put(&format!("{one}/completed"), json!({"completed": true, "title": "no"})).await.expect(422);
    client.delete(&one).await.expect(200);
    client.get(&one).await.expect(400);
    let message = client.post(&path, json!({"title": "T"})).await.message(422);
    assert_eq!(message, json!(["dueDate must be a valid ISO 8601 date string", "completed must be a boolean value"]));
}

#[tokio::test]
async fn followers_campaigns_and_workflows() {
    let client = start().await;
    let path = format!("/contacts/{OLIVIA}");
    let added = client.post(&format!("{path}/followers"), json!({"followers": ["u1", "u2"]})).await.expect(201);
    assert_eq!(added["followersAdded"], json!(["u1", "u2"]));
    let gone = Some(json!({"followers": ["u1", "u9"]}));
    let removed = client.send("DELETE", &format!("{path}/followers"), gone).await.expect(200);
    assert_eq!((&removed["followers"], &removed["followersRemoved"]), (&json!(["u2"]), &json!(["u1"])));
    client.post(&format!("{path}/campaigns/c1"), json!({})).await.expect(201);
    client.delete(&format!("{path}/campaigns/c1")).await.expect(200);
    let start = json!({"eventStartTime": "2030-01-02T10:00:00+01:00"});
    client.post(&format!("{path}/workflow/w1"), start).await.expect(201);
    client.delete(&format!("{path}/workflow/w1")).await.expect(200);
}

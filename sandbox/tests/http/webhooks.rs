//! Which events the sandbox makes, what stands in them, and how they are signed.

use aws_lc_rs::signature::ED25519;
use ghl_sandbox::{Fault, FaultAction, SandboxConfig, WebhookPlan, WebhookSigning, examples, tokens};
use serde_json::{Value, json};

use super::receiver::{Receiver, settled, verifies};
use super::support::{Client, HERE, OLIVIA, start, with};

/// The bodies of the events that were made since `seq`.
fn made(client: &Client, seq: u64) -> Vec<Value> {
    let events = client.sandbox.webhook_events_after(seq);
    events.iter().map(|event| serde_json::from_slice(&event.body).expect("JSON")).collect()
}

fn last(client: &Client) -> u64 {
    client.sandbox.webhook_counts().made
}

fn kinds(bodies: &[Value]) -> Vec<&str> {
    bodies.iter().map(|body| body["type"].as_str().expect("a type")).collect()
}

fn keys(body: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = body.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

fn with_stamps<'a>(own: &[&'a str]) -> Vec<&'a str> {
    let mut keys = [own, &["type", "locationId", "timestamp", "webhookId", "appId", "versionId"]].concat();
    keys.sort_unstable();
    keys
}

#[tokio::test]
async fn every_way_to_change_a_contact_makes_its_events() {
    let client = start().await;
    let path = format!("/contacts/{OLIVIA}");
    let tags = json!({"tags": ["Webhooked"]});
    let steps: Vec<(&str, String, Value, &[&str])> = vec![
        ("PUT", path.clone(), json!({"city": "Perth"}), &["ContactUpdate"]),
        ("PUT", path.clone(), json!({"tags": ["a", "b"]}), &["ContactUpdate", "ContactTagUpdate"]),
        ("PUT", path.clone(), json!({"tags": ["a", "b"], "city": "Hobart"}), &["ContactUpdate"]),
        ("PUT", path.clone(), json!({"dnd": true}), &["ContactUpdate", "ContactDndUpdate"]),
        ("PUT", path.clone(), json!({"inboundDndSettings": {"all": {"status": "active"}}}), &[]),
        ("PUT", path.clone(), json!({"customFields": [{"id": "sandboxFieldFile0001", "field_value": {}}]}), &[]),
        ("PUT", path.clone(), json!({"shoe": 43}), &[]),
        ("POST", format!("{path}/tags"), tags.clone(), &["ContactTagUpdate"]),
        ("POST", format!("{path}/tags"), tags.clone(), &[]),
        ("DELETE", format!("{path}/tags"), tags, &["ContactTagUpdate"]),
        ("POST", format!("{path}/followers"), json!({"followers": ["sandboxUser000000002"]}), &["ContactUpdate"]),
        (
            "POST",
            "/contacts/bulk/tags/update/add".to_owned(),
            json!({"locationId": HERE, "tags": ["bulk"], "contacts": [OLIVIA, examples::VPN, "nobody"]}),
            &["ContactTagUpdate", "ContactTagUpdate"],
        ),
        (
            "POST",
            "/contacts/bulk/business".to_owned(),
            json!({"locationId": HERE, "ids": [OLIVIA], "businessId": null}),
            &["ContactUpdate"],
        ),
        ("POST", "/contacts/".to_owned(), json!({"locationId": HERE, "email": "w@example.com"}), &["ContactCreate"]),
        (
            "POST",
            "/contacts/upsert".to_owned(),
            json!({"locationId": HERE, "email": "w@example.com", "tags": ["x"]}),
            &["ContactUpdate", "ContactTagUpdate"],
        ),
        ("POST", "/contacts/upsert".to_owned(), json!({"locationId": HERE, "email": "v@e.org"}), &["ContactCreate"]),
        ("GET", path.clone(), Value::Null, &[]),
        ("DELETE", format!("/contacts/{}", examples::VPN), Value::Null, &["ContactDelete"]),
        ("DELETE", format!("/contacts/{}", examples::VPN), Value::Null, &[]),
    ];
    for (method, path, body, expected) in steps {
        let before = last(&client);
        client.send(method, &path, (!body.is_null()).then_some(body.clone())).await;
        assert_eq!(kinds(&made(&client, before)), expected, "{method} {path} {body}");
    }
}

#[tokio::test]
async fn a_contacts_events_are_flat_and_as_the_reference_has_them() {
    let client = start().await;
    let body = json!({
        "locationId": HERE, "name": "Ada Byron", "email": "ada@example.com", "phone": "+447700900123",
        "address1": "1 Street", "city": "Bath", "state": "ENG", "country": "GB", "postalCode": "BA1", "companyName": "A",
        "website": "https://example.com", "source": "api", "dateOfBirth": "1815-12-10", "assignedTo": "u",
        "tags": ["VIP"], "customFields": [{"key": "seats", "field_value": 12}],
    });
    let contact = client.post("/contacts/", body).await.expect(201)["contact"].clone();
    let id = contact["id"].as_str().expect("an id");
    client.put(&format!("/contacts/{id}"), json!({"dndSettings": {"SMS": {"status": "active"}}})).await.expect(200);
    client.post(&format!("/contacts/{id}/tags"), json!({"tags": ["Gold"]})).await.expect(201);
    let bodies = made(&client, 0);
    assert_eq!(kinds(&bodies), ["ContactCreate", "ContactUpdate", "ContactDndUpdate", "ContactTagUpdate"]);
    let own = [
        "id",
        "name",
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
        "dateAdded",
        "dateOfBirth",
        "dnd",
        "tags",
        "assignedTo",
        "customFields",
        "attachments",
    ];
    assert_eq!(keys(&bodies[0]), with_stamps(&own));
    assert_eq!((&bodies[0]["id"], &bodies[0]["locationId"]), (&json!(id), &json!(HERE)));
    assert_eq!((&bodies[0]["name"], &bodies[0]["tags"]), (&json!("Ada Byron"), &json!(["vip"])));
    assert_eq!(bodies[0]["customFields"], json!([{"id": "sandboxFieldSeats001", "value": 12}]));
    assert_eq!((&bodies[0]["attachments"], &bodies[0]["dateAdded"]), (&json!([]), &contact["dateAdded"]));
    assert_eq!(keys(&bodies[2]), with_stamps(&[&own[..], &["dndSettings"]].concat()));
    assert_eq!(keys(&bodies[2]["dndSettings"]), ["Call", "Email", "FB", "GMB", "RCS", "SMS", "WhatsApp"]);
    assert_eq!(bodies[2]["dndSettings"]["SMS"], json!({"status": "active"}));
    assert_eq!(bodies[3]["tags"], json!(["vip", "gold"]), "all tags, not the difference");
    for body in &bodies {
        assert_eq!((&body["appId"], &body["versionId"]), (&json!(tokens::APP_ID), &json!(tokens::APP_VERSION_ID)));
    }
}

#[tokio::test]
async fn notes_and_tasks_make_their_events_and_an_edited_task_none() {
    let client = start().await;
    let (notes, tasks) = (format!("/contacts/{OLIVIA}/notes"), format!("/contacts/{OLIVIA}/tasks"));
    let note = client.post(&notes, json!({"body": "one"})).await.expect(201)["note"]["id"].clone();
    let note = format!("{notes}/{}", note.as_str().expect("an id"));
    client.put(&note, json!({"body": "two"})).await.expect(200);
    client.delete(&note).await.expect(200);
    client.delete(&note).await;
    let sent = json!({"title": "Call", "body": "soon", "dueDate": "2026-12-01T10:00:00Z", "completed": false});
    let task = client.post(&tasks, sent).await.expect(201)["task"]["id"].clone();
    let task = format!("{tasks}/{}", task.as_str().expect("an id"));
    client.put(&task, json!({"title": "Call back", "assignedTo": "u"})).await.expect(200);
    client.put(&format!("{task}/completed"), json!({"completed": true})).await.expect(200);
    client.put(&format!("{task}/completed"), json!({"completed": true})).await.expect(200);
    client.put(&format!("{task}/completed"), json!({"completed": false})).await.expect(200);
    client.put(&task, json!({"completed": true})).await.expect(200);
    client.delete(&task).await.expect(200);
    let bodies = made(&client, 0);
    let expected =
        ["NoteCreate", "NoteUpdate", "NoteDelete", "TaskCreate", "TaskComplete", "TaskComplete", "TaskDelete"];
    assert_eq!(kinds(&bodies), expected);
    for (body, text) in bodies.iter().zip(["one", "two", "two"]) {
        assert_eq!(keys(body), with_stamps(&["id", "body", "contactId", "dateAdded"]));
        assert_eq!(
            (&body["body"], &body["contactId"], &body["locationId"]),
            (&json!(text), &json!(OLIVIA), &json!(HERE))
        );
    }
    assert_eq!(keys(&bodies[3]), with_stamps(&["id", "title", "dateAdded", "dueDate"]), "thin, as it is live");
    let whole = ["id", "title", "body", "assignedTo", "contactId", "dateAdded", "dueDate"];
    for body in &bodies[4..] {
        assert_eq!(keys(body), with_stamps(&whole));
        assert_eq!((&body["title"], &body["dueDate"]), (&json!("Call back"), &json!("2026-12-01T10:00:00.000Z")));
    }
}

#[tokio::test]
async fn appointments_come_from_the_control_api() {
    let client = start().await;
    let sent = json!({
        "contactId": OLIVIA, "title": "Visit", "startTime": "2026-12-01T10:00:00", "endTime": "2026-12-01T11:00:00",
    });
    let id = client.post("/__sandbox/appointments", sent).await.expect(200)["id"].clone();
    let path = format!("/__sandbox/appointments/{}", id.as_str().expect("an id"));
    let moved = json!({"startTime": "2026-12-02T10:00:00Z", "appointmentStatus": "completed"});
    client.put(&path, moved).await.expect(200);
    let listed = client.get(&format!("/contacts/{OLIVIA}/appointments")).await.expect(200);
    let event =
        listed["events"].as_array().expect("events").iter().find(|event| event["id"] == id).expect("it").clone();
    assert_eq!(
        (&event["startTime"], &event["endTime"]),
        (&json!("2026-12-02 21:00:00"), &json!("2026-12-02 22:00:00"))
    );
    assert_eq!(event["appointmentStatus"], "showed");
    client.delete(&path).await.expect(200);
    client.delete(&path).await.expect(400);
    let bodies = made(&client, 0);
    assert_eq!(kinds(&bodies), ["AppointmentCreate", "AppointmentUpdate", "AppointmentDelete"]);
    for body in &bodies {
        assert_eq!(keys(body), with_stamps(&["appointment"]));
        let (inner, own) = (&body["appointment"], ["id", "contactId", "users", "groupId", "source", "dateUpdated"]);
        assert!(own.iter().all(|key| inner.get(key).is_some()), "{inner}");
        assert_eq!((&inner["id"], &inner["contactId"]), (&id, &json!(OLIVIA)));
    }
    let start = |at: usize| bodies[at]["appointment"]["startTime"].clone();
    assert_eq!((start(0), start(1)), (json!("2026-12-01T10:00:00+11:00"), json!("2026-12-02T21:00:00+11:00")));
    for bad in [
        json!({}),
        json!({"contactId": "nobody"}),
        json!({"contactId": OLIVIA, "startTime": "soon"}),
        json!({"contactId": OLIVIA, "appointmentStatus": "perhaps"}),
        json!({"contactId": OLIVIA, "startTime": "2026-12-02T10:00:00", "endTime": "2026-12-01T10:00:00"}),
        json!({"contactId": OLIVIA, "colour": "red"}),
    ] {
        client.post("/__sandbox/appointments", bad).await.expect(400);
    }
    assert_eq!(last(&client), 3, "what is refused makes no event");
}

#[tokio::test]
async fn events_tell_what_took_effect_whatever_the_caller_was_told_and_where() {
    let client = start().await;
    let notes = format!("/contacts/{OLIVIA}/notes");
    for (action, expected) in [
        (FaultAction::AppliedButLost, 1),
        (FaultAction::CreatedBut422, 2),
        (FaultAction::Reset, 2),
        (FaultAction::Html502, 2),
        (FaultAction::TooManyRequests, 2),
    ] {
        client.sandbox.inject(Fault::new("ghl.writes", action.clone()).times(1));
        drop(client.try_send("POST", &notes, Some(json!({"body": "x"}))).await);
        assert_eq!(client.sandbox.webhook_counts().made, expected, "{action:?}");
    }
    client.sandbox.add_tags(examples::OTHER_LOCATION, &["there"]).expect("added");
    let event = client.sandbox.webhook_events().pop().expect("an event");
    assert_eq!((&*event.kind, event.location_id.as_deref()), ("ContactTagUpdate", Some(tokens::LOCATION_2)));
    client.sandbox.advance_clock(std::time::Duration::from_secs(3_600));
    client.sandbox.add_tags(examples::OTHER_LOCATION, &["later"]).expect("added");
    let later = client.sandbox.webhook_events().pop().expect("an event");
    assert!(later.made_at > event.made_at, "by the sandbox's clock");
    let body: Value = serde_json::from_slice(&later.body).expect("JSON");
    assert_eq!((&body["timestamp"], &body["webhookId"]), (&json!(later.made_at), &json!(later.webhook_id)));
}

#[tokio::test]
async fn installations_and_anything_else_can_be_told_of() {
    let client = start().await;
    client.sandbox.emit_installation(true, None);
    client.sandbox.emit_installation(true, Some(HERE));
    client.sandbox.emit_installation(false, Some(HERE));
    client.sandbox.emit("PLAN_CHANGE", json!({"locationId": HERE, "newPlanId": "p"}));
    let emit = json!({"type": "Future", "locationId": HERE, "appId": "another"});
    let id = client.post("/__sandbox/webhooks/emit", emit).await.expect(200)["webhookId"].clone();
    client.post("/__sandbox/webhooks/emit", json!({"locationId": HERE})).await.expect(400);
    let bodies = made(&client, 0);
    assert_eq!(kinds(&bodies), ["INSTALL", "INSTALL", "UNINSTALL", "PLAN_CHANGE", "Future"]);
    assert_eq!((&bodies[0]["installType"], bodies[0].get("locationId")), (&json!("Company"), None));
    assert_eq!((&bodies[1]["installType"], &bodies[1]["locationId"]), (&json!("Location"), &json!(HERE)));
    assert_eq!((&bodies[1]["companyId"], &bodies[1]["trial"]["onTrial"]), (&json!(tokens::COMPANY), &json!(false)));
    assert_eq!(keys(&bodies[2]), with_stamps(&[]));
    assert_eq!((&bodies[4]["webhookId"], &bodies[4]["appId"]), (&id, &json!("another")));
}

#[tokio::test]
async fn oauth_tells_of_installations_made_and_ended_once_each() {
    let client = start().await;
    for _ in 0..2 {
        client.sandbox.install(HERE);
    }
    client.sandbox.uninstall(HERE);
    client.sandbox.install(tokens::COMPANY);
    let bodies = made(&client, 0);
    let told: Vec<_> = bodies.iter().map(|body| (body["type"] == "INSTALL", body["locationId"].as_str())).collect();
    let changes = client.sandbox.installation_changes();
    let happened: Vec<_> = changes.iter().map(|change| (change.installed, change.location_id.as_deref())).collect();
    assert_eq!(told, happened);
    assert_eq!(told[..3], [(true, Some(HERE)), (false, Some(HERE)), (true, None)]);
}

#[tokio::test]
async fn direct_changes_make_the_same_events_and_cost_nothing() {
    let client = start().await;
    let sandbox = &client.sandbox;
    let contact = sandbox.create_contact(HERE, json!({"email": "direct@example.com"})).expect("made");
    sandbox.edit_contact(&contact, json!({"city": "Bern"})).expect("edited");
    sandbox.add_tags(&contact, &["One", "two"]).expect("added");
    sandbox.remove_tags(&contact, &["one"]).expect("removed");
    sandbox.set_tags(&contact, &["three"]).expect("replaced");
    let note = sandbox.add_note(&contact, "a").expect("made");
    sandbox.edit_note(&contact, &note, "b").expect("edited");
    let due = json!({"title": "t", "dueDate": "2026-12-01", "completed": false});
    let task = sandbox.add_task(&contact, due).expect("made");
    sandbox.edit_task(&contact, &task, json!({"title": "u"})).expect("edited");
    sandbox.complete_task(&contact, &task).expect("completed");
    let appointment = sandbox.add_appointment(json!({"contactId": contact})).expect("made");
    sandbox.edit_appointment(&appointment, json!({"title": "v"})).expect("edited");
    let truth = sandbox.truth(&contact);
    let read = client.get(&format!("/contacts/{contact}")).await.expect(200)["contact"].clone();
    assert_eq!((&truth["contact"], &read["city"], &read["tags"]), (&read, &json!("Bern"), &json!(["three"])));
    for (section, key, id) in
        [("notes", "notes", note), ("tasks", "tasks", task), ("appointments", "events", appointment)]
    {
        let read = client.get(&format!("/contacts/{contact}/{section}")).await.expect(200);
        assert_eq!((&truth[section], &truth[section][0]["id"]), (&read[key], &json!(id)));
    }
    sandbox.delete_contact(&contact).expect("deleted");
    assert_eq!(sandbox.truth(&contact), Value::Null);
    let expected = [
        "ContactCreate",
        "ContactUpdate",
        "ContactTagUpdate",
        "ContactTagUpdate",
        "ContactUpdate",
        "ContactTagUpdate",
        "NoteCreate",
        "NoteUpdate",
        "TaskCreate",
        "TaskComplete",
        "AppointmentCreate",
        "AppointmentUpdate",
        "ContactDelete",
    ];
    assert_eq!(kinds(&made(&client, 0)), expected);
    assert!(sandbox.writes().is_empty(), "nobody sent them");
    assert_eq!(sandbox.calls().total(), 4, "only what was read over HTTP");
    let refused = sandbox.edit_contact(OLIVIA, json!({"shoe": 43})).expect_err("refused");
    assert_eq!(refused.status, 422);
    assert_eq!(sandbox.add_note("nobody", "x").expect_err("refused").status, 400);
    assert_eq!(sandbox.edit_note(OLIVIA, "none", "x").map_err(|refused| refused.status >= 400), Err(true));
}

#[tokio::test]
async fn deliveries_are_signed_as_the_plan_says() {
    let client = start().await;
    let receiver = Receiver::start().await;
    let rsa_key = client.sandbox.webhook_rsa_public_key().expect("a key");
    let keys = client.get("/__sandbox/webhooks/keys").await.expect(200);
    assert_eq!(keys, json!({"ed25519": tokens::WEBHOOK_PUBLIC_KEY, "rsa": rsa_key}));
    for signing in [WebhookSigning::Ed25519, WebhookSigning::Rsa, WebhookSigning::Both] {
        client.sandbox.webhooks_to(&receiver.url, WebhookPlan { signing, ..WebhookPlan::default() }).expect("a plan");
        client.sandbox.add_note(OLIVIA, "signed").expect("a note");
        settled(&client.sandbox).await;
    }
    let received = receiver.received();
    let signed: Vec<_> = received.iter().map(|got| (got.is_signed(), got.is_signed_by_rsa(&rsa_key))).collect();
    assert_eq!(signed, [(true, false), (false, true), (true, true)]);
    assert_eq!((&*received[0].rsa, &*received[1].ed25519), ("N/A", "N/A"));
    assert_eq!(received[0].content_type, "application/json");
    let other = client.sandbox.sign(b"another body");
    assert!(verifies(&ED25519, tokens::WEBHOOK_PUBLIC_KEY, b"another body", &other));
    assert!(!verifies(&ED25519, tokens::WEBHOOK_PUBLIC_KEY, &received[0].body, &other));
    receiver.stop().await;
}

#[tokio::test]
async fn what_is_sent_is_what_the_log_holds_and_a_reset_clears_it() {
    let receiver = Receiver::start().await;
    let config = SandboxConfig { webhook_url: Some(receiver.url.clone()), ..SandboxConfig::default() };
    let client = with(config).await;
    client.post(&format!("/contacts/{OLIVIA}/notes"), json!({"body": "x"})).await.expect(201);
    client.put(&format!("/contacts/{OLIVIA}"), json!({"city": "Rome"})).await.expect(200);
    settled(&client.sandbox).await;
    let mut received = receiver.received();
    received.sort_by_key(|got| got.json()["type"].to_string());
    let listed = client.get("/__sandbox/webhooks/events").await.expect(200)["events"].clone();
    assert_eq!(listed[1]["body"], received[0].json());
    assert_eq!(listed[0]["body"], received[1].json());
    assert_eq!(
        (&listed[0]["type"], &listed[0]["seq"], &listed[0]["locationId"]),
        (&json!("NoteCreate"), &json!(1), &json!(HERE))
    );
    let delivery = &listed[0]["deliveries"][0];
    assert_eq!((&delivery["fate"], &delivery["attempts"]), (&json!("delivered"), &json!(1)));
    assert_eq!((&delivery["lastStatus"], &delivery["url"]), (&json!(200), &json!(receiver.url)));
    assert_eq!(client.get("/__sandbox/webhooks/events?after=1").await.expect(200)["events"], json!([listed[1]]));
    assert_eq!(client.get("/__sandbox/webhooks/events?limit=1").await.expect(200)["events"], json!([listed[0]]));
    let shown = client.get("/__sandbox/webhooks").await.expect(200);
    let counts =
        json!({"made": 2, "sent": 2, "delivered": 2, "duplicates": 0, "retries": 0, "failed": 0, "pending": 0});
    assert_eq!(shown["counts"], counts);
    client.post("/__sandbox/reset", json!({})).await.expect(200);
    assert!(client.sandbox.webhook_events().is_empty());
    client.sandbox.add_note(OLIVIA, "after").expect("a note");
    settled(&client.sandbox).await;
    assert_eq!(receiver.received().len(), 3, "the receiver of the configuration stays");
    receiver.stop().await;
}

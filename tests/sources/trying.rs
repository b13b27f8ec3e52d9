//! Trying out: what would be done, before it is.

use super::{Rig, event, rosa, signed_at};
use crate::support::key;
use ghl_sandbox::ContactSeed;
use serde_json::{Value, json};

/// The sandbox's name of a planned call.
fn endpoint(call: &Value) -> &'static str {
    let path = call["path"].as_str().expect("a path");
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (call["method"].as_str().expect("a method"), &parts[..]) {
        ("POST", ["contacts"]) => "contact_create",
        ("PUT", ["contacts", _]) => "contact_update",
        ("POST", ["contacts", _, "tags"]) => "tags_add",
        ("DELETE", ["contacts", _, "tags"]) => "tags_remove",
        ("POST", ["contacts", _, "tasks"]) => "task_create",
        ("PUT", ["contacts", _, "tasks", _]) => "task_update",
        ("PUT", ["contacts", _, "tasks", _, "completed"]) => "task_complete",
        ("DELETE", ["contacts", _, "tasks", _]) => "task_delete",
        ("POST", ["contacts", _, "notes"]) => "note_create",
        other => panic!("{other:?}"),
    }
}

/// The planned calls that write.
fn writing(event: &Value) -> Vec<Value> {
    let calls = event["calls"].as_array().expect("calls").iter();
    calls.filter(|call| call["method"] != "GET").cloned().collect()
}

fn planned(plan: &Value) -> Vec<&'static str> {
    let events = plan["events"].as_array().expect("events").iter();
    events.flat_map(|event| writing(event).into_iter().map(|call| endpoint(&call))).collect()
}

#[actix_web::test]
async fn what_is_planned_is_what_then_happens() {
    let rig = Rig::start().await;
    let known = ContactSeed::new().name("Phil", "Known").email("phil@source.example").tags(["vip"]);
    let phil = rig.app.sandbox.add_contact(known);
    for events in [
        json!(event("e1", "contact.created", 0, rosa(json!({"firstName": "Rosa", "tagNames": ["a"]})))),
        json!(event(
            "e2",
            "contact.created",
            1,
            json!({"contactId": "ins-2", "email": "phil@source.example", "lastName": "Neu"})
        )),
        json!([
            event("e3", "contact.updated", 2, rosa(json!({"firstName": "Rosalind"}))),
            event(
                "e4",
                "task.created",
                3,
                json!({
                    "taskId": "t", "contactId": "ins-1", "title": "Call", "dueDate": "2027-03-01T09:00:00Z"
                })
            ),
            event("e5", "note.added", 4, json!({"contactId": "ins-1", "notes": "Hello"})),
        ]),
        json!(event("e6", "contact.updated", 5, rosa(json!({"firstName": "Rosalind"})))),
        json!(event("e7", "contact.updated", 1, rosa(json!({"firstName": "Late"})))),
        json!(event("e8", "task.deleted", 6, json!({"taskId": "t", "contactId": "ins-1"}))),
    ] {
        let before = rig.writes().len();
        let plan = rig.plan(&events).await;
        assert_eq!(rig.writes().len(), before, "a trial writes nothing: {plan}");
        let first = if events.is_array() { &events[0] } else { &events };
        let path = format!("/v1/sources/insurgo/events/{}", first["id"].as_str().unwrap());
        rig.app.get(&path).await.assert_problem(404, "not-found");
        assert_eq!(rig.push(&events).await.status, 202);
        rig.settled().await;
        assert_eq!(rig.writes()[before..], planned(&plan), "{plan}");
        assert_eq!(plan["quota"]["writes"].as_u64().unwrap() as usize, rig.writes().len() - before, "{plan}");
    }
    assert_eq!(rig.held("phil@source.example").id(), phil);
}

#[actix_web::test]
async fn a_plan_tells_field_by_field_what_changes_and_what_is_left() {
    let rig = Rig::with(", mapping.contact.fields = { phone = { owner = 'if-empty' } }", &[]).await;
    let known = ContactSeed::new().name("Rosa", "Old").email("rosa@source.example").phone("+14152000146");
    let id = rig.app.sandbox.add_contact(known);
    let data = rosa(json!({"lastName": "New", "firstName": "Rosa", "phone": "+14152000147"}));
    let plan = rig.plan(&event("e1", "contact.created", 0, data)).await;
    let event = &plan["events"][0];
    assert_eq!((&event["contactId"], &event["foundBy"]), (&json!(id), &json!("email")), "{plan}");
    assert_eq!(event["outcome"], "apply");
    let field = |name: &str| {
        let fields = event["fields"].as_array().unwrap();
        fields.iter().find(|field| field["field"] == name).cloned().unwrap_or_else(|| panic!("{name}: {plan}"))
    };
    let last = field("lastName");
    assert_eq!((&last["from"], &last["to"], &last["action"]), (&json!("Old"), &json!("New"), &json!("set")));
    assert_eq!(field("phone")["action"], "left");
    assert!(field("phone")["why"].as_str().is_some_and(|why| !why.is_empty()), "{plan}");
    assert_eq!(writing(event)[0]["body"], json!({"lastName": "New"}), "{plan}");
}

#[actix_web::test]
async fn a_plan_tells_what_would_wait_fail_or_change_nothing() {
    let rig = Rig::start().await;
    rig.app.sandbox.add_contact(ContactSeed::new().name("M", "Mail").email("rosa@source.example"));
    rig.app.sandbox.add_contact(ContactSeed::new().name("P", "Phone").phone("+14152000148"));
    for (event, outcome) in [
        (event("e1", "note.added", 0, json!({"contactId": "nobody", "notes": "x"})), "wait"),
        (event("e2", "contact.created", 0, rosa(json!({"phone": "+14152000148"}))), "fail"),
        (event("e3", "policy.renewed", 0, json!({})), "nothing"),
    ] {
        let plan = rig.plan(&event).await;
        let planned = &plan["events"][0];
        assert_eq!(planned["outcome"], outcome, "{plan}");
        assert!(planned["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{plan}");
        assert!(writing(planned).is_empty(), "{plan}");
    }
    let reply = rig.post(&event("e4", "task.created", 0, json!({"title": 5})).to_string(), "?dryRun=true").await;
    reply.assert_problem(422, "validation-failed");
    assert!(rig.writes().is_empty());
}

#[actix_web::test]
async fn without_a_key_a_source_that_signs_is_tried_unsigned() {
    let rig = Rig::start().await;
    let body = event("e1", "contact.created", 0, rosa(json!({})));
    let tried = rig.app.client.post("/v1/sources/insurgo/events?dryRun=true", &body).await;
    assert_eq!((tried.status, &tried.json()["events"][0]["outcome"]), (200, &json!("apply")), "{}", tried.text());
    rig.app.client.post("/v1/sources/insurgo/events", &body).await.assert_problem(401, "unauthenticated");
}

#[actix_web::test]
async fn what_ghl_holds_is_shown_to_who_may_read_it_and_what_is_redacted_to_nobody() {
    let keys = format!("[{}, {}]", key("all", "all", &["read", "write"], &[]), key("write", "write", &["write"], &[]));
    let rig = Rig::with("", &[("auth.keys", &keys), ("profile.redact", "['lastName']")]).await;
    let known = ContactSeed::new().name("Heldfirst", "Heldlast").email("rosa@source.example").tags(["heldtag"]);
    let id = rig.app.sandbox.add_contact(known);
    let data = rosa(json!({"firstName": "Rosa", "lastName": "Newlast", "tagNames": ["own"]}));
    let body = event("e1", "contact.created", 0, data).to_string();
    let path = "/v1/sources/insurgo/events?dryRun=true";
    let tried = async |client: crate::support::Client| {
        let client = client.with("content-type", "application/json");
        let reply = client.send("POST", path, Some(body.clone().into_bytes())).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert!(!reply.text().contains("Heldlast") && !reply.text().contains("Newlast"), "{}", reply.text());
        reply
    };
    let seen = tried(rig.app.client.with("x-api-key", "all")).await;
    let planned = &seen.json()["events"][0];
    assert_eq!((&planned["contactId"], &planned["foundBy"]), (&json!(id), &json!("email")), "{planned}");
    for held in ["Heldfirst", "heldtag", &id] {
        assert!(seen.text().contains(held), "{held}: {planned}");
    }
    let signed = signed_at(&rig.app.client, super::SECRET, "m", &body, 0);
    for client in [signed, rig.app.client.with("x-api-key", "write")] {
        let hidden = tried(client).await;
        for held in ["Heldfirst", "heldtag", &id] {
            assert!(!hidden.text().contains(held), "{held}: {}", hidden.text());
        }
        let planned = &hidden.json()["events"][0];
        assert_eq!((&planned["contactId"], &planned["foundBy"]), (&json!(null), &json!(null)), "{planned}");
        assert_eq!((&planned["outcome"], writing(planned).len()), (&json!("apply"), 2), "{planned}");
        assert_eq!(writing(planned)[0]["path"], "/contacts/{contactId}", "{planned}");
    }
}

#[actix_web::test]
async fn who_signs_learns_no_ids_of_contacts_that_two_are() {
    let rig = Rig::start().await;
    let one = rig.app.sandbox.add_contact(ContactSeed::new().name("M", "Mail").email("rosa@source.example"));
    let other = rig.app.sandbox.add_contact(ContactSeed::new().name("P", "Phone").phone("+14152000148"));
    let two = event("e2", "contact.created", 0, rosa(json!({"phone": "+14152000148"})));
    let reply = rig.post(&two.to_string(), "?dryRun=true").await;
    assert_eq!(reply.json()["events"][0]["outcome"], "fail", "{}", reply.text());
    assert!(!reply.text().contains(&one) && !reply.text().contains(&other), "{}", reply.text());
    let seen = rig.plan(&two).await.to_string();
    assert!(seen.contains(&one) && seen.contains(&other), "{seen}");
}

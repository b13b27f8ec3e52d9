//! What is not signed, and what cannot be understood: refused with pointers, or kept as a dead letter; never half applied.

use super::{Rig, SECRET, event, insurgo, rosa, signed_at};
use crate::support::{TestApp, key};
use aws_lc_rs::hmac;
use serde_json::{Value, json};

const OTHER: &str = "whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXI=";
const PATH: &str = "/v1/sources/insurgo/events";

#[actix_web::test]
async fn only_the_sources_signature_counts() {
    let keys = format!("[{}]", key("all", "all", &["read", "write", "admin"], &[]));
    let rig = Rig::with("", &[("auth.keys", &keys)]).await;
    let body = event("e1", "contact.created", 0, rosa(json!({}))).to_string();
    let send = async |client: crate::support::Client, path: &str| {
        client.send("POST", path, Some(body.clone().into_bytes())).await
    };
    let client = &rig.app.client;
    let plain = client.with("content-type", "application/json");
    send(plain.clone(), PATH).await.assert_problem(401, "unauthenticated");
    for (secret, id, signed, ago) in
        [(OTHER, "m1", &*body, 0), (SECRET, "m1", "{}", 0), (SECRET, "m1", &body, 3_600), (SECRET, "m1", &body, -3_600)]
    {
        let client = signed_at(client, secret, id, signed, ago);
        send(client.clone(), PATH).await.assert_problem(401, "unauthenticated");
        send(client, "/v1/sources/nowhere/events").await.assert_problem(401, "unauthenticated");
    }
    let good = signed_at(client, SECRET, "m1", &body, 0);
    send(good.clone(), "/v1/sources/nowhere/events").await.assert_problem(401, "unauthenticated");
    assert_eq!(client.with("x-api-key", "all").get("/v1/sources").await.json()["items"][0]["pending"], 0);
    assert_eq!(send(good, PATH).await.status, 202);
    assert_eq!(send(plain.with("x-api-key", "all"), PATH).await.json()["duplicates"], 1);
}

#[actix_web::test]
async fn a_secret_is_changed_without_a_gap() {
    let systems = insurgo("").replace(&format!("['{SECRET}']"), &format!("['{OTHER}', '{SECRET}']"));
    let app = TestApp::with(&[("sources.systems", &systems)]).await;
    for (n, secret) in [SECRET, OTHER].into_iter().enumerate() {
        let body = event(&format!("e{n}"), "ignored.type", 0, json!({})).to_string();
        let client = signed_at(&app.client, secret, &format!("m{n}"), &body, 0);
        let reply = client.send("POST", PATH, Some(body.into_bytes())).await;
        assert_eq!(reply.status, 202, "{}", reply.text());
    }
}

#[actix_web::test]
async fn a_plain_hmac_header_serves_as_well() {
    let systems = "[{ name = 'insurgo', preset = 'insurgo', signature = 'hmac-sha256', secrets = ['a-plain-shared-secret-of-ours'], \
                   signature_header = 'x-hub-signature-256', signature_prefix = 'sha256=' }]";
    let app = TestApp::with(&[("sources.systems", systems)]).await;
    let body = event("e1", "ignored.type", 0, json!({})).to_string();
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"a-plain-shared-secret-of-ours"), body.as_bytes());
    let digits = ghl_enrich::domain::hex::hex(mac.as_ref());
    for (signature, status) in
        [(format!("sha256={digits}"), 202), (digits.clone(), 401), (format!("sha256={}", "0".repeat(64)), 401)]
    {
        let client = app.client.with("content-type", "application/json").with("x-hub-signature-256", &signature);
        assert_eq!(client.send("POST", PATH, Some(body.clone().into_bytes())).await.status, status, "{signature}");
    }
}

/// Payloads that cannot be understood, and where.
fn bad() -> Vec<(Value, &'static str)> {
    let of_contact = |data: Value| event("bad", "contact.created", 0, data);
    let of_task = |more: Value| {
        let mut data = json!({"taskId": "t", "contactId": "c", "title": "Call"});
        data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event("bad", "task.created", 0, data)
    };
    let mut without_type = of_contact(rosa(json!({})));
    without_type.as_object_mut().unwrap().remove("type");
    let mut bad_time = of_contact(rosa(json!({})));
    bad_time["occurredAt"] = json!("2026-02-30T00:00:00Z");
    vec![
        (of_contact(json!({"email": 5, "contactId": "c"})), "/data/email"),
        (of_contact(json!({"email": ["a@b.example"], "contactId": "c"})), "/data/email"),
        (of_contact(json!({"contactId": {"a": 1}, "email": "a@b.example"})), "/data/contactId"),
        (of_contact(json!({"contactId": "c", "phone": "call me maybe"})), "/data/phone"),
        (of_contact(json!({"contactId": "c", "phone": "12"})), "/data/phone"),
        (of_contact(json!({"contactId": "x".repeat(300), "email": "a@b.example"})), "/data/contactId"),
        (of_task(json!({"taskId": null})), "/data/taskId"),
        (of_task(json!({"dueDate": "the day after"})), "/data/dueDate"),
        (of_task(json!({"dueDate": "2027-13-45T09:00:00Z"})), "/data/dueDate"),
        (of_task(json!({"status": "somewhere between"})), "/data/status"),
        (without_type, "/type"),
        (bad_time, "/occurredAt"),
        (json!("an event"), ""),
        (json!(7), ""),
    ]
}

#[actix_web::test]
async fn what_cannot_be_understood_is_refused_with_pointers_and_nothing_of_it_is_taken() {
    let rig = Rig::start().await;
    let good = event("good", "contact.created", 0, rosa(json!({})));
    for (bad, pointer) in bad() {
        let reply = rig.push(&json!([good, bad])).await;
        let problem = reply.assert_problem(422, "validation-failed");
        let found =
            problem["errors"].as_array().unwrap().iter().any(|error| error["pointer"] == format!("/1{pointer}"));
        assert!(found, "{bad}: {problem}");
    }
    for text in ["", "{", "[{}", "nonsense", "{\"id\":1,\"id\":2}", "\u{0}"] {
        rig.post(text, "").await.assert_problem(400, "malformed-body");
    }
    rig.push(&json!(vec![good; 1_001])).await.assert_problem(422, "validation-failed");
    rig.post(&"x".repeat(1_048_577), "").await.assert_problem(413, "body-too-large");
    let long = rosa(json!({"lastName": "x".repeat(1_000_000)}));
    let reply = rig.push(&event("long", "contact.created", 0, long)).await;
    assert_eq!(reply.status, 422, "{}", reply.text());
    assert!(reply.body.len() < 10_000, "what was sent is not sent back");
    let report = rig.report().await;
    assert_eq!((&report["pending"], &report["failed"], rig.writes().len()), (&json!(0), &json!(0), 0), "{report}");
}

#[actix_web::test]
async fn or_it_is_kept_as_a_dead_letter_with_the_reason() {
    let rig = Rig::with(", bad_events = 'dead-letter'", &[]).await;
    // What is no object has no place for an event to be: that is refused all the same.
    let bad: Vec<_> = bad().into_iter().filter(|(bad, _)| bad.is_object()).collect();
    let count = bad.len();
    for (number, (mut bad, pointer)) in bad.into_iter().enumerate() {
        let good = rosa(json!({"contactId": format!("ins-{number}"), "email": format!("c{number}@source.example")}));
        let good_id = format!("good-{number}");
        bad["id"] = json!(format!("bad-{number}"));
        let reply = rig.push(&json!([bad, event(&good_id, "contact.created", 0, good)])).await;
        assert_eq!((reply.status, &reply.json()["accepted"]), (202, &json!(2)), "{bad}: {}", reply.text());
        assert_eq!(rig.fate(&good_id).await["fate"], "applied", "{bad}");
        let id = reply.json()["events"][0]["eventId"].as_str().unwrap().to_owned();
        let told = rig.fate(&id).await;
        assert_eq!((&told["fate"], &told["replayable"]), (&json!("failed"), &json!(true)), "{bad}: {told}");
        assert!(told["detail"].as_str().unwrap().contains(pointer), "{bad}: {told}");
    }
    assert_eq!(rig.report().await["failed"], count);
    assert_eq!(rig.writes(), vec!["contact_create"; count]);
}

#[actix_web::test]
async fn a_dead_letter_makes_way_for_the_same_event_once_it_is_corrected() {
    let rig = Rig::with(", bad_events = 'dead-letter'", &[]).await;
    let bad = event("e1", "contact.created", 0, rosa(json!({"phone": "call me maybe"})));
    assert_eq!(rig.told(&bad).await["fate"], "failed");
    let again = rig.push(&bad).await.json();
    assert_eq!((&again["accepted"], &again["duplicates"]), (&json!(0), &json!(1)), "it is no better: {again}");
    let good = event("e1", "contact.created", 0, rosa(json!({"phone": "+14155550100"})));
    assert_eq!(rig.plan(&good).await["events"][0]["outcome"], "apply");
    let told = rig.apply(good.clone()).await;
    assert_eq!((&told["duplicates"], &told["kind"]), (&json!(0), &json!("contact-created")), "{told}");
    assert_eq!(rig.push(&good).await.json()["duplicates"], 1);
    assert_eq!(rig.push(&bad).await.json()["duplicates"], 1, "what was understood does not make way");
    assert_eq!(
        (rig.report().await["failed"].clone(), rig.held("rosa@source.example").text("phone")),
        (json!(0), "+14155550100")
    );
}

#[actix_web::test]
async fn a_dead_letter_that_was_forgotten_by_request_makes_way_for_nothing() {
    let rig = Rig::with(", bad_events = 'dead-letter'", &[]).await;
    rig.apply(event("e1", "contact.created", 0, rosa(json!({})))).await;
    let bad = event("e2", "contact.updated", 1, rosa(json!({"phone": "call me maybe"})));
    assert_eq!(rig.told(&bad).await["fate"], "failed");
    let id = rig.held("rosa@source.example").id();
    assert_eq!(rig.app.client.delete(&format!("/v1/contacts/{id}/data")).await.status, 200);
    assert_eq!(rig.event("e2").await["replayable"], false, "it went with its contact");
    let good = event("e2", "contact.updated", 1, rosa(json!({"phone": "+14155550100"})));
    assert_eq!(rig.plan(&good).await["events"][0]["outcome"], "nothing");
    assert_eq!(rig.push(&good).await.json()["duplicates"], 1);
}

#[actix_web::test]
async fn a_type_that_is_not_known_is_passed_over_and_told() {
    let rig = Rig::start().await;
    let told = rig.told(&event("e1", "policy.renewed", 0, rosa(json!({})))).await;
    assert_eq!(told["fate"], "ignored");
    assert!(told["detail"].as_str().unwrap().contains("policy.renewed"), "{told}");
    assert!(rig.writes().is_empty());
}

#[actix_web::test]
async fn a_full_store_sends_the_source_away_for_a_while() {
    let rig = Rig::with("", &[("sources.max_pending", "2")]).await;
    let notes = |from: usize| -> Value {
        let note = |n: usize| event(&format!("n{n}"), "note.added", 0, json!({"contactId": "nobody", "notes": "x"}));
        (from..from + 2).map(note).collect()
    };
    assert_eq!(rig.push(&notes(0)).await.status, 202);
    let reply = rig.push(&notes(2)).await;
    reply.assert_problem(429, "too-many-requests");
    assert!(reply.header("retry-after").is_some());
    let gone = rig.app.get("/v1/sources/insurgo/events/n2").await;
    gone.assert_problem(404, "not-found");
}

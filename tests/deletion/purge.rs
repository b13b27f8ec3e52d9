//! Everything in every place, and then nothing.

use super::{House, MARK, counts, forgotten, holding};
use crate::support::{TestApp, eventually};
use ghl_sandbox::{Fault, FaultAction};
use serde_json::{Value, json};
use std::time::Duration;

/// Leaves something marked of a contact wherever something is kept.
async fn fill(house: &House, number: u32) -> String {
    let contact = house.person(number).await;
    house.app.profile(&contact).await;
    for note in 0..30 {
        let text = format!("{number}-{note}{}", "y".repeat(note * 200 % 5000));
        let body = json!({ "body": format!("{MARK} {text}") });
        let key = format!("note-{number}-{note}");
        let path = format!("/v1/contacts/{contact}/notes");
        let made = house.app.client.with("idempotency-key", &key).post(&path, &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
    }
    let path = format!("/v1/contacts/{contact}/enrichment");
    let enriched = house.app.client.with("idempotency-key", &format!("rules-{number}")).post(&path, &json!({})).await;
    assert_eq!(enriched.status, 200, "{}", enriched.text());
    assert!(enriched.text().to_lowercase().contains(&MARK.to_lowercase()), "{}", enriched.text());
    let refusal = json!({ "statusCode": 422, "message": format!("{MARK} cannot be"), "error": "Unprocessable Entity" });
    let action =
        FaultAction::Status { status: 422, body: refusal.to_string(), content_type: "application/json".into() };
    house.app.sandbox.inject(Fault::new("ghl.note_delete", action).times(1));
    let refused = house.app.client.delete(&format!("/v1/contacts/{contact}/notes/n1")).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    contact
}

#[actix_web::test]
async fn a_contact_is_forgotten_everywhere() {
    let mut house = House::new("forgotten").await;
    let contact = fill(&house, 1).await;
    assert!(!holding(&house.folder, MARK).is_empty(), "it is kept before");
    let operations = house.app.get(&format!("/v1/operations?contactId={contact}&limit=200")).await.json();
    let all = operations["items"].as_array().unwrap().len();
    let receipt = house.forget(&contact).await;
    assert_eq!(receipt["contactId"], contact.as_str());
    assert_eq!(receipt["cacheEntries"], 1);
    assert_eq!(receipt["operations"], json!({ "erased": all, "cancelled": 0, "running": 0 }));
    assert_eq!(receipt["idempotencyKeys"], 32, "the contact's, the notes' and the rules'");
    assert_eq!(receipt["auditPayloads"], all, "each was accepted once");
    assert_eq!(holding(&house.folder, MARK), Vec::<String>::new(), "while it runs");
    let (entries, _) = house.app.parts.profiles.held();
    assert_eq!(entries, 0);

    for shown in operations["items"].as_array().unwrap() {
        let left = house.operation(shown["id"].as_str().unwrap()).await;
        assert!(left["erasedAt"].is_string() && left["result"].is_null() && left["problem"].is_null(), "{left}");
        for kept in ["id", "kind", "state", "contactId", "createdAt", "attempts", "requestedBy"] {
            assert_eq!(left[kept], shown[kept], "{kept}");
        }
    }
    let again = house.forget(&contact).await;
    assert_eq!(counts(&again), [], "{again}");
    let told = house.log("event=erased").await;
    assert_eq!(told.len(), 2);
    assert_eq!(told[1]["contactId"], contact.as_str());
    assert_eq!(told[1]["payload"]["operations"]["erased"], all);
    assert_eq!(told[1]["payload"]["cacheEntries"], 1);

    house.app.stop().await.unwrap();
    assert_eq!(holding(&house.folder, MARK), Vec::<String>::new(), "and when it has stopped");
}

#[actix_web::test]
async fn a_location_is_forgotten_everywhere() {
    let mut house = House::new("location").await;
    for number in 1..=3 {
        fill(&house, number).await;
    }
    let path = "/v1/locations/sandboxLocation00001";
    let receipt = forgotten(&house.app.client.delete(path).await);
    assert_eq!((&receipt["contactId"], &receipt["cacheEntries"]), (&Value::Null, &json!(3)));
    assert!(receipt["operations"]["erased"].as_u64() >= Some(96), "{receipt}");
    let again = forgotten(&house.app.client.delete(path).await);
    assert_eq!(counts(&again), [], "{again}");
    house.app.stop().await.unwrap();
    assert_eq!(holding(&house.folder, MARK), Vec::<String>::new());
}

#[actix_web::test]
async fn a_request_that_comes_again_is_told_and_writes_nothing() {
    let house = House::new("again").await;
    let contact = fill(&house, 1).await;
    let path = format!("/v1/contacts/{contact}/notes");
    let body = json!({ "body": format!("{MARK} again") });
    let client = house.app.client.with("idempotency-key", "once");
    let first = client.post(&path, &body).await;
    let calls = house.app.calls("ghl.note_create");
    house.forget(&contact).await;
    for body in [body, json!({ "body": "another" })] {
        let reply = client.post(&path, &body).await;
        let problem = reply.assert_problem(409, "operation-conflict");
        assert!(problem["detail"].as_str().unwrap().contains("forgotten"), "{problem}");
        assert_eq!(reply.header("operation-id"), first.header("operation-id"));
    }
    let rules = house.app.client.with("idempotency-key", "rules-1");
    let reply = rules.post(&format!("/v1/contacts/{contact}/enrichment"), &json!({})).await;
    reply.assert_problem(409, "operation-conflict");
    assert_eq!(house.app.calls("ghl.note_create"), calls);
    let failed = house.app.get(&format!("/v1/operations?contactId={contact}&state=failed")).await.json();
    let id = failed["items"][0]["id"].as_str().unwrap();
    let reply = house.app.client.post(&format!("/v1/operations/{id}/retry"), &json!({})).await;
    reply.assert_problem(409, "operation-conflict");
}

#[actix_web::test]
async fn what_waits_is_cancelled_and_its_client_told() {
    let house =
        House::with("waits", &[("operations.retry_base_ms", "60000"), ("operations.retry_cap_ms", "60000")]).await;
    let contact = house.person(1).await;
    house.app.sandbox.inject(Fault::new("ghl.note_create", FaultAction::Reset));
    let (client, path) = (house.app.client.with("prefer", "respond-async"), format!("/v1/contacts/{contact}/notes"));
    let first = client.post(&path, &json!({ "body": MARK })).await.json()["id"].as_str().unwrap().to_owned();
    eventually("the first attempt", || house.app.calls("ghl.note_create") == 1).await;
    let second = house.app.client.with("prefer", "wait=10");
    let body = json!({ "body": format!("{MARK} behind it") });
    let waiting = async {
        let reply = second.post(&path, &body).await;
        reply.assert_problem(409, "operation-conflict");
    };
    let forgetting = async {
        // Both are in the store, and the first rests until its next attempt.
        let open = "/v1/operations?state=pending&state=running";
        crate::support::until("both wait", Duration::from_secs(10), async || {
            let open = house.app.get(open).await.json();
            let states: Vec<_> = open["items"].as_array().unwrap().iter().map(|one| one["state"].clone()).collect();
            (states == ["pending", "pending"]).then_some(())
        })
        .await;
        house.forget(&contact).await
    };
    let ((), receipt) = futures_util::future::join(waiting, forgetting).await;
    assert_eq!(receipt["operations"]["cancelled"], 2, "{receipt}");
    assert_eq!(house.operation(&first).await["state"], "cancelled");
    assert_eq!(house.log(&format!("operationId={first}&event=cancelled")).await.len(), 1);
    assert_eq!(house.app.calls("ghl.note_create"), 1, "nothing is tried again");
    assert_eq!(holding(&house.folder, MARK), Vec::<String>::new());
}

#[actix_web::test]
async fn what_is_under_way_is_forgotten_when_it_ends() {
    let mut house = House::new("under-way").await;
    let contact = house.person(1).await;
    house.app.sandbox.inject(Fault::new("ghl.note_create", FaultAction::Latency(Duration::from_millis(700))));
    let client = house.app.client.with("prefer", "respond-async");
    let accepted = client.post(&format!("/v1/contacts/{contact}/notes"), &json!({ "body": MARK })).await;
    let id = accepted.json()["id"].as_str().unwrap().to_owned();
    crate::support::until("it runs", Duration::from_secs(10), async || {
        (house.operation(&id).await["state"] == "running").then_some(())
    })
    .await;
    let receipt = house.forget(&contact).await;
    assert_eq!(receipt["operations"]["running"], 1, "{receipt}");
    assert!(house.operation(&id).await["erasedAt"].is_string());
    crate::support::until("it has ended", Duration::from_secs(10), async || {
        (house.operation(&id).await["state"] == "done").then_some(())
    })
    .await;
    let left = house.operation(&id).await;
    assert!(left["result"].is_null() && left["erasedAt"].is_string(), "{left}");
    house.app.stop().await.unwrap();
    assert_eq!(holding(&house.folder, MARK), Vec::<String>::new());
}

#[actix_web::test]
async fn a_load_under_way_does_not_bring_it_back() {
    let house = House::new("load").await;
    let contact = house.person(1).await;
    house.app.sandbox.inject(Fault::new("ghl.*", FaultAction::Latency(Duration::from_millis(300))));
    let reading = house.app.get(&format!("/v1/contacts/{contact}/profile")).await;
    assert_eq!(reading.status, 200);
    house.app.advance(400);
    let path = format!("/v1/contacts/{contact}/profile?maxAge=0");
    let reading = async {
        let reply = house.app.get(&path).await;
        assert_eq!(reply.status, 200, "who waits is answered: {}", reply.text());
    };
    let forgetting = async {
        eventually("the load runs", || house.app.parts.profiles.loads_under_way() > 0).await;
        house.forget(&contact).await
    };
    let ((), receipt) = futures_util::future::join(reading, forgetting).await;
    assert_eq!(receipt["cacheEntries"], 1, "{receipt}");
    assert_eq!(house.app.parts.profiles.held().0, 0);
}

#[actix_web::test]
async fn without_a_store_memory_is_forgotten() {
    let app = TestApp::with(&[("store.url", "")]).await;
    app.profile(crate::support::SHOWCASE).await;
    let receipt = forgotten(&app.client.delete("/v1/locations/sandboxLocation00001").await);
    assert_eq!(counts(&receipt), [("cacheEntries".to_owned(), 1), ("taskIds".to_owned(), 2)], "its contact, its tasks");
    app.profile(crate::support::SHOWCASE).await;
    assert_eq!(app.calls("ghl.contact"), 2, "it is fetched anew");
}

//! The list of events: filters, pages, who may see it, and replay.

use super::{Rig, event};
use crate::support::{LOCATION, SHOWCASE, key};
use serde_json::{Value, json};

fn ids(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|event| event["webhookId"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn the_list_is_filtered_paged_and_free_of_personal_data() {
    let rig = Rig::start().await;
    rig.cost(SHOWCASE).await;
    rig.told(&event("ContactUpdate", "w1", json!({"firstName": "Secretname"}))).await;
    rig.told(&event("NoteCreate", "w2", json!({"id": "n1", "contactId": SHOWCASE, "body": "Secretname"}))).await;
    rig.told(&event("InvoicePaid", "w3", json!({}))).await;
    let get = async |query: &str| {
        let reply = rig.app.get(&format!("/v1/webhooks/events{query}")).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert!(!reply.text().contains("Secretname"));
        reply.json()
    };
    assert_eq!(ids(&get("").await), ["w3", "w2", "w1"]);
    assert_eq!(ids(&get("?type=InvoicePaid").await), ["w3"]);
    assert_eq!(ids(&get("?fate=applied").await), ["w2", "w1"]);
    assert_eq!(ids(&get("?fate=ignored,failed").await), ["w3"]);
    assert_eq!(ids(&get(&format!("?contactId={SHOWCASE}&type=NoteCreate")).await), ["w2"]);
    assert_eq!(ids(&get("?until=2020-01-01T00:00:00Z").await), Vec::<&str>::new());
    assert_eq!(ids(&get("?since=2020-01-01T00:00:00Z&locationId=other").await), Vec::<&str>::new());
    let first = get("?limit=2").await;
    let cursor = first["nextCursor"].as_str().unwrap();
    assert_eq!((ids(&first), ids(&get(&format!("?limit=2&cursor={cursor}")).await)), (vec!["w3", "w2"], vec!["w1"]));
    for bad in ["?fate=done", "?since=today", "?type=", "?limit=0", "?cursor=AAAA"] {
        let reply = rig.app.get(&format!("/v1/webhooks/events{bad}")).await;
        reply.assert_problem(400, "invalid-parameter");
    }
}

#[actix_web::test]
async fn a_key_sees_and_replays_the_events_of_its_locations_alone() {
    let keys = format!(
        "[{}, {}, {}]",
        key("all", "all", &["admin"], &[]),
        key("other", "other", &["admin"], &["sandboxLocation00002"]),
        key("reader", "reader", &["read", "write"], &[]),
    );
    let rig = Rig::with(&[("auth.keys", &keys)]).await;
    // GHL has no key, only its signature.
    assert_eq!(rig.send(&event("ContactUpdate", "w1", json!({}))).await.status, 200);
    let client = |key: &str| rig.app.client.with("x-api-key", key);
    assert_eq!(ids(&client("all").get("/v1/webhooks/events").await.json()), ["w1"]);
    assert_eq!(ids(&client("other").get("/v1/webhooks/events").await.json()), Vec::<&str>::new());
    let of_another = format!("/v1/webhooks/events?locationId={LOCATION}");
    client("other").get(&of_another).await.assert_problem(403, "forbidden");
    client("other").get("/v1/webhooks/events/w1").await.assert_problem(404, "not-found");
    client("other").send("POST", "/v1/webhooks/events/w1/replay", None).await.assert_problem(404, "not-found");
    client("reader").get("/v1/webhooks/events").await.assert_problem(403, "forbidden");
    rig.app.get("/v1/webhooks/events").await.assert_problem(401, "unauthenticated");
}

#[actix_web::test]
async fn a_replay_applies_the_event_again_whatever_is_held() {
    let rig = Rig::start().await;
    rig.cost(SHOWCASE).await;
    rig.told(&event("ContactUpdate", "w1", json!({}))).await;
    assert_eq!(rig.cost(SHOWCASE).await[0], 1);
    let replay = async |id: &str| rig.app.client.send("POST", &format!("/v1/webhooks/events/{id}/replay"), None).await;
    let reply = replay("w1").await;
    assert_eq!((reply.status, &reply.json()["fate"]), (200, &json!("pending")), "{}", reply.text());
    let told = rig.fate("w1").await;
    assert_eq!((&told["fate"], &told["replays"]), (&json!("applied"), &json!(1)), "{told}");
    assert_eq!(rig.cost(SHOWCASE).await[0], 1);
    replay("nowhere").await.assert_problem(404, "not-found");
}

#[actix_web::test]
async fn without_its_body_an_event_cannot_be_replayed() {
    let rig = Rig::with(&[("webhooks.keep_bodies_hours", "0")]).await;
    assert_eq!(rig.told(&event("ContactUpdate", "w1", json!({}))).await["replayable"], false);
    let reply = rig.app.client.send("POST", "/v1/webhooks/events/w1/replay", None).await;
    reply.assert_problem(409, "operation-conflict");
}

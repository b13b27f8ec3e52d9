//! The control API: free of authentication, never counted.

use ghl_sandbox::{Fault, FaultAction};
use serde_json::json;

use super::support::{HERE, OLIVIA, start};

#[tokio::test]
async fn calls_are_counted_by_name_and_control_is_not() {
    let client = start().await;
    let free = client.token(None).version(None);
    client.get(&format!("/contacts/{OLIVIA}")).await.expect(200);
    client.get("/contacts/nobody").await.expect(400);
    client.get(&format!("/contacts/{OLIVIA}/notes")).await.expect(200);
    free.get("/lite/8.8.8.8?token=sandboxipinfo1").await.expect(200);
    let body = free.get("/__sandbox/calls").await.expect(200);
    assert_eq!(body["counts"], json!({"ghl.contact": 2, "ghl.notes": 1, "ipinfo.lite": 1}));
    assert_eq!((&body["total"], &body["rateLimited"]), (&json!(4), &json!(0)));
    let calls = client.sandbox.calls();
    assert_eq!((calls.count("ghl.contact"), calls.count("ghl.*"), calls.count("ghl.task")), (2, 3, 0));
    free.get("/__sandbox/").await.expect(200);
    free.get("/__sandbox/nonsense").await.expect(404);
    assert_eq!(client.sandbox.calls().total(), 4);
}

#[tokio::test]
async fn reset_goes_back_to_the_seed() {
    let client = start().await;
    let path = format!("/contacts/{OLIVIA}");
    let before = client.get(&path).await.expect(200)["contact"].clone();
    client.put(&path, json!({"city": "Elsewhere"})).await.expect(200);
    client.post(&format!("{path}/notes"), json!({"body": "x"})).await.expect(201);
    client.delete("/contacts/sandboxVpn0000000001").await.expect(200);
    client.sandbox.inject(Fault::new("*", FaultAction::Html502));
    client.post("/__sandbox/clock", json!({"advanceSeconds": 3600.5})).await.expect(200);
    client.get(&path).await.expect(502);
    client.post("/__sandbox/reset", json!({})).await.expect(200);
    assert_eq!(client.sandbox.calls().total(), 0);
    assert_eq!(client.get("/__sandbox/clock").await.expect(200)["offsetMs"], 0);
    assert_eq!(client.get(&path).await.expect(200)["contact"], before);
    client.get("/contacts/sandboxVpn0000000001").await.expect(200);
}

#[tokio::test]
async fn faults_come_and_go_over_http() {
    let client = start().await;
    let fault = json!({"endpoint": "ghl.contact", "times": 1, "action": {"kind": "status", "status": 401,
        "body": "{\"message\":\"Command timed out\"}"}});
    client.post("/__sandbox/faults", fault).await.expect(200);
    assert_eq!(client.get(&format!("/contacts/{OLIVIA}")).await.message(401), "Command timed out");
    client.get(&format!("/contacts/{OLIVIA}")).await.expect(200);
    let list = json!([{"endpoint": "*", "action": {"kind": "tooManyRequests"}}, {"endpoint": "*", "action": {"kind": "latency", "ms": 1}}]);
    client.post("/__sandbox/faults", list).await.expect(200);
    assert_eq!(client.get("/__sandbox/faults").await.expect(200).as_array().map(Vec::len), Some(2));
    client.get(&format!("/contacts/{OLIVIA}")).await.expect(429);
    assert_eq!(client.sandbox.calls().rate_limited(), 0, "an injected 429 was not provoked");
    client.delete("/__sandbox/faults").await.expect(200);
    client.get(&format!("/contacts/{OLIVIA}")).await.expect(200);
    for bad in [json!({}), json!({"endpoint": "*", "action": {"kind": "explode"}}), json!(7)] {
        client.post("/__sandbox/faults", bad).await.expect(400);
    }
    client.post("/__sandbox/clock", json!({"advanceSeconds": -1})).await.expect(400);
}

#[tokio::test]
async fn contacts_and_policy_can_be_seen_and_set() {
    let client = start().await;
    let body = client.get(&format!("/__sandbox/contacts?locationId={HERE}")).await.expect(200);
    let rows = body["contacts"].as_array().expect("contacts");
    assert_eq!(rows.len(), 200);
    let olivia = rows.iter().find(|row| row["id"] == OLIVIA).expect("Olivia");
    assert_eq!((&olivia["name"], &olivia["ip"]), (&json!("Olivia Hartley"), &json!("58.111.106.198")));
    let policy = json!({"allowDuplicateContact": true});
    client.post(&format!("/__sandbox/locations/{HERE}"), policy).await.expect(200);
    let location = client.get(&format!("/locations/{HERE}")).await.expect(200);
    assert_eq!(location["location"]["settings"]["allowDuplicateContact"], true);
    client.post("/__sandbox/locations/none", json!({})).await.expect(400);
}

//! What is not GHL's, or not as it should be.

use super::{Rig, Signer, event, signed};
use crate::support::{LOCATION, TestApp};
use serde_json::{Value, json};

async fn listed(rig: &Rig) -> usize {
    rig.app.get("/v1/webhooks/events").await.json()["items"].as_array().unwrap().len()
}

#[actix_web::test]
async fn what_ghl_did_not_sign_is_refused_and_nothing_else_happens() {
    let rig = Rig::start().await;
    rig.cost(crate::support::SHOWCASE).await;
    let body = event("ContactUpdate", "w1", json!({})).to_string().into_bytes();
    let other = event("ContactDelete", "w1", json!({})).to_string().into_bytes();
    let good = rig.signer.sign(&body);
    let foreign = Signer::new().sign(&body);
    for (body, signature) in [
        (&body, ""),
        (&body, "N/A"),
        (&body, &good[..good.len() - 4]),
        (&body, &good[..20]),
        (&body, "not base64 at all"),
        (&body, &*foreign),
        (&other, &*good),
        (&b"".to_vec(), &*good),
    ] {
        rig.deliver(body, signature).await.assert_problem(401, "unauthenticated");
    }
    let unsigned = rig.app.client.with("content-type", "application/json");
    unsigned.send("POST", "/webhooks/ghl", Some(body.clone())).await.assert_problem(401, "unauthenticated");
    // The retired header counts only where a setting admits it.
    let retired = unsigned.with("x-wh-signature", &good).send("POST", "/webhooks/ghl", Some(body)).await;
    retired.assert_problem(401, "unauthenticated");
    assert_eq!((listed(&rig).await, rig.cost(crate::support::SHOWCASE).await), (0, [0; 5]));
}

#[actix_web::test]
async fn a_body_of_ten_megabytes_is_refused_before_it_is_read() {
    let rig = Rig::start().await;
    let large = vec![b' '; 10 * 1024 * 1024];
    let signature = rig.signer.sign(&large);
    rig.deliver(&large, &signature).await.assert_problem(413, "body-too-large");
    // Without a length, too: read as far as the bound.
    let mut chunked = format!("{:x}\r\n", large.len()).into_bytes();
    chunked.extend(large);
    let client = signed(&rig.app.client, &signature).with("transfer-encoding", "chunked");
    client.send_raw("POST", "/webhooks/ghl", &chunked).await.assert_problem(413, "body-too-large");
    assert_eq!(listed(&rig).await, 0);
}

#[actix_web::test]
async fn what_is_signed_and_means_nothing_is_recorded_and_ignored() {
    let rig = Rig::start().await;
    for (id, changes, detail) in [
        ("u1", json!({"type": "InvoicePaid"}), "unknown-type"),
        ("u2", json!({"type": "PLAN_CHANGE"}), "no-effect"),
        ("u3", json!({"locationId": "nobodysLocation00001"}), "unknown-location"),
        ("u4", json!({"locationId": null}), "no-location"),
        ("u5", json!({"id": "../../admin"}), "no-contact"),
        ("u6", json!({}), "nothing-held"),
        ("u7", json!({"type": "INSTALL", "companyId": "c1"}), "no-effect"),
    ] {
        let told = rig.told(&event("ContactUpdate", id, changes)).await;
        assert_eq!((&told["fate"], &told["detail"]), (&json!("ignored"), &json!(detail)), "{told}");
    }
    for body in [&b"[]"[..], b"not json", b"", b"{\"type\":\"ContactUpdate\"}"] {
        let reply = rig.deliver(body, &rig.signer.sign(body)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    assert_eq!(listed(&rig).await, 11);
    // The same body without an id is the same event.
    rig.deliver(b"[]", &rig.signer.sign(b"[]")).await;
    assert_eq!(listed(&rig).await, 11);
}

#[actix_web::test]
async fn an_event_outside_the_window_is_recorded_and_not_applied() {
    let rig = Rig::with(&[("webhooks.window_seconds", "3600")]).await;
    rig.cost(crate::support::SHOWCASE).await;
    for (id, timestamp) in [("old", "2020-01-01T00:00:00.000Z"), ("early", "2099-01-01T00:00:00.000Z")] {
        let told = rig.told(&event("ContactUpdate", id, json!({"timestamp": timestamp}))).await;
        assert_eq!((&told["fate"], &told["eventAt"]), (&json!("expired"), &json!(timestamp.replace(".000", ""))));
    }
    assert_eq!(rig.cost(crate::support::SHOWCASE).await, [0; 5]);
}

#[actix_web::test]
async fn without_webhooks_there_is_no_such_route() {
    for changes in [("webhooks.enabled", "false"), ("store.url", "")] {
        let app = TestApp::with(&[changes]).await;
        let body: Value = json!({"type": "ContactUpdate", "locationId": LOCATION});
        app.client.post("/webhooks/ghl", &body).await.assert_problem(404, "not-found");
        app.get("/v1/webhooks/events").await.assert_problem(404, "not-found");
    }
}

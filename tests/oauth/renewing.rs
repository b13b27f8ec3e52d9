//! Tokens that expire, are revoked, or are refused.

use super::{connect, ghl, service};
use crate::support::{LOCATION, SHOWCASE, until};
use futures_util::future::join_all;
use serde_json::json;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(25 * 3_600);

#[actix_web::test]
async fn five_hundred_requests_that_meet_an_expired_token_cost_one_refresh() {
    let app = service(&[]).await;
    connect(&app.client, &ghl(&app), "").await;
    // By GHL's clock alone, so that each of them meets the 401.
    app.sandbox.advance_clock(DAY);
    let path = format!("/v1/contacts/{SHOWCASE}");
    let replies = join_all((0..500).map(|_| app.get(&path))).await;
    assert!(replies.iter().all(|reply| reply.status == 200), "{:?}", replies.iter().find(|reply| reply.status != 200));
    assert_eq!(app.calls("oauth.token_refresh"), 1);
    // By ours, too: nobody calls GHL with a token that is known to be dead.
    app.sandbox.advance_clock(DAY);
    app.advance(25 * 3_600);
    let replies = join_all((0..500).map(|_| app.get(&path))).await;
    assert!(replies.iter().all(|reply| reply.status == 200), "{:?}", replies.iter().find(|reply| reply.status != 200));
    assert_eq!(app.calls("oauth.token_refresh"), 2);
}

#[actix_web::test]
async fn a_write_meets_an_expired_token_and_is_done_once() {
    let app = service(&[]).await;
    connect(&app.client, &ghl(&app), "").await;
    app.sandbox.advance_clock(DAY);
    let reply = app.client.post(&format!("/v1/contacts/{SHOWCASE}/notes"), &json!({"body": "one note"})).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(app.sandbox.writes().len(), 1);
}

#[actix_web::test]
async fn a_refused_refresh_is_mended_by_reconnecting() {
    for status in [400, 401] {
        let app = service(&[]).await;
        connect(&app.client, &ghl(&app), "").await;
        app.sandbox.set_refresh_refusal(status);
        app.sandbox.revoke(LOCATION);
        let reply = app.get(&format!("/v1/contacts/{SHOWCASE}")).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(app.calls("oauth.reconnect"), 1);
        assert_eq!(app.get(&format!("/v1/locations/{LOCATION}")).await.json()["state"], "connected");
    }
}

#[actix_web::test]
async fn an_uninstalled_location_is_disconnected_and_left_alone_until_it_is_connected_again() {
    let app = service(&[]).await;
    connect(&app.client, &ghl(&app), "").await;
    app.sandbox.uninstall(LOCATION);
    let path = format!("/v1/contacts/{SHOWCASE}");
    assert_eq!(app.get(&path).await.assert_problem(502, "upstream-unauthorized")["upstream"]["code"], "disconnected");
    let spent = app.calls("oauth.token_refresh") + app.calls("oauth.reconnect") + app.calls("ghl.contact");
    for _ in 0..100 {
        app.get(&path).await.assert_problem(502, "upstream-unauthorized");
    }
    let now = app.calls("oauth.token_refresh") + app.calls("oauth.reconnect") + app.calls("ghl.contact");
    assert_eq!(now, spent, "it is not hammered");
    let location = app.get(&format!("/v1/locations/{LOCATION}")).await.json();
    assert_eq!((&location["state"], &location["lost"]["because"]), (&json!("disconnected"), &json!("refused")));
    let detail = app.admin.get("/readyz").await.text();
    assert!(detail.contains("0 connected, 1 disconnected"), "{detail}");
    connect(&app.client, &ghl(&app), "").await;
    assert_eq!(app.get(&path).await.status, 200);
}

#[actix_web::test]
async fn a_suspended_location_comes_back_without_a_person() {
    let app = service(&[]).await;
    connect(&app.client, &ghl(&app), "").await;
    app.sandbox.set_suspended(LOCATION, true);
    app.sandbox.advance_clock(DAY);
    let path = format!("/v1/contacts/{SHOWCASE}");
    app.get(&path).await.assert_problem(502, "upstream-unauthorized");
    let location = app.get(&format!("/v1/locations/{LOCATION}")).await.json();
    assert_eq!(location["lost"]["because"], "not-active", "{location}");
    app.sandbox.set_suspended(LOCATION, false);
    // Upkeep looks every few seconds; by its clock the hour has passed.
    app.advance(3_600);
    until("the location is back", Duration::from_secs(20), async || (app.get(&path).await.status == 200).then_some(()))
        .await;
}

#[actix_web::test]
async fn the_other_spelling_works_as_well() {
    let app = service(&[("oauth.api_version", "v3")]).await;
    let reply = connect(&app.client, &ghl(&app), "").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    app.sandbox.advance_clock(DAY);
    assert_eq!(app.get(&format!("/v1/contacts/{SHOWCASE}")).await.status, 200);
    app.sandbox.revoke(LOCATION);
    assert_eq!(app.get(&format!("/v1/contacts/{SHOWCASE}")).await.status, 200);
}

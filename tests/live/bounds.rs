//! How many streams there may be, and how they end.

use super::{events_of, open};
use crate::support::{Events, LOCATION, SHOWCASE, TestApp, eventually, key, until};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

async fn open_streams(app: &TestApp) -> Option<u32> {
    let metrics = app.admin.get("/metrics").await.text();
    metrics.lines().find_map(|line| line.strip_prefix("ghl_enrich_live_streams ")).and_then(|count| count.parse().ok())
}

#[actix_web::test]
async fn a_key_has_so_many_streams_and_a_client_that_hangs_up_frees_its_own_at_once() {
    let keys = format!("[{}, {}]", key("one", "1", &["read"], &[]), key("other", "2", &["read"], &[]));
    // No heartbeat finds out who is gone.
    let app = TestApp::with(&[
        ("auth.keys", &keys),
        ("live.max_streams_per_key", "1"),
        ("live.max_streams", "2"),
        ("live.heartbeat_seconds", "600"),
    ])
    .await;
    let (one, other) = (app.client.with("x-api-key", "1"), app.client.with("x-api-key", "2"));
    let (stream, _) = open(&one).await;
    let refused = one.get(&events_of(SHOWCASE)).await;
    refused.assert_problem(429, "too-many-requests");
    assert!(refused.header("retry-after").is_some());
    let _others = open(&other).await;
    assert_eq!(open_streams(&app).await, Some(2));
    drop(stream);
    until("the place is free", Duration::from_secs(10), async || (open_streams(&app).await? == 1).then_some(())).await;
    open(&one).await;
}

#[actix_web::test]
async fn more_streams_than_the_service_keeps_are_refused_whoever_asks() {
    let app = TestApp::with(&[("live.max_streams", "0")]).await;
    app.get(&events_of(SHOWCASE)).await.assert_problem(429, "too-many-requests");
    assert_eq!(app.calls("*"), 0);
}

#[actix_web::test]
async fn a_stream_without_news_says_that_it_lives() {
    let app = TestApp::with(&[("live.heartbeat_seconds", "1")]).await;
    let (mut events, _) = open(&app.client).await;
    for _ in 0..2 {
        assert_eq!(events.block().await.as_deref(), Some(":"));
    }
}

#[actix_web::test]
async fn a_stop_ends_streams_at_once_and_is_not_held() {
    let mut app = TestApp::with(&[("http.drain_ms", "500"), ("http.shutdown_ms", "20000")]).await;
    let (mut events, _) = open(&app.client).await;
    let (client, told) = (app.client.clone(), Instant::now());
    let last = async {
        let last = events.block().await.expect("a last word");
        assert!(last.contains("stopping") && events.block().await.is_none(), "{last}");
        client.get(&events_of(SHOWCASE)).await.assert_problem(503, "shutting-down");
    };
    let (ended, ()) = tokio::join!(app.stop(), last);
    ended.expect("ends well");
    assert!(told.elapsed() < Duration::from_secs(5), "took {:?}", told.elapsed());
}

#[actix_web::test]
async fn a_stream_ends_with_its_token_and_a_token_opens_its_contacts_alone() {
    let app = TestApp::start().await;
    let made = app.client.post("/v1/tokens", &json!({"contacts": [SHOWCASE], "minutes": 1})).await.json();
    let page = app.client.with("authorization", &format!("Bearer {}", made["token"].as_str().unwrap()));
    page.get(&events_of("nobodyAtAll")).await.assert_problem(403, "forbidden");
    app.advance(57);
    let (mut events, _) = open(&page).await;
    let told = Instant::now();
    assert!(events.block().await.unwrap().contains("time is up") && events.block().await.is_none());
    assert!(told.elapsed() < Duration::from_secs(10));
    app.advance(3);
    page.get(&events_of(SHOWCASE)).await.assert_problem(401, "unauthenticated");
}

#[actix_web::test]
async fn what_cannot_be_shown_is_a_problem_and_opens_no_stream() {
    let app = TestApp::start().await;
    app.get(&events_of("nobodyAtAll0000000001")).await.assert_problem(404, "contact-not-found");
    app.get(&format!("{}?include=everything", events_of(SHOWCASE))).await.assert_problem(400, "invalid-parameter");
    app.get(&format!("{}?locationId={LOCATION}x", events_of(SHOWCASE)))
        .await
        .assert_problem(502, "upstream-unauthorized");
    let reply = Events::open(&app.client, &events_of(SHOWCASE)).await;
    assert_eq!(reply.status, 200);
    drop(reply);
    eventually("nothing is loading", || app.parts.profiles.loads_under_way() == 0).await;
    until("all are closed", Duration::from_secs(10), async || (open_streams(&app).await? == 0).then_some(())).await;
}

//! What every request and answer carries: ids, trace context, headers.

use crate::support::{SHOWCASE, TestApp};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

fn profile() -> String {
    format!("/v1/contacts/{SHOWCASE}/profile")
}

#[actix_web::test]
async fn a_well_formed_request_id_is_echoed_and_another_replaced() {
    let app = TestApp::start().await;
    let reply = app.client.with("x-request-id", "deploy-7.trace_1").get("/nowhere").await;
    assert_eq!(reply.header("x-request-id"), Some("deploy-7.trace_1"));
    assert_eq!(reply.json()["requestId"], "deploy-7.trace_1");
    let long = "x".repeat(129);
    for bad in ["a b", "<script>", "", &long] {
        let reply = app.client.with("x-request-id", bad).get("/livez").await;
        let made = reply.header("x-request-id").unwrap();
        assert_eq!(made.len(), 32, "{made}");
    }
    let one = app.get("/livez").await;
    let other = app.get("/livez").await;
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
}

/// What a service sends GHL for one profile asked for with this `traceparent`.
async fn head_sent_upstream(traceparent: &str) -> String {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", upstream.local_addr().unwrap());
    let app = TestApp::with(&[("ghl.base_url", &base)]).await;
    let (client, path) = (app.client.with("traceparent", traceparent), format!("{}?include=contact", profile()));
    let answer = async {
        let (mut stream, _) = upstream.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await.unwrap();
        String::from_utf8(head).unwrap()
    };
    let (reply, head) = tokio::join!(client.get(&path), answer);
    reply.assert_problem(503, "upstream-unavailable");
    head
}

#[actix_web::test]
async fn a_traceparent_goes_on_to_ghl_if_it_is_one() {
    let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    assert!(head_sent_upstream(given).await.contains(&format!("traceparent: {given}\r\n")));
    assert!(!head_sent_upstream("00-nonsense").await.contains("traceparent"));
}

#[actix_web::test]
async fn head_is_get_without_the_body() {
    let app = TestApp::start().await;
    let full = app.get(&profile()).await;
    let head = app.client.send("HEAD", &profile(), None).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("etag"), full.header("etag"));
    assert_eq!(head.header("content-length"), full.header("content-length"));
}

#[actix_web::test]
async fn an_answer_says_how_it_came_about() {
    let app = TestApp::start().await;
    let cold = app.get(&profile()).await;
    assert_eq!(cold.header("cache-status"), Some("ghl-enrich; fwd=miss; stored"));
    let timing = cold.header("server-timing").unwrap();
    for call in ["ghl_", "ipinfo_"] {
        assert!(timing.contains(call), "{timing}");
    }
    assert!(cold.header("cache-control").unwrap().starts_with("private, max-age="), "{cold:?}");
    assert_eq!(cold.header("x-content-type-options"), Some("nosniff"));
    let warm = app.get(&profile()).await;
    assert!(warm.header("cache-status").unwrap().starts_with("ghl-enrich; hit; ttl="), "{warm:?}");
    assert_eq!(warm.header("server-timing"), None);
    let since = app.client.with("if-modified-since", warm.header("last-modified").unwrap()).get(&profile()).await;
    assert_eq!(since.status, 304);
}

#[actix_web::test]
async fn a_poll_of_unchanged_data_is_a_304_however_often_it_was_fetched() {
    let app = TestApp::start().await;
    let first = app.get(&profile()).await;
    let etag = first.header("etag").unwrap();
    assert!(etag.starts_with("W/\""), "{etag}");
    app.advance(400);
    let poll = app.client.with("if-none-match", etag).get(&profile()).await;
    assert_eq!((poll.status, poll.body.len()), (304, 0), "{poll:?}");
    assert_eq!((poll.header("etag"), app.calls("ghl.contact")), (Some(etag), 2));
    let other = app.client.with("if-none-match", "W/\"other\"").get(&profile()).await;
    assert_eq!(other.status, 200);
}

#[actix_web::test]
async fn a_head_out_of_bounds_is_refused() {
    let app = TestApp::start().await;
    let padded = app.client.with("x-padding", &"x".repeat(33 * 1024)).get("/livez").await;
    padded.assert_problem(400, "invalid-parameter");
}

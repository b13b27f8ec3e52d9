//! Every kind of failure, as a client meets it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use ghl_sandbox::{Fault, FaultAction, QuotaProfile, SandboxConfig, tokens};
use serde_json::json;

use super::support::{Client, OLIVIA, start, with};

fn path() -> String {
    format!("/contacts/{OLIVIA}")
}

async fn struck(client: &Client, action: FaultAction) {
    client.sandbox.clear_faults();
    client.sandbox.inject(Fault::new("ghl.contact", action));
}

#[tokio::test]
async fn answers_that_are_wrong() {
    let client = start().await;
    struck(&client, FaultAction::status(503, r#"{"message":"down"}"#)).await;
    assert_eq!(client.get(&path()).await.message(503), "down");
    struck(&client, FaultAction::Html502).await;
    let page = client.get(&path()).await;
    assert_eq!((page.status, page.header("content-type")), (502, "text/html"));
    assert!(page.text.starts_with("<html>"));
    struck(&client, FaultAction::TooManyRequests).await;
    let refused = client.get(&path()).await;
    assert_eq!((refused.header("retry-after"), refused.header("x-ratelimit-remaining")), ("", "0"));
    refused.expect(429);
    struck(&client, FaultAction::EmptyBody).await;
    let empty = client.get(&path()).await;
    assert_eq!((empty.status, empty.text.as_str()), (200, ""));
    struck(&client, FaultAction::Malformed).await;
    let broken = client.get(&path()).await;
    assert!(broken.status == 200 && serde_json::from_str::<serde_json::Value>(&broken.text).is_err());
    struck(&client, FaultAction::HugeBody { bytes: 1_000_000 }).await;
    let huge = client.get(&path()).await;
    assert!(huge.status == 200 && huge.text.len() > 1_000_000);
    struck(&client, FaultAction::SlowBody { chunk_bytes: 700, delay: Duration::from_millis(1) }).await;
    let slow = client.get(&path()).await.expect(200);
    assert_eq!(slow["contact"]["id"], OLIVIA);
}

#[tokio::test]
async fn answers_that_never_arrive() {
    let client = start().await;
    for action in [FaultAction::Reset, FaultAction::AppliedButLost, FaultAction::TruncatedBody] {
        struck(&client, action.clone()).await;
        assert!(client.try_send("GET", &path(), None).await.is_err(), "{action:?}");
    }
    struck(&client, FaultAction::Hang).await;
    let waited = tokio::time::timeout(Duration::from_millis(100), client.get(&path())).await;
    assert!(waited.is_err());
    client.sandbox.clear_faults();
    client.get(&path()).await.expect(200);
}

#[tokio::test]
async fn a_reset_is_a_reset_on_the_wire() {
    let client = start().await;
    let expected = [(FaultAction::Reset, true), (FaultAction::AppliedButLost, false)];
    for (action, reset) in expected {
        struck(&client, action).await;
        let addr = client.sandbox.addr();
        let token = tokens::PIT_LOCATION_1;
        let head = format!(
            "GET {} HTTP/1.1\r\nhost: x\r\nversion: 2021-07-28\r\nauthorization: Bearer {token}\r\n\r\n",
            path()
        );
        let outcome = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(addr).expect("connects");
            stream.write_all(head.as_bytes()).expect("writes");
            stream.read(&mut [0; 64]).map_err(|error| error.kind())
        });
        let outcome = outcome.await.expect("joins");
        let expected = if reset { Err(std::io::ErrorKind::ConnectionReset) } else { Ok(0) };
        assert_eq!(outcome, expected);
    }
}

#[tokio::test]
async fn writes_that_happened_all_the_same() {
    let client = start().await;
    let notes = format!("/contacts/{OLIVIA}/notes");
    let count = async || client.get(&notes).await.expect(200)["notes"].as_array().map(Vec::len);
    let before = count().await.expect("notes");
    client.sandbox.inject(Fault::new("ghl.note_create", FaultAction::AppliedButLost).times(1));
    client.try_send("POST", &notes, Some(json!({"body": "lost"}))).await.expect_err("no answer");
    assert_eq!(count().await, Some(before + 1));
    client.sandbox.inject(Fault::new("ghl.note_create", FaultAction::Reset).times(1));
    client.try_send("POST", &notes, Some(json!({"body": "never"}))).await.expect_err("no answer");
    assert_eq!(count().await, Some(before + 1), "a reset comes before the write");
    client.sandbox.inject(Fault::new("ghl.contact_create", FaultAction::CreatedBut422).times(1));
    let body = json!({"locationId": tokens::LOCATION_1, "email": "ghost@example.com"});
    client.post("/contacts/", body).await.expect(422);
    let found = client.search(json!({"query": "ghost@example.com"})).await.expect(200);
    assert_eq!(found["total"], 1);
}

#[tokio::test]
async fn latency_comes_first_and_adds_up() {
    let client = start().await;
    client.sandbox.inject(Fault::new("ghl.*", FaultAction::Latency(Duration::from_millis(60))));
    client.sandbox.inject(Fault::new("*", FaultAction::Latency(Duration::from_millis(60))));
    client.sandbox.inject(Fault::new("ghl.contact", FaultAction::Html502).contact(OLIVIA));
    let before = tokio::time::Instant::now();
    client.get(&path()).await.expect(502);
    assert!(before.elapsed() >= Duration::from_millis(120));
    client.get("/contacts/nobody").await.expect(400);
}

#[tokio::test]
async fn ipinfo_fails_in_its_own_words() {
    let client = start().await.token(Some(tokens::IPINFO_TOKEN));
    client.sandbox.inject(Fault::new("ipinfo.*", FaultAction::TooManyRequests).contact("8.8.8.8").times(1));
    client.get("/lite/1.1.1.1").await.expect(200);
    let body = client.get("/lite/8.8.8.8").await.expect(429);
    assert_eq!(body["error"]["title"], "Rate limit exceeded");
    client.get("/lite/8.8.8.8").await.expect(200);
}

#[tokio::test]
async fn stopping_is_prompt_even_while_a_call_hangs() {
    let client = with(SandboxConfig { quota: QuotaProfile::Unlimited, ..SandboxConfig::default() }).await;
    struck(&client, FaultAction::Hang).await;
    let hanging = client.clone();
    let (path, never) = (path(), hanging.sandbox.clone());
    let call = async move { hanging.try_send("GET", &path, None).await };
    let stop = async {
        while never.calls().count("ghl.contact") == 0 {
            tokio::task::yield_now().await;
        }
        tokio::time::timeout(Duration::from_secs(5), never.stop()).await.expect("prompt");
    };
    let (answer, ()) = tokio::join!(call, stop);
    assert!(answer.is_err());
    assert!(TcpStream::connect(client.sandbox.addr()).is_err(), "nobody listens any more");
}

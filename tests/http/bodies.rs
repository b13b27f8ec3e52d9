//! Bodies: bounded, strict, and refused with a pointer to what is wrong.

use crate::support::{Reply, TestApp};
use serde_json::json;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

const PATH: &str = "/v1/profiles/batch";

async fn post(app: &TestApp, content_type: &str, body: impl Into<Vec<u8>>) -> Reply {
    app.client.with("content-type", content_type).send("POST", PATH, Some(body.into())).await
}

#[actix_web::test]
async fn what_is_not_json_is_malformed() {
    let app = TestApp::start().await;
    let deep = format!(r#"{{"contactIds":{}{}}}"#, "[".repeat(5000), "]".repeat(5000));
    for body in [
        "",
        "{",
        "contactIds=a",
        r#"{"contactIds":["a"],"contactIds":["b"]}"#,
        r#"{"contactIds":["a"]} {}"#,
        "{\"contactIds\":[\"\u{1}\"]}",
        &deep,
    ] {
        post(&app, "application/json", body).await.assert_problem(400, "malformed-body");
    }
    post(&app, "application/json", b"{\"contactIds\":[\"\xff\"]}".to_vec()).await.assert_problem(400, "malformed-body");
}

#[actix_web::test]
async fn json_of_another_shape_is_pointed_at() {
    let app = TestApp::start().await;
    for (body, pointer) in [
        (json!([]), ""),
        (json!({}), ""),
        (json!({"contactIds": "a"}), "/contactIds"),
        (json!({"contactIds": ["a", 1]}), "/contactIds/1"),
        (json!({"contactIds": ["a"], "include": ["nots"]}), "/include/0"),
        (json!({"contactIds": ["a"], "inclde": []}), ""),
        (json!({"contactIds": []}), "/contactIds"),
        (json!({"contactIds": ["a"], "require": ["insights"]}), "/require/0"),
    ] {
        let problem = app.client.post(PATH, &body).await.assert_problem(422, "validation-failed");
        let told = problem["errors"][0]["pointer"].as_str().unwrap();
        assert!(told.starts_with(pointer), "{body}: {problem}");
    }
    assert_eq!(app.calls("*"), 0);
}

#[actix_web::test]
async fn only_json_is_read() {
    let app = TestApp::start().await;
    let body = r#"{"contactIds":["a"]}"#;
    for content_type in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense"]
    {
        post(&app, content_type, body).await.assert_problem(415, "unsupported-media-type");
    }
    let bare = app.client.send("POST", PATH, Some(body.into())).await;
    bare.assert_problem(415, "unsupported-media-type");
    let coded = app.client.with("content-type", "application/json").with("content-encoding", "gzip");
    coded.send("POST", PATH, Some(body.into())).await.assert_problem(415, "unsupported-media-type");
    assert_eq!(post(&app, "application/json; charset=utf-8", body).await.status, 200);
}

#[actix_web::test]
async fn a_large_body_is_refused_by_its_length_and_while_it_arrives() {
    let app = TestApp::with(&[("http.max_body_bytes", "4096")]).await;
    let large = json!({"contactIds": vec!["seD4PfOuKoVMLkEZqohJ"; 200]}).to_string();
    assert!(large.len() > 4096);
    post(&app, "application/json", large.clone()).await.assert_problem(413, "body-too-large");
    let chunked = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    let client = app.client.with("content-type", "application/json").with("transfer-encoding", "chunked");
    let reply = client.send_raw("POST", PATH, chunked.as_bytes()).await;
    reply.assert_problem(413, "body-too-large");
    assert_eq!(app.calls("*"), 0);
    assert_eq!(app.get("/readyz").await.status, 200);
}

#[actix_web::test]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let app = TestApp::with(&[("http.deadline_ms", "200")]).await;
    for framing in ["content-length: 100", "transfer-encoding: chunked"] {
        let mut stream = TcpStream::connect(app.client.address()).await.unwrap();
        let head = format!(
            "POST {PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{framing}\r\n\r\n5\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let whole = timeout(Duration::from_secs(10), stream.read_to_string(&mut answer)).await;
        assert!(whole.is_ok(), "{framing}: the connection stays: {answer}");
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("/problems/malformed-body"), "{answer}");
        assert!(answer.contains("did not arrive in time"), "{answer}");
        assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    }
}

//! Content codings: each gives back the very document, and caches on the way are told.

use crate::support::{Reply, SHOWCASE, TestApp};
use serde_json::json;
use std::io::Read as _;

/// The body as it was before its coding.
fn decoded(reply: &Reply) -> String {
    let mut text = String::new();
    let body = reply.body.as_slice();
    match reply.header("content-encoding") {
        None => text = reply.text(),
        Some("br") => drop(brotli::Decompressor::new(body, 4096).read_to_string(&mut text).unwrap()),
        Some("gzip") => drop(flate2::read::GzDecoder::new(body).read_to_string(&mut text).unwrap()),
        Some("zstd") => text = String::from_utf8(zstd::stream::decode_all(body).unwrap()).unwrap(),
        Some(other) => panic!("{other} was not offered"),
    }
    text
}

fn profile() -> String {
    format!("/v1/contacts/{SHOWCASE}/profile")
}

#[actix_web::test]
async fn each_coding_gives_back_the_document() {
    let app = TestApp::start().await;
    let plain = app.get(&profile()).await;
    assert_eq!(plain.header("content-encoding"), None);
    assert!(plain.header_list("vary").contains("accept-encoding"), "{plain:?}");
    for (accept, coding) in [("br", "br"), ("zstd", "zstd"), ("gzip", "gzip"), ("gzip, deflate, br, zstd", "br")] {
        for _ in 0..2 {
            let coded = app.client.with("accept-encoding", accept).get(&profile()).await;
            assert_eq!(coded.header("content-encoding"), Some(coding), "{accept}");
            assert!(coded.header_list("vary").contains("accept-encoding"), "{coded:?}");
            assert_eq!(coded.header("content-type"), Some("application/json"));
            assert!(coded.body.len() < plain.body.len());
            assert_eq!(decoded(&coded), plain.text());
            assert_eq!(coded.header("etag"), plain.header("etag"), "weak: the content is the same in any coding");
        }
    }
    assert_eq!(app.calls("ghl.contact"), 1);
}

#[actix_web::test]
async fn a_tag_got_in_one_coding_serves_in_another() {
    let app = TestApp::start().await;
    let coded = app.client.with("accept-encoding", "zstd").get(&profile()).await;
    let poll = app.client.with("if-none-match", coded.header("etag").unwrap()).with("accept-encoding", "gzip");
    let poll = poll.get(&profile()).await;
    assert_eq!((poll.status, poll.body.len(), poll.header("content-encoding")), (304, 0, None));
    assert!(poll.header_list("vary").contains("accept-encoding"), "{poll:?}");
}

#[actix_web::test]
async fn other_large_answers_are_coded_too() {
    let app = TestApp::start().await;
    let client = app.client.with("accept-encoding", "br");
    for path in ["/openapi.json", "/v1/contacts?limit=5", "/docs/swagger-ui.css"] {
        let (plain, coded) = (app.get(path).await, client.get(path).await);
        assert_eq!(coded.header("content-encoding"), Some("br"), "{path}");
        assert_eq!(decoded(&coded), plain.text(), "{path}");
    }
    let batch = client.post("/v1/profiles/batch", &json!({"contactIds": [SHOWCASE]})).await;
    assert_eq!(batch.header("content-encoding"), Some("br"));
    assert!(decoded(&batch).contains(SHOWCASE));
}

#[actix_web::test]
async fn a_client_that_accepts_nothing_we_have_is_told() {
    let app = TestApp::start().await;
    let picky = app.client.with("accept-encoding", "compress, identity;q=0").get(&profile()).await;
    picky.assert_problem(406, "not-acceptable");
    let problem = app.client.with("accept-encoding", "br").get("/nowhere").await;
    assert_eq!(problem.header("content-encoding"), None, "a problem is short");
    problem.assert_problem(404, "not-found");
}

//! Many contacts and many addresses at once.

use super::{CONTACT, Setup, double::Double, post};
use serde_json::{Value, json};
use std::{io::Read as _, sync::Arc};

fn body() -> String {
    json!({"contactIds": [CONTACT, "unknown", "a/b", CONTACT], "include": ["notes"]}).to_string()
}

#[actix_web::test]
async fn a_document_answers_each_position_in_order() {
    let setup = Setup::new();
    let answer = setup.post("/v1/profiles/batch", &body()).await;
    let items = answer.json()["items"].clone();
    let statuses: Vec<&Value> = items.as_array().unwrap().iter().map(|item| &item["status"]).collect();
    assert_eq!(statuses, [200, 404, 400, 200]);
    assert_eq!(items[0]["profile"]["id"], CONTACT);
    assert_eq!(items[3]["profile"], items[0]["profile"]);
    assert_eq!(items[1]["problem"]["type"], "/problems/contact-not-found");
    assert_eq!((&items[2]["contactId"], &items[2]["index"]), (&json!("a/b"), &json!(2)));
    assert_eq!(setup.api.requests.lock().unwrap().len(), 2, "one request a distinct contact");
}

#[actix_web::test]
async fn lines_come_as_they_arrive_and_say_whose_they_are() {
    let request = post().uri("/v1/profiles/batch").insert_header(("content-type", "application/json"));
    let request = request.insert_header(("accept", "application/x-ndjson")).insert_header(("accept-encoding", "br"));
    let setup = Setup { api: Arc::new(Double::warm()), ..Setup::new() };
    let answer = setup.ask(request.set_payload(body())).await;
    assert_eq!((answer.header("content-type"), answer.header("content-encoding")), ("application/x-ndjson", ""));
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.sort_by_key(|line| line["index"].as_u64());
    let statuses: Vec<&Value> = lines.iter().map(|line| &line["status"]).collect();
    assert_eq!(statuses, [200, 404, 400, 200]);
}

#[actix_web::test]
async fn a_batch_is_never_whole_in_memory() {
    let setup = Setup { api: Arc::new(Double::warm()), ..Setup::new() };
    let body = json!({"contactIds": vec![CONTACT; 500]}).to_string();
    let entry = setup.get(&format!("/v1/contacts/{CONTACT}/profile")).await.body.len() + 100;
    for (accept, coding) in [
        ("application/json", ""),
        ("application/json", "br"),
        ("application/json", "gzip"),
        ("application/json", "zstd"),
        ("application/x-ndjson", ""),
    ] {
        let request = post().uri("/v1/profiles/batch").insert_header(("content-type", "application/json"));
        let request = request.insert_header(("accept", accept)).insert_header(("accept-encoding", coding));
        let pieces = setup.pieces(request.set_payload(body.clone())).await;
        let longest = pieces.iter().map(|piece| piece.len()).max().unwrap();
        let most = if accept == "application/json" { 16 * 1024 + entry } else { entry };
        assert!(longest <= most, "{longest} bytes at once of {accept} in {coding:?}");
        let mut text = Vec::new();
        let whole = pieces.concat();
        match coding {
            "br" => drop(brotli::Decompressor::new(&whole[..], 4096).read_to_end(&mut text).unwrap()),
            "gzip" => drop(flate2::read::GzDecoder::new(&whole[..]).read_to_end(&mut text).unwrap()),
            "zstd" => text = zstd::stream::decode_all(&whole[..]).unwrap(),
            _ => text = whole,
        }
        let text = String::from_utf8(text).unwrap();
        let entries = match serde_json::from_str::<Value>(&text) {
            Ok(document) => document["items"].as_array().unwrap().len(),
            Err(_) => text.lines().count(),
        };
        assert_eq!(entries, 500, "{accept} in {coding:?}");
    }
}

#[actix_web::test]
async fn another_form_is_not_acceptable() {
    let request = post().uri("/v1/profiles/batch").insert_header(("content-type", "application/json"));
    let answer = Setup::new().ask(request.insert_header(("accept", "text/csv")).set_payload(body())).await;
    assert_eq!(answer.problem(), "not-acceptable");
}

#[actix_web::test]
async fn a_large_document_is_compressed() {
    let ids: Vec<String> = (0..400).map(|n| format!("unknown{n}")).collect();
    let request = post().uri("/v1/profiles/batch").insert_header(("content-type", "application/json"));
    let request =
        request.insert_header(("accept-encoding", "gzip")).set_payload(json!({"contactIds": ids}).to_string());
    let answer = Setup::new().ask(request).await;
    assert_eq!(answer.header("content-encoding"), "gzip");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&answer.body[..]).read_to_string(&mut text).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["items"].as_array().unwrap().len(), 400);
}

#[actix_web::test]
async fn each_address_has_its_own_outcome() {
    let setup = Setup::new();
    let body = json!({"ips": ["8.8.8.8", "nonsense", "2001:db8::1", "8.8.8.8"]}).to_string();
    let items = setup.post("/v1/ips/batch", &body).await.json()["items"].clone();
    let statuses: Vec<&Value> = items.as_array().unwrap().iter().map(|item| &item["status"]).collect();
    assert_eq!(statuses, [200, 400, 504, 200]);
    assert_eq!(items[0]["intelligence"]["geo"]["countryCode"], "AU");
    assert_eq!(items[2]["problem"]["type"], "/problems/upstream-timeout");
    assert_eq!(items[1]["ip"], "nonsense");
    assert_eq!(setup.api.looked_up.lock().unwrap().len(), 2, "each distinct address once");
}

#[actix_web::test]
async fn one_address_is_looked_up_in_any_spelling() {
    for ip in ["58.111.106.198", "2001:db8::1", "2001%3Adb8%3A%3A1"] {
        assert_eq!(Setup::new().get(&format!("/v1/ips/{ip}")).await.status, 200, "{ip}");
    }
}

//! Sources: who may push, what is refused before anything is read, and what the lists are asked.

use super::{
    Answer, LOCATION, Setup, get, post,
    source_double::{ELSEWHERE, MAX_BODY_BYTES, SIGNATURE, SIGNED, Sources, UNSIGNED},
};
use crate::{
    domain::{
        problem::{Problem, ProblemKind},
        source::{MAX_LINE_BYTES, SourceEventKind, SourceFate},
    },
    settings::Role,
};
use actix_web::test::TestRequest;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

const EVENT: &str = r#"{"id":"e1","type":"contact.created"}"#;

fn open(sources: Sources) -> (Setup, Arc<Sources>) {
    let sources = Arc::new(sources);
    (Setup { sources: Arc::clone(&sources) as Arc<_>, ..Setup::new() }, sources)
}

/// With keys: `writer` and `admin` may do so everywhere, `tenant` writes and administers in [`ELSEWHERE`] alone.
fn guarded() -> (Setup, Arc<Sources>) {
    let (setup, sources) = open(Sources::default());
    let setup = setup
        .with_key("reader", &[Role::Read], None)
        .with_key("writer", &[Role::Write], None)
        .with_key("admin", &[Role::Admin], None)
        .with_key("tenant", &[Role::Read, Role::Write, Role::Admin], Some(&[ELSEWHERE]));
    (setup, sources)
}

fn push_to(source: &str, query: &str) -> TestRequest {
    let request = post().uri(&format!("/v1/sources/{source}/events{query}"));
    request.insert_header(("content-type", "application/json")).set_payload(EVENT)
}

fn signed(request: TestRequest) -> TestRequest {
    request.insert_header(("webhook-signature", SIGNATURE)).insert_header(("webhook-id", "e1"))
}

fn with_key(request: TestRequest, key: &str) -> TestRequest {
    request.insert_header(("x-api-key", key))
}

/// An answer but for what differs between any two.
fn told(answer: &Answer) -> (u16, Value) {
    let mut document = answer.json();
    for own in ["requestId", "instance"] {
        document[own] = json!(null);
    }
    (answer.status.as_u16(), document)
}

#[actix_web::test]
async fn a_signature_opens_where_a_key_does() {
    let (setup, sources) = guarded();
    let answer = setup.ask(signed(push_to(SIGNED, ""))).await;
    assert_eq!(answer.status, 202, "{:?}", answer.body);
    let receipt = json!({"accepted": 1, "duplicates": 0,
        "events": [{"eventId": "e1", "kind": "contact-created", "duplicate": false}]});
    assert_eq!(answer.json(), receipt);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(setup.ask(with_key(push_to(SIGNED, ""), "writer")).await.status, 202);
    assert_eq!(setup.ask(with_key(push_to(UNSIGNED, ""), "tenant")).await.status, 202);
    assert_eq!(*sources.pushed.lock().unwrap(), [EVENT; 3]);
    let dry = setup.ask(signed(push_to(SIGNED, "?dryRun=true"))).await;
    assert_eq!((dry.status.as_u16(), &dry.json()["locationId"]), (200, &json!(LOCATION)));
    assert_eq!((sources.pushed.lock().unwrap().len(), sources.tried.lock().unwrap().len()), (3, 1));
}

#[actix_web::test]
async fn who_proves_nothing_is_refused_and_a_signature_does_not_make_up_for_a_key() {
    let (setup, sources) = guarded();
    for (request, problem) in [
        (push_to(SIGNED, ""), "unauthenticated"),
        (push_to(SIGNED, "?dryRun=true"), "unauthenticated"),
        (push_to(SIGNED, "").insert_header(("webhook-signature", "v1,bad")), "unauthenticated"),
        (push_to(UNSIGNED, ""), "unauthenticated"),
        (signed(with_key(push_to(SIGNED, ""), "nobody")), "unauthenticated"),
        (signed(with_key(push_to(SIGNED, ""), "reader")), "forbidden"),
        (with_key(push_to(SIGNED, ""), "admin"), "forbidden"),
        (with_key(push_to(SIGNED, ""), "tenant"), "not-found"),
    ] {
        assert_eq!(setup.ask(request).await.problem(), problem);
    }
    assert!(sources.pushed.lock().unwrap().is_empty() && sources.tried.lock().unwrap().is_empty());
}

/// Whatever is wrong with a request, a source that there is not answers as one that there is.
#[actix_web::test]
async fn nobody_learns_which_sources_there_are() {
    let (setup, _) = guarded();
    let with_body = |request: TestRequest, length: usize| request.set_payload("x".repeat(length));
    let changes: [&dyn Fn(TestRequest) -> TestRequest; 6] = [
        &|request| request,
        &|request| request.insert_header(("webhook-signature", "v1,bad")),
        &|request| request.insert_header(("webhook-signature", "v1,bad")).insert_header(("content-type", "text/plain")),
        &|request| with_body(request.insert_header(("webhook-signature", "v1,bad")), MAX_BODY_BYTES + 1),
        &|request| request.insert_header(("webhook-signature", "v1,bad")).insert_header(("content-length", "999999")),
        &|request| with_key(request, "tenant"),
    ];
    for (number, change) in changes.iter().enumerate() {
        for query in ["", "?dryRun=true", "?dryRun=perhaps"] {
            let known = told(&setup.ask(change(push_to(SIGNED, query))).await);
            let unknown = told(&setup.ask(change(push_to("nowhere", query))).await);
            assert_eq!(known, unknown, "{number} {query}");
        }
    }
    for path in ["events", "events/e1"] {
        let ask = async |source: &str| {
            told(&setup.ask(with_key(get().uri(&format!("/v1/sources/{source}/{path}")), "tenant")).await)
        };
        assert_eq!(ask(SIGNED).await, ask("nowhere").await, "{path}");
    }
    for path in ["events/e1/replay", "reconcile"] {
        let ask = async |source: &str| {
            let request = with_key(post().uri(&format!("/v1/sources/{source}/{path}")), "tenant");
            told(&setup.ask(request.insert_header(("content-type", "application/x-ndjson"))).await)
        };
        assert_eq!(ask(SIGNED).await, ask("nowhere").await, "{path}");
        assert_eq!(ask(SIGNED).await.0, 404, "{path}");
    }
}

#[actix_web::test]
async fn without_keys_a_source_that_signs_can_be_tried_but_not_spoken_for() {
    let (setup, sources) = open(Sources::default());
    assert_eq!(setup.ask(push_to(SIGNED, "")).await.problem(), "unauthenticated");
    assert_eq!(setup.ask(push_to(SIGNED, "?dryRun=true")).await.status, 200);
    assert_eq!(setup.ask(signed(push_to(SIGNED, ""))).await.status, 202);
    assert_eq!(setup.ask(push_to(UNSIGNED, "")).await.status, 202);
    assert_eq!(setup.ask(push_to("nowhere", "")).await.problem(), "not-found");
    assert_eq!(sources.pushed.lock().unwrap().len(), 2);
    // A page elsewhere can name us by a name of its own, but cannot sign.
    let from = |request: TestRequest| request.insert_header(("host", "evil.example"));
    assert_eq!(setup.ask(from(push_to(UNSIGNED, ""))).await.problem(), "forbidden");
    assert_eq!(setup.ask(from(push_to(SIGNED, "?dryRun=true"))).await.problem(), "forbidden");
    assert_eq!(setup.ask(from(signed(push_to(SIGNED, "")))).await.status, 202);
}

#[actix_web::test]
async fn a_body_is_refused_for_its_type_and_its_size() {
    let (setup, sources) = guarded();
    let sized = |length: usize| signed(push_to(SIGNED, "")).set_payload("x".repeat(length));
    assert_eq!(setup.ask(sized(MAX_BODY_BYTES)).await.status, 202, "what it says is the source's affair");
    assert_eq!(setup.ask(sized(MAX_BODY_BYTES + 1)).await.problem(), "body-too-large");
    for (name, value) in [("content-type", "text/plain"), ("content-encoding", "gzip")] {
        let request = signed(push_to(SIGNED, "")).insert_header((name, value));
        assert_eq!(setup.ask(request).await.problem(), "unsupported-media-type", "{value}");
    }
    let json =
        signed(push_to(SIGNED, "")).insert_header(("content-type", "application/cloudevents+json; charset=utf-8"));
    assert_eq!(setup.ask(json).await.status, 202);
    assert_eq!(sources.pushed.lock().unwrap().len(), 2);
    for (path, pointer) in
        [("/v1/sources/Ins%20urgo/events", "source"), ("/v1/sources/insurgo/events?dryRun=1", "dryRun")]
    {
        let request = signed(push_to(SIGNED, "")).uri(path);
        let answer = setup.ask(request).await;
        assert_eq!((answer.problem().as_str(), answer.pointer().as_str()), ("invalid-parameter", pointer), "{path}");
    }
}

#[actix_web::test]
async fn what_cannot_be_stored_is_to_be_sent_again() {
    let problem =
        Problem::new(ProblemKind::TooManyRequests, "Too much waits.").with_retry_after(Duration::from_secs(9));
    let (setup, _) = open(Sources { problem: Some(problem), ..Sources::default() });
    let answer = setup.ask(signed(push_to(SIGNED, ""))).await;
    assert_eq!((answer.problem().as_str(), answer.header("retry-after")), ("too-many-requests", "9"));
}

#[actix_web::test]
async fn lists_show_what_the_key_may_see() {
    let (setup, sources) = guarded();
    let names = async |key: &str| {
        let list = setup.ask(with_key(get().uri("/v1/sources"), key)).await.json();
        let items = list["items"].as_array().unwrap().iter();
        items.map(|item| item["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        (names("reader").await, names("tenant").await),
        (vec![SIGNED.into(), UNSIGNED.into()], vec![UNSIGNED.into()])
    );
    let path = "/v1/sources/insurgo/events?kind=task-created&fate=failed,waiting&externalId=a%2Fb%40c\
        &since=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00Z&limit=9";
    let page = setup.ask(with_key(get().uri(path), "reader")).await;
    assert_eq!((page.status.as_u16(), &page.json()["items"][0]["eventId"]), (200, &json!("e1")), "{:?}", page.body);
    {
        let asked = sources.filters.lock().unwrap();
        let (filter, before, limit) = &asked[0];
        assert_eq!(
            (filter.kind, filter.fates.as_slice()),
            (Some(SourceEventKind::TaskCreated), &[SourceFate::Failed, SourceFate::Waiting][..])
        );
        assert_eq!(filter.external_id.as_ref().map(AsRef::as_ref), Some("a/b@c"));
        assert!(filter.since.is_some() && filter.until.is_some() && filter.locations.is_none());
        assert_eq!((*before, *limit), (None, 9));
    }
    let cursor = page.json()["nextCursor"].as_str().unwrap().to_owned();
    let next = setup.ask(with_key(get().uri(&format!("{path}&cursor={cursor}")), "reader")).await;
    assert_eq!((next.status.as_u16(), sources.filters.lock().unwrap()[1].1), (200, Some(7)));
    for (query, pointer) in [
        ("kind=contact", "kind"),
        ("fate=done", "fate"),
        ("externalId=", "externalId"),
        ("since=today", "since"),
        ("limit=0", "limit"),
        (&*format!("cursor={cursor}"), "cursor"),
    ] {
        let answer = setup.ask(with_key(get().uri(&format!("/v1/sources/insurgo/events?{query}")), "reader")).await;
        assert_eq!((answer.problem().as_str(), answer.pointer().as_str()), ("invalid-parameter", pointer), "{query}");
    }
}

#[actix_web::test]
async fn an_event_is_found_by_whatever_id_its_source_gave_it() {
    let (setup, sources) = guarded();
    for (escaped, id) in [
        ("evt_1", "evt_1"),
        ("a%2Fb%2f..", "a/b/.."),
        ("100%25%2B%20x", "100%+ x"),
        ("%252F", "%2F"),
        ("j%C3%BCrgen%40example.com", "jürgen@example.com"),
        ("urn:x:1?%3F%23", "urn:x:1"),
    ] {
        let path = format!("/v1/sources/insurgo/events/{escaped}");
        let answer = setup.ask(with_key(get().uri(&path), "reader")).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["eventId"]), (200, &json!(id)), "{escaped}");
        let replay = post().uri(&format!("/v1/sources/insurgo/events/{}/replay", escaped.split('?').next().unwrap()));
        let answer = setup.ask(with_key(replay, "admin")).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["fate"]), (200, &json!("pending")), "{escaped}");
        assert_eq!(sources.asked.lock().unwrap().split_off(0), [id.to_owned(), format!("replay {id}")]);
    }
    for escaped in ["%20", "%0A", &"x".repeat(257)] {
        let answer = setup.ask(with_key(get().uri(&format!("/v1/sources/insurgo/events/{escaped}")), "reader")).await;
        assert_eq!(
            (answer.problem().as_str(), answer.pointer().as_str()),
            ("invalid-parameter", "eventId"),
            "{escaped}"
        );
    }
}

fn listing(query: &str, body: impl Into<Vec<u8>>) -> TestRequest {
    let request = post().uri(&format!("/v1/sources/insurgo/reconcile{query}"));
    with_key(request.insert_header(("content-type", "application/x-ndjson")), "writer").set_payload(body.into())
}

#[actix_web::test]
async fn a_listing_is_taken_line_by_line() {
    let (setup, sources) = guarded();
    let query = "?type=contact&asOf=2026-11-22T08:00:00Z&missing=contact,task&verify=true";
    let long = "x".repeat(2 * MAX_LINE_BYTES);
    let answer = setup.ask(listing(query, format!("{{}}\r\n\n{long}\nlast"))).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["lines"]), (200, &json!(4)), "{:?}", answer.body);
    let heard = std::mem::take(&mut *sources.reconciled.lock().unwrap());
    assert_eq!((heard.kind.as_deref(), heard.as_of.as_deref()), (Some("contact"), Some("2026-11-22T08:00:00Z")));
    assert_eq!((heard.missing, heard.flags, heard.key.as_deref()), (2, [true, false], Some("writer")));
    let lengths: Vec<usize> = heard.lines.iter().map(bytes::Bytes::len).collect();
    assert_eq!(lengths, [2, 0, MAX_LINE_BYTES + 1, 4]);
    let dry = setup.ask(listing("?dryRun=true", "")).await;
    assert_eq!((&dry.json()["dryRun"], &dry.json()["lines"]), (&json!(true), &json!(0)));
}

#[actix_web::test]
async fn a_listing_is_longer_than_any_body() {
    let (setup, sources) = guarded();
    let setup = setup.with(|settings| settings.http.max_body_bytes = 1000);
    let lines = 50_000;
    let answer = setup.ask(listing("", "{\"contactId\":\"c\"}\n".repeat(lines))).await;
    assert_eq!(answer.json()["lines"], lines, "{:?}", answer.body);
    assert_eq!(sources.reconciled.lock().unwrap().lines.len(), lines);
}

#[actix_web::test]
async fn a_listing_that_is_given_up_on_is_not_read_on() {
    let (setup, _) = guarded();
    let setup = Setup { sources: Arc::new(Sources { enough: Some(3), ..Sources::default() }), ..setup };
    let answer = setup.ask(listing("", "{}\n".repeat(100_000))).await;
    assert_eq!(answer.problem(), "too-many-requests");
}

#[actix_web::test]
async fn what_is_no_listing_is_refused() {
    let (setup, _) = guarded();
    for (request, problem) in [
        (listing("", "{}").insert_header(("content-type", "application/json")), "unsupported-media-type"),
        (listing("", "{}").insert_header(("content-encoding", "gzip")), "unsupported-media-type"),
        (listing("?missing=business", "{}"), "invalid-parameter"),
        (listing("?type=", "{}"), "invalid-parameter"),
        (listing("?asOf=now", "{}"), "invalid-parameter"),
        (listing("?verify=yes", "{}"), "invalid-parameter"),
        (with_key(listing("", "{}"), "reader"), "forbidden"),
        (with_key(listing("", "{}"), "tenant"), "not-found"),
    ] {
        assert_eq!(setup.ask(request).await.problem(), problem);
    }
}

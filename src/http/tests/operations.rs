//! Operations and the quota: listed, filtered, taken up again and taken back, each caller within its locations.

use super::{
    Answer, LOCATION, Setup, get,
    op_double::{Writes, location, operation},
    post,
};
use crate::{
    domain::{
        operation::{AuditEvent, OperationState, Requester},
        write::WriteKind,
    },
    settings::Role,
};
use serde_json::{Value, json};
use std::sync::Arc;

const OTHER: &str = "otherLocation";

fn serving(writes: Writes) -> (Setup, Arc<Writes>) {
    let writes = Arc::new(writes);
    (Setup { writes: Arc::clone(&writes) as Arc<_>, ..Setup::new() }, writes)
}

/// One operation of each state here, `op1` to `op6` in the order of the states, and `op7` elsewhere.
fn of_each_state() -> Writes {
    let here = (1..).zip(OperationState::ALL).map(|(seq, state)| operation(seq, LOCATION, *state));
    let writes = Writes::default();
    *writes.operations.lock().unwrap() = here.chain([operation(7, OTHER, OperationState::Pending)]).collect();
    writes
}

fn guarded(writes: Writes) -> (Setup, Arc<Writes>) {
    let (setup, writes) = serving(writes);
    let setup = setup
        .with_key("reader", &[Role::Read], None)
        .with_key("writer", &[Role::Write], Some(&[LOCATION]))
        .with_key("tenant", &[Role::Read], Some(&[LOCATION, "thirdLocation"]));
    (setup, writes)
}

fn ids(answer: &Answer) -> Vec<String> {
    let document = answer.json();
    let items = document["items"].as_array().unwrap_or_else(|| panic!("{document}"));
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

async fn get_as(setup: &Setup, key: &'static str, path: &str) -> Answer {
    setup.ask(get().uri(path).insert_header(("x-api-key", key))).await
}

async fn post_as(setup: &Setup, key: &'static str, path: &str) -> Answer {
    setup.ask(post().uri(path).insert_header(("x-api-key", key)).insert_header(("x-request-id", "asked-1"))).await
}

#[actix_web::test]
async fn operations_are_listed_newest_first_to_the_last() {
    let (setup, _) = serving(Writes::with_operations(25));
    let (mut seen, mut next, mut lengths) = (Vec::new(), String::new(), Vec::new());
    loop {
        let page = setup.get(&format!("/v1/operations?limit=10&state=pending{next}")).await;
        let ids = ids(&page);
        lengths.push(ids.len());
        seen.extend(ids);
        let Some(cursor) = page.json()["nextCursor"].as_str().map(str::to_owned) else { break };
        assert!(!cursor.contains("15"), "opaque");
        next = format!("&cursor={cursor}");
    }
    assert_eq!(lengths, [10, 10, 5]);
    assert_eq!(seen, (1..=25).rev().map(|seq| format!("op{seq}")).collect::<Vec<_>>());
    let whole = setup.get("/v1/operations").await;
    assert_eq!((ids(&whole).len(), whole.header("cache-control")), (25, "private, no-cache"));
}

#[actix_web::test]
async fn a_cursor_goes_with_its_filter_alone() {
    let (setup, writes) = serving(Writes::with_operations(25));
    let first = setup.get("/v1/operations?limit=10&kind=delete-contact").await;
    let cursor = first.json()["nextCursor"].as_str().unwrap().to_owned();
    for query in [
        format!("cursor={cursor}"),
        format!("kind=delete-contact&cursor=A{cursor}"),
        format!("kind=delete-contact&state=pending&cursor={cursor}"),
        format!("kind=delete-contact&locationId={LOCATION}&cursor={cursor}"),
        "cursor=".to_owned(),
        "cursor=15".to_owned(),
    ] {
        let answer = setup.get(&format!("/v1/operations?{query}")).await;
        assert_eq!((answer.problem().as_str(), answer.pointer().as_str()), ("invalid-parameter", "cursor"), "{query}");
    }
    assert_eq!(writes.operation_filters.lock().unwrap().len(), 1, "none of them was asked for");
    let audit = setup.get(&format!("/v1/audit?cursor={cursor}")).await;
    assert_eq!(audit.pointer(), "cursor", "nor is it the log's");
    let smaller = setup.get(&format!("/v1/operations?limit=5&kind=delete-contact&cursor={cursor}")).await;
    assert_eq!(ids(&smaller), ["op15", "op14", "op13", "op12", "op11"]);
}

#[actix_web::test]
async fn filters_are_parsed_once_and_passed_on() {
    let (setup, writes) = serving(of_each_state());
    let states = "state=dead&state=failed,dead&state=%20done";
    let answer = setup.get(&format!("/v1/operations?{states}&kind=delete-contact&locationId={LOCATION}")).await;
    assert_eq!(ids(&answer), ["op5", "op4", "op3"]);
    assert_eq!(ids(&setup.get("/v1/operations?contactId=c7").await), ["op7"]);
    assert_eq!(ids(&setup.get("/v1/operations?kind=add-tags").await), Vec::<String>::new());
    let filters = writes.operation_filters.lock().unwrap();
    assert_eq!(filters[0].states, [OperationState::Dead, OperationState::Failed, OperationState::Done]);
    assert_eq!(filters[0].kind, Some(WriteKind::DeleteContact));
    assert_eq!((&filters[0].locations, &filters[1].locations), (&Some(vec![location(LOCATION)]), &None));
}

#[actix_web::test]
async fn a_filter_that_is_none_is_named() {
    let (setup, writes) = serving(Writes::default());
    for (query, pointer) in [
        ("state=", "state"),
        ("state=done,", "state"),
        ("state=Done", "state"),
        ("state=done&state=ended", "state"),
        ("kind=delete", "kind"),
        ("kind=add-tags&kind=add-tags", "kind"),
        ("contactId=a%2Fb", "contactId"),
        ("locationId=", "locationId"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
    ] {
        let answer = setup.get(&format!("/v1/operations?{query}")).await;
        assert_eq!((answer.problem().as_str(), answer.pointer().as_str()), ("invalid-parameter", pointer), "{query}");
    }
    let message = setup.get("/v1/operations?state=ended").await.json()["errors"][0]["message"].clone();
    assert_eq!(message, "must be one of pending, running, done, failed, dead, cancelled");
    assert!(writes.operation_filters.lock().unwrap().is_empty());
}

#[actix_web::test]
async fn a_key_sees_the_operations_of_its_locations() {
    let (setup, writes) = guarded(of_each_state());
    assert_eq!(ids(&get_as(&setup, "tenant", "/v1/operations").await).len(), 6, "op7 is elsewhere");
    let all = [location(LOCATION), location("thirdLocation")];
    assert_eq!(writes.operation_filters.lock().unwrap()[0].locations.as_deref(), Some(&all[..]));
    let elsewhere = format!("/v1/operations?locationId={OTHER}");
    assert_eq!(get_as(&setup, "tenant", &elsewhere).await.problem(), "forbidden");
    assert_eq!(ids(&get_as(&setup, "reader", &elsewhere).await), ["op7"]);
    assert_eq!(get_as(&setup, "tenant", "/v1/operations/op1").await.json()["id"], "op1");
    // Whether there is such an operation elsewhere, a key must not learn.
    assert_eq!(get_as(&setup, "tenant", "/v1/operations/op7").await.problem(), "not-found");
    assert_eq!(get_as(&setup, "tenant", "/v1/operations/op8").await.problem(), "not-found");
    assert_eq!(get_as(&setup, "writer", "/v1/operations").await.problem(), "forbidden");
    assert_eq!(setup.get("/v1/operations/op1").await.problem(), "unauthenticated");
}

#[actix_web::test]
async fn an_operation_is_shown_whole() {
    let (setup, _) = serving(of_each_state());
    let shown = setup.get("/v1/operations/op1").await.json();
    for (name, expected) in [
        ("id", json!("op1")),
        ("locationId", json!(LOCATION)),
        ("contactId", json!("c1")),
        ("kind", json!("delete-contact")),
        ("state", json!("pending")),
        ("requestedBy", Value::Null),
    ] {
        assert_eq!(shown[name], expected, "{name} of {shown}");
    }
    let strange = setup.get("/v1/operations/a%2Fb").await;
    assert_eq!((strange.problem().as_str(), strange.pointer().as_str()), ("invalid-parameter", "operationId"));
}

#[actix_web::test]
async fn what_failed_is_taken_up_again_and_what_waits_is_taken_back() {
    let (setup, writes) = guarded(of_each_state());
    for (id, change, state) in
        [("op4", "retry", "pending"), ("op5", "retry", "pending"), ("op1", "cancel", "cancelled")]
    {
        let answer = post_as(&setup, "writer", &format!("/v1/operations/{id}/{change}")).await;
        assert_eq!((answer.status.as_u16(), answer.json()["state"].as_str()), (200, Some(state)), "{id}");
    }
    let by = Requester { key: Some("writer".to_owned()), request_id: "asked-1".to_owned() };
    assert_eq!(*writes.requesters.lock().unwrap(), [by.clone(), by.clone(), by]);
    for (id, change) in [("op2", "retry"), ("op3", "retry"), ("op2", "cancel"), ("op3", "cancel"), ("op6", "cancel")] {
        let answer = post_as(&setup, "writer", &format!("/v1/operations/{id}/{change}")).await;
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (409, "operation-conflict"), "{change} {id}");
    }
}

#[actix_web::test]
async fn to_change_an_operation_takes_the_role_and_the_location() {
    let (setup, writes) = guarded(of_each_state());
    for change in ["retry", "cancel"] {
        let path = |id: &str| format!("/v1/operations/{id}/{change}");
        assert_eq!(post_as(&setup, "reader", &path("op1")).await.problem(), "forbidden");
        assert_eq!(post_as(&setup, "writer", &path("op7")).await.problem(), "not-found");
        assert_eq!(post_as(&setup, "writer", &path("a.b")).await.pointer(), "operationId");
        assert_eq!(get_as(&setup, "reader", &path("op1")).await.header("allow"), "POST");
    }
    assert!(writes.requesters.lock().unwrap().is_empty());
}

#[actix_web::test]
async fn what_is_refused_is_in_the_log_unless_nobody_asked() {
    let (setup, writes) = guarded(of_each_state());
    post_as(&setup, "reader", "/v1/operations/op1/cancel").await;
    post_as(&setup, "writer", "/v1/operations/op3/retry").await;
    post_as(&setup, "writer", "/v1/operations/a.b/retry").await;
    post_as(&setup, "nobody", "/v1/operations/op1/cancel").await;
    get_as(&setup, "reader", "/v1/operations/op8").await;
    assert_eq!(
        writes.refused(),
        [
            ["forbidden", "reader", "-", "-", "op1"],
            ["operation-conflict", "writer", "-", "-", "op3"],
            ["invalid-parameter", "writer", "-", "-", "-"],
        ]
    );
    let (anonymous, writes) = serving(of_each_state());
    let path = "/v1/operations/op3/retry";
    assert_eq!(anonymous.ask(post().uri(path).insert_header(("host", "evil.example"))).await.problem(), "forbidden");
    assert_eq!(anonymous.ask(post().uri(path)).await.problem(), "operation-conflict");
    assert_eq!(writes.refused(), [["operation-conflict", "-", "-", "-", "op3"]]);
}

#[actix_web::test]
async fn without_a_store_there_is_nothing_to_list() {
    for path in ["/v1/operations", "/v1/operations/op1", "/v1/audit"] {
        let answer = Setup::new().get(path).await;
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (503, "store-unavailable"), "{path}");
    }
}

#[actix_web::test]
async fn the_quota_is_told_to_who_may_see_the_location() {
    let (setup, _) = guarded(Writes::default());
    let quota = |at: &str| format!("/v1/locations/{at}/quota");
    let report = get_as(&setup, "tenant", &quota(LOCATION)).await.json();
    assert_eq!((&report["locationId"], &report["day"]["left"]), (&json!(LOCATION), &json!(150_000)));
    assert_eq!(
        report["burst"],
        json!({
            "limit": 100, "used": 40, "left": 60, "windowMs": 10_000, "resetsAt": "2026-11-22T08:10:00Z"
        })
    );
    assert_eq!(report["dayRunsOutAt"], "2026-11-22T09:00:00Z");
    assert_eq!(report["byLane"], json!([{"name": "interactive", "calls": 12}]));
    assert_eq!(get_as(&setup, "tenant", &quota(OTHER)).await.problem(), "forbidden");
    assert_eq!(get_as(&setup, "reader", &quota(OTHER)).await.json()["locationId"], OTHER);
    assert_eq!(get_as(&setup, "writer", &quota(LOCATION)).await.problem(), "forbidden");
    assert_eq!(get_as(&setup, "reader", &quota("a%2Fb")).await.pointer(), "locationId");
}

#[test]
fn the_words_of_the_document_are_those_that_are_served() {
    let document = serde_json::to_value(crate::http::openapi()).unwrap();
    for (schema, served) in [
        ("OperationState", words(OperationState::ALL)),
        ("AuditEvent", words(AuditEvent::ALL)),
        ("WriteKind", words(WriteKind::ALL)),
    ] {
        assert_eq!(document["components"]["schemas"][schema]["enum"], served, "{schema}");
    }
}

fn words<T: serde::Serialize>(all: &[T]) -> Value {
    serde_json::to_value(all).unwrap()
}

#[actix_web::test]
async fn the_answer_to_a_change_is_kept_nowhere() {
    let (setup, _) = serving(of_each_state());
    for path in ["/v1/operations/op4/retry", "/v1/operations/op1/cancel"] {
        let answer = setup.ask(post().uri(path)).await;
        assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"), "{path}");
        assert_eq!(answer.header("etag"), "");
    }
    let read = setup.get("/v1/operations/op2").await;
    assert_eq!(read.header("cache-control"), "private, no-cache");
}

#[actix_web::test]
async fn which_contact_is_meant_is_said_in_a_body() {
    let (setup, writes) = guarded(of_each_state());
    let say = async |who: &str, path: &str, body: &str| {
        let body = body.to_owned();
        setup
            .ask(
                post()
                    .uri(path)
                    .insert_header(("authorization", format!("Bearer {who}")))
                    .insert_header(("x-request-id", "asked-1"))
                    .insert_header(("content-type", "application/json"))
                    .set_payload(body),
            )
            .await
    };
    let (path, one) = ("/v1/operations/op4/resolve", r#"{"contactId":"c1"}"#);
    assert_eq!(say("reader", path, one).await.problem(), "forbidden");
    assert_eq!(say("writer", "/v1/operations/op7/resolve", one).await.problem(), "not-found");
    assert_eq!(say("writer", "/v1/operations/op3/resolve", one).await.problem(), "operation-conflict");
    for body in ["{}", r#"{"contactId":"a/b"}"#, r#"{"contactId":"c1","more":1}"#, r#"{"contactId":"c9"}"#] {
        assert_eq!(say("writer", path, body).await.problem(), "validation-failed", "{body}");
    }
    assert_eq!(say("writer", path, "").await.problem(), "malformed-body");
    assert!(writes.requesters.lock().unwrap().is_empty());
    let answer = say("writer", path, one).await;
    assert_eq!((answer.status.as_u16(), answer.json()["state"].as_str()), (200, Some("pending")));
    assert_eq!(answer.header("cache-control"), "no-store");
}

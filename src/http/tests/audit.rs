//! The audit log: who may read it, its filters, its pages, and its export as lines.

use super::{
    Answer, LOCATION, Setup, get,
    op_double::{Writes, entry, location},
    public_app,
};
use crate::{
    domain::{
        operation::{AuditEvent, AuditFilter},
        problem::{Problem, ProblemKind},
    },
    settings::Role,
};
use actix_web::{
    body::MessageBody as _,
    test::{TestRequest, call_service, init_service},
};
use serde_json::Value;
use std::sync::Arc;

const OTHER: &str = "otherLocation";

fn serving(writes: Writes) -> (Setup, Arc<Writes>) {
    let writes = Arc::new(writes);
    (Setup { writes: Arc::clone(&writes) as Arc<_>, ..Setup::new() }, writes)
}

fn positions(answer: &Answer) -> Vec<i64> {
    let items = answer.json()["items"].clone();
    items.as_array().unwrap().iter().map(|item| item["seq"].as_i64().unwrap()).collect()
}

fn export(query: &str) -> TestRequest {
    let request = get().uri(&format!("/v1/audit{query}")).insert_header(("accept", "application/x-ndjson"));
    request.insert_header(("accept-encoding", "gzip"))
}

/// Positions in the lines of an export.
fn lines(body: &[u8]) -> Vec<i64> {
    let text = std::str::from_utf8(body).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["seq"].as_i64().unwrap()).collect()
}

fn full_disk() -> Problem {
    Problem::new(ProblemKind::StoreUnavailable, "The store failed.").with_cause("inside")
}

#[actix_web::test]
async fn the_log_is_for_admins_within_their_locations() {
    let (setup, writes) = serving(Writes::with_log(3));
    writes.log.lock().unwrap().push(entry(4, OTHER));
    let mut nowhere = entry(5, OTHER);
    nowhere.location_id = None;
    writes.log.lock().unwrap().push(nowhere);
    let setup = setup
        .with_key("reader", &[Role::Read, Role::Write], None)
        .with_key("admin", &[Role::Admin], None)
        .with_key("tenant", &[Role::Admin], Some(&[LOCATION]));
    let ask = async |key: &'static str, query: &str| {
        setup.ask(get().uri(&format!("/v1/audit{query}")).insert_header(("x-api-key", key))).await
    };
    assert_eq!(ask("reader", "").await.problem(), "forbidden");
    assert_eq!(positions(&ask("admin", "").await), [5, 4, 3, 2, 1]);
    assert_eq!(positions(&ask("admin", &format!("?locationId={OTHER}")).await), [4]);
    assert_eq!(positions(&ask("tenant", "").await), [3, 2, 1]);
    assert_eq!(ask("tenant", &format!("?locationId={OTHER}")).await.problem(), "forbidden");
    let lines_of_tenant = setup.ask(export("").insert_header(("x-api-key", "tenant"))).await;
    assert_eq!(lines(&lines_of_tenant.body), [3, 2, 1]);
}

#[actix_web::test]
async fn without_keys_everybody_on_this_machine_reads_it_page_by_page() {
    let (setup, _) = serving(Writes::with_log(5));
    let first = setup.get("/v1/audit?limit=2").await;
    assert_eq!(positions(&first), [5, 4]);
    let item = first.json()["items"][0].clone();
    assert_eq!((&item["event"], &item["kind"]), (&"accepted".into(), &"delete-contact".into()));
    assert_eq!((&item["at"], &item["requestId"]), (&"2026-11-22T08:05:00Z".into(), &"r5".into()));
    let cursor = first.json()["nextCursor"].as_str().unwrap().to_owned();
    let second = setup.get(&format!("/v1/audit?limit=10&cursor={cursor}")).await;
    assert_eq!(positions(&second), [3, 2, 1]);
    assert!(second.json().get("nextCursor").is_none());
    let strange = setup.get(&format!("/v1/audit?event=attempt&cursor={cursor}")).await;
    assert_eq!((strange.problem().as_str(), strange.pointer().as_str()), ("invalid-parameter", "cursor"));
}

#[actix_web::test]
async fn filters_are_parsed_and_passed_on() {
    let (setup, writes) = serving(Writes::with_log(9));
    let query = format!(
        "?locationId={LOCATION}&contactId=c6&operationId=op6&event=attempt\
         &since=2026-11-22T08:06:00Z&until=2026-11-22T10:07:00%2B02:00"
    );
    assert_eq!(positions(&setup.get(&format!("/v1/audit{query}")).await), [6]);
    let (filter, before, limit) = writes.audit_pages.lock().unwrap()[0].clone();
    let expected = AuditFilter {
        locations: Some(vec![location(LOCATION)]),
        contact: entry(6, LOCATION).contact_id,
        operation: entry(6, LOCATION).operation_id,
        event: Some(AuditEvent::Attempt),
        since: Some("2026-11-22T08:06:00Z".parse().unwrap()),
        until: Some("2026-11-22T08:07:00Z".parse().unwrap()),
    };
    assert_eq!((filter, before, limit), (expected, None, 50));
    assert_eq!(positions(&setup.get("/v1/audit?since=2026-11-22T08:08:00Z").await), [9, 8]);
    assert_eq!(positions(&setup.get("/v1/audit?until=2026-11-22T08:03:00Z").await), [2, 1]);
    let none = setup.get("/v1/audit?since=2026-11-22T09:00:00Z&until=2026-11-22T08:00:00Z").await;
    assert_eq!(positions(&none), Vec::<i64>::new());
}

#[actix_web::test]
async fn a_filter_that_is_none_is_named() {
    let (setup, writes) = serving(Writes::with_log(1));
    for (query, pointer) in [
        ("event=attempts", "event"),
        ("event=attempt,look", "event"),
        ("since=yesterday", "since"),
        ("since=2026-11-22", "since"),
        ("until=2026-11-22T08:00:00+02:00", "until"),
        ("operationId=a.b", "operationId"),
        ("contactId=", "contactId"),
        ("locationId=a%2Fb", "locationId"),
        ("limit=1000", "limit"),
        ("cursor=1", "cursor"),
    ] {
        for request in [get().uri(&format!("/v1/audit?{query}")), export(&format!("?{query}"))] {
            let answer = setup.ask(request).await;
            let found = (answer.problem(), answer.pointer());
            assert_eq!((found.0.as_str(), found.1.as_str()), ("invalid-parameter", pointer), "{query}");
        }
    }
    let plus = setup.get("/v1/audit?until=2026-11-22T08:00:00+02:00").await;
    assert!(plus.json()["errors"][0]["message"].as_str().unwrap().contains("%2B"));
    assert!(writes.audit_pages.lock().unwrap().is_empty());
    let other_form = setup.ask(get().uri("/v1/audit").insert_header(("accept", "text/csv"))).await;
    assert_eq!(other_form.problem(), "not-acceptable");
}

#[actix_web::test]
async fn an_export_is_the_whole_log_as_it_stood_at_the_request() {
    let (setup, writes) = serving(Writes { grows_by: 10, ..Writes::with_log(1_000) });
    let answer = setup.ask(export("")).await;
    let headers = (answer.header("content-type"), answer.header("content-encoding"), answer.header("cache-control"));
    assert_eq!(headers, ("application/x-ndjson", "", "private, no-cache"));
    assert_eq!(lines(&answer.body), (1..=1_000).rev().collect::<Vec<_>>());
    assert!(writes.log.lock().unwrap().len() > 1_000, "it grew meanwhile");
    assert_eq!(writes.audit_pages.lock().unwrap().len(), 5, "page by page");
}

#[actix_web::test]
async fn an_export_keeps_to_filter_limit_and_cursor() {
    let (setup, _) = serving(Writes::with_log(700));
    let attempts = setup.ask(export("?event=attempt")).await;
    assert_eq!(lines(&attempts.body), (1..=233).rev().map(|third| third * 3).collect::<Vec<_>>());
    assert_eq!(lines(&setup.ask(export("?limit=3")).await.body), [700, 699, 698]);
    let cursor = setup.get("/v1/audit?limit=200").await.json()["nextCursor"].as_str().unwrap().to_owned();
    let rest = setup.ask(export(&format!("?cursor={cursor}"))).await;
    assert_eq!(lines(&rest.body), (1..=500).rev().collect::<Vec<_>>());
    let (empty, _) = serving(Writes::default());
    let nothing = empty.ask(export("")).await;
    assert_eq!((nothing.status.as_u16(), nothing.body.len()), (200, 0));
}

#[actix_web::test]
async fn an_export_is_never_whole_in_memory() {
    let writes = Writes::with_log(2_000);
    for entry in writes.log.lock().unwrap().iter_mut() {
        entry.payload = Some(Value::from("x".repeat(1_000)));
    }
    let (setup, _) = serving(writes);
    let pieces = setup.pieces(export("")).await;
    let longest = pieces.iter().map(|piece| piece.len()).max().unwrap();
    assert!(longest <= 16 * 1024 + 2_000, "{longest} bytes at once");
    assert_eq!(lines(&pieces.concat()).len(), 2_000);
}

#[actix_web::test]
async fn an_export_ends_when_its_client_goes() {
    let (setup, writes) = serving(Writes::with_log(2_000));
    let app = init_service(public_app(&setup.state(), &[])).await;
    let mut body = Box::pin(call_service(&app, export("").to_request()).await.into_body());
    let piece = std::future::poll_fn(|context| body.as_mut().poll_next(context)).await;
    assert!(piece.is_some_and(|piece| piece.is_ok()));
    drop(body);
    assert_eq!(writes.audit_pages.lock().unwrap().len(), 1, "the next page is read when it is wanted");
}

#[actix_web::test]
async fn a_log_that_cannot_be_read_is_a_problem_and_one_that_breaks_off_has_no_end() {
    let (setup, _) = serving(Writes { breaks_at: Some((0, full_disk())), ..Writes::with_log(500) });
    assert_eq!(setup.ask(export("")).await.problem(), "store-unavailable");
    assert_eq!(setup.get("/v1/audit").await.problem(), "store-unavailable");
    let (setup, _) = serving(Writes { breaks_at: Some((1, full_disk())), ..Writes::with_log(500) });
    let app = init_service(public_app(&setup.state(), &[])).await;
    let mut body = Box::pin(call_service(&app, export("").to_request()).await.into_body());
    let mut whole = Vec::new();
    let end = loop {
        match std::future::poll_fn(|context| body.as_mut().poll_next(context)).await {
            Some(Ok(piece)) => whole.extend_from_slice(&piece),
            end => break end,
        }
    };
    assert!(end.is_some_and(|end| end.is_err()), "the body ends in an error, so the connection does");
    assert_eq!(lines(&whole), (301..=500).rev().collect::<Vec<_>>());
}

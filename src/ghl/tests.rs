//! The client through a scripted transport: what goes out, and what each answer of GHL becomes.

use super::*;
use crate::{
    domain::{
        ids::{BusinessId, ContactId, LocationId, NoteId, TaskId},
        problem::ProblemKind,
    },
    settings::{
        GhlSettings,
        secret::{LiveSecret, Secret},
    },
    telemetry::metrics::Metrics,
    upstream::{Answer, CallContext, CallError, Lane, Method, Service, Transport, Upstream, WireRequest},
};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

mod errors;
mod writes;

pub(super) const LOCATION: &str = "Wq7LmZt2RbXc9YdKe4Hs";
pub(super) const CONTACT: &str = "k3VnPz8QaRt5JmXw1CyB";

/// A fixture's bytes.
pub(super) fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/fixtures/ghl/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The names of all fixtures that begin so.
pub(super) fn fixtures(prefix: &str) -> Vec<String> {
    let folder = format!("{}/tests/fixtures/ghl", env!("CARGO_MANIFEST_DIR"));
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort();
    names
}

/// Answers every request alike and remembers them.
#[derive(Debug)]
struct Scripted {
    result: Result<Answer, CallError>,
    seen: Mutex<Vec<WireRequest>>,
}

impl Transport for Scripted {
    fn send(&self, request: WireRequest) -> BoxFuture<'_, Result<Answer, CallError>> {
        self.seen.lock().unwrap().push(request);
        Box::pin(async { self.result.clone() })
    }
}

struct Fake {
    client: Client,
    transport: Arc<Scripted>,
}

impl Fake {
    fn new(result: Result<Answer, CallError>, settings: &GhlSettings) -> Self {
        let transport = Arc::new(Scripted { result, seen: Mutex::default() });
        let upstream = Upstream::new(Service::Ghl, transport.clone(), Duration::from_secs(5), Metrics::new());
        Self { client: Client::new(upstream, settings, Redaction::default()), transport }
    }

    fn answering(name: &str) -> Self {
        Self::new(Ok(answer(200, &fixture(name))), &settings())
    }

    /// The one request that was sent: method, path, query.
    fn sent(&self) -> (Method, String, Vec<(&'static str, String)>) {
        let seen = self.transport.seen.lock().unwrap();
        assert_eq!(seen.len(), 1);
        (seen[0].method, seen[0].segments.join("/"), seen[0].query.clone())
    }

    fn sent_body(&self) -> Value {
        let seen = self.transport.seen.lock().unwrap();
        serde_json::from_slice(seen[0].body.as_ref().unwrap().as_ref()).unwrap()
    }

    fn calls(&self) -> usize {
        self.transport.seen.lock().unwrap().len()
    }
}

fn answer(status: u16, body: &[u8]) -> Answer {
    Answer { status, headers: Vec::new(), body: body.to_vec().into() }
}

fn settings() -> GhlSettings {
    GhlSettings {
        search_lag: Duration::from_secs(12),
        base_url: "http://127.0.0.1:9".into(),
        version: "2021-07-28".into(),
        location_id: Some(location()),
        token: Some(LiveSecret::fixed(Secret::new("pit-test\n"))),
        timezone: None,
        connect_timeout: Duration::from_secs(1),
        read_timeout: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        max_body_bytes: 1 << 20,
        burst_limit: 100,
        burst_window: Duration::from_secs(10),
        day_limit: 200_000,
        operation_reserve_percent: 10,
        bulk_reserve_percent: 30,
        retries: 0,
        retry_budget_percent: 10,
        breaker_failures: 5,
        breaker_hold: Duration::from_secs(2),
    }
}

fn location() -> LocationId {
    LocationId::parse(LOCATION).unwrap()
}

fn contact_id() -> ContactId {
    ContactId::parse(CONTACT).unwrap()
}

fn context() -> CallContext {
    CallContext::new(Lane::Interactive, Duration::from_secs(30))
}

#[tokio::test(start_paused = true)]
async fn a_contact_comes_with_its_size() {
    let fake = Fake::answering("contact_full.json");
    let loaded = fake.client.contact(&location(), &contact_id(), &context()).await.unwrap();
    assert_eq!(loaded.value.first_name.as_deref(), Some("Mira"));
    assert_eq!(loaded.bytes, fixture("contact_full.json").len());
    assert_eq!(fake.sent(), (Method::Get, format!("contacts/{CONTACT}"), vec![]));
}

#[tokio::test(start_paused = true)]
async fn every_call_carries_token_and_version() {
    let fake = Fake::answering("contact_full.json");
    fake.client.contact(&location(), &contact_id(), &context()).await.unwrap();
    let seen = fake.transport.seen.lock().unwrap();
    let headers: Vec<_> = seen[0].headers.iter().map(|(name, value)| (*name, value.expose())).collect();
    assert_eq!(headers, [("authorization", "Bearer pit-test"), ("version", "2021-07-28")]);
}

#[tokio::test(start_paused = true)]
async fn sub_resources_have_no_trailing_slash() {
    let (loc, id, ctx) = (location(), contact_id(), context());
    let fake = Fake::answering("notes_broken_entry.json");
    assert_eq!(fake.client.notes(&loc, &id, &ctx).await.unwrap().value.len(), 2);
    assert_eq!(fake.sent().1, format!("contacts/{CONTACT}/notes"));

    let fake = Fake::answering("note_html.json");
    let note = NoteId::parse("n1AbCdEfGhIjKlMnOpQr").unwrap();
    assert_eq!(fake.client.note(&loc, &id, &note, &ctx).await.unwrap().value.id, note);
    assert_eq!(fake.sent().1, format!("contacts/{CONTACT}/notes/{note}"));

    let fake = Fake::answering("tasks_lenient.json");
    assert_eq!(fake.client.tasks(&loc, &id, &ctx).await.unwrap().value.len(), 2);
    assert_eq!(fake.sent().1, format!("contacts/{CONTACT}/tasks"));

    let fake = Fake::answering("task_full.json");
    let task = TaskId::parse("t1AbCdEfGhIjKlMnOpQr").unwrap();
    assert_eq!(fake.client.task(&loc, &id, &task, &ctx).await.unwrap().value.id, task);
    assert_eq!(fake.sent().1, format!("contacts/{CONTACT}/tasks/{task}"));

    let fake = Fake::answering("appointments_zoneless.json");
    assert_eq!(fake.client.appointments(&loc, &id, &ctx).await.unwrap().value.len(), 1);
    assert_eq!(fake.sent().1, format!("contacts/{CONTACT}/appointments"));
}

#[tokio::test(start_paused = true)]
async fn a_search_names_the_location_and_ends_on_a_short_page() {
    let query = SearchQuery {
        query: Some("mira".into()),
        filters: json!([{"field": "tags", "operator": "eq", "value": ["vip"]}]),
        sort: vec![Sort { field: "dateUpdated".into(), direction: Direction::Descending }],
        page_limit: 2,
        page: Some(3),
        search_after: serde_json::from_value(json!([1_772_471_051_520_i64, CONTACT])).unwrap(),
    };
    let fake = Fake::answering("search_page.json");
    let page = fake.client.search(&location(), query.clone(), &context()).await.unwrap();
    assert_eq!((page.contacts.len(), page.total), (2, Some(57)));
    let next = serde_json::to_value(page.next.unwrap()).unwrap();
    assert_eq!(next, json!([1_772_471_040_000_i64, "p9QwErTy12UiOpAs34Df"]));
    assert_eq!(fake.sent(), (Method::Post, "contacts/search".to_owned(), vec![]));
    let body = json!({
        "locationId": LOCATION, "pageLimit": 2, "query": "mira",
        "filters": [{"field": "tags", "operator": "eq", "value": ["vip"]}],
        "sort": [{"field": "dateUpdated", "direction": "desc"}],
        "searchAfter": [1_772_471_051_520_i64, CONTACT],
    });
    assert_eq!(fake.sent_body(), body);

    let fake = Fake::answering("search_page.json");
    let larger = SearchQuery { page_limit: 3, ..query };
    assert_eq!(fake.client.search(&location(), larger, &context()).await.unwrap().next, None);
}

#[tokio::test(start_paused = true)]
async fn a_plain_search_sends_only_what_it_needs() {
    let fake = Fake::answering("search_empty.json");
    let page = fake.client.search(&location(), SearchQuery::default(), &context()).await.unwrap();
    assert_eq!((page.contacts.len(), page.total, page.next), (0, Some(0), None));
    assert_eq!(fake.sent_body(), json!({"locationId": LOCATION, "pageLimit": 100}));
}

#[tokio::test(start_paused = true)]
async fn a_page_leaves_out_broken_hits_and_those_of_other_locations() {
    let fake = Fake::answering("search_broken_hits.json");
    let page = fake.client.search(&location(), SearchQuery::default(), &context()).await.unwrap();
    assert_eq!(page.contacts.iter().map(|contact| contact.id.as_str()).collect::<Vec<_>>(), [CONTACT]);
    assert_eq!((page.given, page.next), (4, None), "a short page is the last");

    let fake = Fake::answering("search_broken_hits.json");
    let query = SearchQuery { page_limit: 4, ..SearchQuery::default() };
    let page = fake.client.search(&location(), query, &context()).await.unwrap();
    assert_eq!((page.contacts.len(), page.given, page.next.is_some()), (1, 4, true), "a full page is not");
}

#[tokio::test(start_paused = true)]
async fn a_business_listing_pages_by_query() {
    let fake = Fake::answering("business_page.json");
    let business = BusinessId::parse("64a1b2c3d4e5f60718293a4b").unwrap();
    let query = BusinessQuery { limit: Some(10), skip: None, query: Some("mi ra".into()) };
    let page = fake.client.business_contacts(&location(), &business, query, &context()).await.unwrap();
    assert_eq!((page.contacts.len(), page.total, page.next), (1, Some(1), None));
    let query = vec![("locationId", LOCATION.into()), ("limit", "10".into()), ("query", "mi ra".into())];
    assert_eq!(fake.sent(), (Method::Get, format!("contacts/business/{business}"), query));
}

#[tokio::test(start_paused = true)]
async fn null_and_single_lists_are_lists() {
    let fake = Fake::answering("notes_null.json");
    assert_eq!(fake.client.notes(&location(), &contact_id(), &context()).await.unwrap().value.len(), 0);
    let fake = Fake::answering("notes_single.json");
    let notes = fake.client.notes(&location(), &contact_id(), &context()).await.unwrap().value;
    assert_eq!((notes.len(), notes[0].body.as_str()), (1, "12"));
}

#[tokio::test(start_paused = true)]
async fn a_contact_of_another_location_looks_like_none() {
    let foreign = Fake::answering("contact_other_location.json");
    let foreign = foreign.client.contact(&location(), &contact_id(), &context()).await.unwrap_err();
    let unknown = Ok(answer(400, &fixture("error_400_contact_not_found.json")));
    let unknown = Fake::new(unknown, &settings());
    let unknown = unknown.client.contact(&location(), &contact_id(), &context()).await.unwrap_err();
    assert_eq!(foreign.to_problem(), unknown.to_problem());
    assert_eq!(foreign.to_problem().kind, ProblemKind::ContactNotFound);
}

#[tokio::test(start_paused = true)]
async fn an_appointment_of_another_location_is_left_out() {
    let events = json!({"events": [
        {"id": "e1", "locationId": "AnotherLocation00000"}, {"id": "e2", "locationId": LOCATION}, {"id": "e3"},
    ]});
    let fake = Fake::new(Ok(answer(200, events.to_string().as_bytes())), &settings());
    let events = fake.client.appointments(&location(), &contact_id(), &context()).await.unwrap().value;
    assert_eq!(events.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(), ["e2", "e3"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_about_something_else_is_not_passed_on() {
    let fake = Fake::answering("contact_full.json");
    let asked = ContactId::parse("AnotherContact000000").unwrap();
    let error = fake.client.contact(&location(), &asked, &context()).await.unwrap_err();
    assert_eq!(error.to_problem().kind, ProblemKind::UpstreamInvalidResponse);

    let fake = Fake::answering("task_full.json");
    let task = TaskId::parse("t1AbCdEfGhIjKlMnOpQr").unwrap();
    let error = fake.client.task(&location(), &asked, &task, &context()).await.unwrap_err();
    assert_eq!(error, GhlError::NotFound(Resource::Task));
    assert_eq!(error.to_problem().kind, ProblemKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn without_a_token_for_the_location_no_call_is_spent() {
    let none = GhlSettings { token: None, ..settings() };
    let blank = GhlSettings { token: Some(LiveSecret::fixed(Secret::new(" "))), ..settings() };
    for settings in [none, blank] {
        let fake = Fake::new(Ok(answer(200, b"{}")), &settings);
        let error = fake.client.contact(&location(), &contact_id(), &context()).await.unwrap_err();
        assert_eq!((error, fake.calls()), (GhlError::NoToken, 0));
    }
    let elsewhere = LocationId::parse("AnotherLocation00000").unwrap();
    let unbound = GhlSettings { location_id: None, ..settings() };
    for settings in [settings(), unbound] {
        let fake = Fake::new(Ok(answer(200, &fixture("notes_null.json"))), &settings);
        let error = fake.client.notes(&elsewhere, &contact_id(), &context()).await.unwrap_err();
        assert_eq!((error, fake.calls()), (GhlError::NoToken, 0));
    }
    let problem = GhlError::NoToken.to_problem();
    assert_eq!(problem.kind, ProblemKind::UpstreamUnauthorized);
    assert!(problem.detail.contains("GHL_TOKEN"), "{}", problem.detail);
}

//! What breaks on the way: a process that dies, writes that fail, questions that nobody answers.

use super::bench::{Bench, event};
use crate::{
    clock::Clock,
    domain::{
        erasure::ErasureScope,
        ids::{LocationId, OperationId},
        operation::{Operation, OperationFilter, OperationState, Requester, Submission, Submitted},
        problem::{Problem, ProblemKind},
        source::{Listing, NewSourceEvent, RecordKind, SourceEventFilter, SourceEventId, SourceFate},
    },
    operations::Operations,
    settings::{Settings, Sources, StoreUrl},
    sources::Writes,
    store::{SourceStore, sqlite::SqliteStore},
    tasks::Tasks,
};
use futures_util::future::{BoxFuture, pending};
use ghl_sandbox::{Fault, FaultAction};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

fn rosa(more: Value) -> Value {
    let mut data = json!({"contactId": "c-1", "email": "rosa@source.example"});
    data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    data
}

fn answer(status: u16) -> FaultAction {
    let body = json!({"statusCode": status, "message": "Not now."}).to_string();
    FaultAction::Status { status, body, content_type: "application/json".to_owned() }
}

/// A process that dies before it learns what became of its writes.
#[derive(Debug)]
struct Dying(Operations);

impl Writes for Dying {
    fn submit(&self, submission: Submission) -> BoxFuture<'_, Result<Submitted, Problem>> {
        Box::pin(async move {
            self.0.submit(submission).await?;
            pending().await
        })
    }

    fn wait(&self, _: OperationId, _: Instant) -> BoxFuture<'_, Result<Operation, Problem>> {
        Box::pin(pending())
    }

    fn operation(&self, _: OperationId) -> BoxFuture<'_, Result<Operation, Problem>> {
        Box::pin(pending())
    }
}

/// The location is forgotten while a write of its contact's is on its way.
#[derive(Debug)]
struct Forgetting {
    operations: Operations,
    store: Arc<OnceLock<Arc<dyn SourceStore>>>,
    submitted: Arc<AtomicUsize>,
}

impl Writes for Forgetting {
    fn submit(&self, submission: Submission) -> BoxFuture<'_, Result<Submitted, Problem>> {
        self.submitted.fetch_add(1, Ordering::SeqCst);
        Box::pin(self.operations.submit(submission))
    }

    fn wait(&self, id: OperationId, until: Instant) -> BoxFuture<'_, Result<Operation, Problem>> {
        Box::pin(async move {
            let operation = self.operations.wait(id, until).await?;
            let scope = ErasureScope { location: operation.location.clone(), contact: None };
            self.store.get().unwrap().forget_sources(scope, Timestamp::UNIX_EPOCH).await.unwrap();
            Ok(operation)
        })
    }

    fn operation(&self, id: OperationId) -> BoxFuture<'_, Result<Operation, Problem>> {
        Box::pin(self.operations.operation(id, None))
    }
}

/// Nobody waits for the first write.
#[derive(Debug)]
struct Impatient(Operations, AtomicUsize);

impl Writes for Impatient {
    fn submit(&self, submission: Submission) -> BoxFuture<'_, Result<Submitted, Problem>> {
        Box::pin(self.0.submit(submission))
    }

    fn wait(&self, id: OperationId, until: Instant) -> BoxFuture<'_, Result<Operation, Problem>> {
        let first = self.1.fetch_add(1, Ordering::SeqCst) == 0;
        Box::pin(async move {
            let operation = self.0.wait(id, until).await?;
            let state = if first { OperationState::Pending } else { operation.state };
            Ok(Operation { state, ..operation })
        })
    }

    fn operation(&self, id: OperationId) -> BoxFuture<'_, Result<Operation, Problem>> {
        Box::pin(self.0.operation(id, None))
    }
}

#[tokio::test]
async fn what_is_not_waited_for_any_longer_may_be_retried_before_it_is_looked_at_again() {
    let bench = Bench::with("", |operations| Arc::new(Impatient(operations, AtomicUsize::new(0)))).await;
    bench.sandbox.inject(Fault::new("ghl.contact_create", answer(422)).times(1));
    bench.push(&event("1", "contact.created", 10, json!({"contactId": "c-1", "firstName": "Rosa"}))).await;
    let filter = OperationFilter { states: vec![OperationState::Failed], ..OperationFilter::default() };
    let until = Instant::now() + Duration::from_secs(30);
    let parked = loop {
        let record = bench.record(RecordKind::Contact, "c-1").await;
        let looked_at_later = record.is_some_and(|record| record.due_at > bench.parts.clock.now());
        let failed = bench.operations.operations(filter.clone(), None, 1).await.unwrap().items.pop();
        if let (true, Some(failed)) = (looked_at_later, failed) {
            break failed;
        }
        assert!(Instant::now() < until, "it is not looked at later");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    bench.retry(&parked.id).await;
    assert_eq!(bench.fate("1").await.0, SourceFate::Applied);
}

#[tokio::test]
async fn of_a_contact_that_was_forgotten_on_the_way_nothing_more_is_written() {
    let (store, submitted) = (Arc::new(OnceLock::new()), Arc::new(AtomicUsize::new(0)));
    let (its, count) = (store.clone(), submitted.clone());
    let bench = Bench::with("", |operations| Arc::new(Forgetting { operations, store: its, submitted: count })).await;
    store.set(bench.store()).unwrap();
    bench.push(&event("1", "contact.created", 10, rosa(json!({"tagNames": ["vip"]})))).await;
    bench.event("1", |event| event.fate == SourceFate::Ignored).await;
    bench.settled().await;
    // Whoever had it in hand has let go of it once another contact, which it comes after, went through.
    bench.push(&event("2", "contact.updated", 20, json!({"contactId": "c-1", "email": "anew@source.example"}))).await;
    bench.event("2", |event| event.fate == SourceFate::Ignored).await;
    assert_eq!(submitted.load(Ordering::SeqCst), 2, "tags were not");
}

#[tokio::test]
async fn what_has_waited_long_enough_is_not_given_up_while_its_contact_cannot_be_asked_for() {
    let owner = "[mapping.contact.fields]\nfirstName = { value = 'data.firstName', owner = 'if-empty' }\n";
    let bench = Bench::start(owner).await;
    let task = json!({"taskId": "t", "contactId": "c-1", "title": "Call", "dueDate": "2026-12-01T10:00:00Z"});
    bench.push(&event("t", "task.created", 10, task)).await;
    assert_eq!(bench.fate("t").await.0, SourceFate::Waiting);
    bench.sandbox.inject(Fault::new("ghl.duplicate", answer(500)));
    bench.push(&event("c", "contact.created", 20, rosa(json!({"firstName": "Rosa"})))).await;
    while bench.record(RecordKind::Contact, "c-1").await.is_none_or(|contact| contact.tries == 0) {
        tokio::task::yield_now().await;
    }
    bench.parts.clock.advance(SignedDuration::from_hours(24 * 40));
    let until = Instant::now() + Duration::from_secs(60);
    while bench.record(RecordKind::Task, "t").await.unwrap().due_at <= bench.parts.clock.now() {
        assert!(Instant::now() < until, "it stays due, over and over");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(bench.fate("t").await.0, SourceFate::Waiting);
}

#[tokio::test]
async fn who_comes_after_a_crash_asks_for_the_same_write_and_makes_nothing_twice() {
    let mut bench = Bench::with("", |operations| Arc::new(Dying(operations))).await;
    bench.push(&event("1", "contact.created", 10, rosa(json!({"tagNames": ["vip"]})))).await;
    while bench.contact("rosa@source.example").await.is_none() {
        tokio::task::yield_now().await;
    }
    bench.restart();
    let event = bench.event("1", |event| event.fate == SourceFate::Applied).await;
    let made = bench.sandbox.writes().iter().filter(|write| write.endpoint == "ghl.contact_create").count();
    assert_eq!((made, event.operations.len()), (1, 2), "{event:?}");
    assert_eq!(bench.contact("rosa@source.example").await.unwrap().tags, ["vip"]);
}

#[tokio::test]
async fn a_write_that_failed_is_named_and_carries_its_event_on_once_it_is_retried() {
    let bench = Bench::start("").await;
    bench.sandbox.inject(Fault::new("ghl.note_create", answer(422)).times(1));
    bench.push(&event("1", "contact.created", 10, rosa(json!({})))).await;
    bench.push(&event("2", "note.added", 20, json!({"noteId": "n", "contactId": "c-1", "notes": "Called"}))).await;
    let event = bench.event("2", |event| event.fate == SourceFate::Failed).await;
    let operation = event.operations.last().unwrap();
    assert!(event.detail.unwrap().contains(operation.as_str()));
    bench.retry(operation).await;
    bench.event("2", |event| event.fate == SourceFate::Applied).await;
    let contact = bench.contact("rosa@source.example").await.unwrap();
    assert_eq!(bench.notes(&contact.id).await.len(), 1);
}

#[tokio::test]
async fn something_newer_carries_on_what_failed_and_so_does_a_replay() {
    let bench = Bench::start("").await;
    let refusal = |endpoint: &str| Fault::new(endpoint, answer(422)).times(1);
    bench.push(&event("1", "contact.created", 10, rosa(json!({})))).await;
    bench.quiet().await;
    bench.sandbox.inject(refusal("ghl.contact_update"));
    bench.push(&event("2", "contact.updated", 20, rosa(json!({"firstName": "Rosa"})))).await;
    assert_eq!(bench.fate("2").await.0, SourceFate::Failed);
    bench.push(&event("3", "contact.updated", 30, rosa(json!({"lastName": "Marin"})))).await;
    assert_eq!(bench.fate("3").await.0, SourceFate::Applied);
    let contact = bench.contact("rosa@source.example").await.unwrap();
    assert_eq!((contact.first_name.as_deref(), contact.last_name.as_deref()), (Some("Rosa"), Some("Marin")));
    let old = bench.event("2", |event| event.fate != SourceFate::Pending).await;
    let refused = bench.try_to_retry(old.operations.last().unwrap()).await.unwrap_err();
    assert_eq!(refused.kind, ProblemKind::OperationConflict, "it would write what is old over what came since");
    bench.sandbox.inject(refusal("ghl.contact_update"));
    bench.push(&event("4", "contact.updated", 40, rosa(json!({"firstName": "Rosalie"})))).await;
    assert_eq!(bench.fate("4").await.0, SourceFate::Failed);
    let id = SourceEventId::parse("4").unwrap();
    bench.feeds.replay(super::bench::name(), id, None).await.unwrap();
    bench.event("4", |event| event.fate == SourceFate::Applied).await;
    assert_eq!(bench.contact("rosa@source.example").await.unwrap().first_name.as_deref(), Some("Rosalie"));
}

#[tokio::test]
async fn whoever_says_which_of_two_is_meant_carries_the_contact_on() {
    let bench = Bench::start("").await;
    let email = event("1", "contact.created", 10, json!({"contactId": "a", "email": "a@source.example"}));
    let phone = event("2", "contact.created", 10, json!({"contactId": "b", "phone": "+14155550142"}));
    bench.push(&json!([email, phone])).await;
    bench.quiet().await;
    let both = json!({"contactId": "c", "email": "a@source.example", "phone": "+14155550142", "firstName": "Rosa"});
    bench.push(&event("3", "contact.created", 20, both)).await;
    let failed = bench.event("3", |event| event.fate == SourceFate::Failed).await;
    let meant = bench.contact("a@source.example").await.unwrap().id;
    let by = Requester { key: None, request_id: "r".to_owned() };
    bench.operations.resolve(failed.operations[0].clone(), meant.clone(), None, by).await.unwrap();
    bench.event("3", |event| event.fate == SourceFate::Applied).await;
    let contact = bench.contact("a@source.example").await.unwrap();
    assert_eq!((contact.id, contact.first_name.as_deref()), (meant, Some("Rosa")));
    // Compared with GHL, the other one's phone stays the other one's, until the source says another.
    let before = bench.sandbox.writes().len();
    let line = json!({"contactId": "c", "email": "a@source.example", "phone": "+14155550142", "firstName": "Rosa"});
    let contacts = |listing: &mut Listing| {
        (listing.kind, listing.verify) = (Some("contact.updated".to_owned()), true);
        listing.as_of = Some("2026-11-22T08:00:25Z".parse().unwrap());
    };
    let report = bench.reconcile(&[line], contacts).await;
    bench.quiet().await;
    assert_eq!((report.unchanged, bench.sandbox.writes().len()), (1, before));
    let failed = SourceEventFilter { fates: vec![SourceFate::Failed], ..SourceEventFilter::default() };
    assert_eq!(bench.feeds.events(failed, None, 10).await.unwrap().items, []);
    bench.push(&event("4", "contact.updated", 30, json!({"contactId": "c", "phone": "+14155550143"}))).await;
    assert_eq!(bench.fate("4").await.0, SourceFate::Applied);
    assert_eq!(bench.contact("a@source.example").await.unwrap().phone.as_deref(), Some("+14155550143"));
}

#[tokio::test]
async fn until_somebody_says_which_of_two_is_meant_it_is_one_write_that_asks() {
    let bench = Bench::start("").await;
    let email = event("1", "contact.created", 10, json!({"contactId": "a", "email": "a@source.example"}));
    let phone = event("2", "contact.created", 10, json!({"contactId": "b", "phone": "+14155550142"}));
    bench.push(&json!([email, phone])).await;
    bench.quiet().await;
    let both = |id: &str, second, first: &str| {
        let data = json!({"contactId": "c", "email": "a@source.example", "phone": "+14155550142", "firstName": first});
        event(id, "contact.updated", second, data)
    };
    bench.push(&both("3", 20, "Rosa")).await;
    let failed = bench.event("3", |event| event.fate == SourceFate::Failed).await;
    bench.push(&both("4", 30, "Rosalie")).await;
    let again = bench.event("4", |event| event.fate == SourceFate::Failed).await;
    assert_eq!(again.operations, failed.operations);
    let meant = bench.contact("a@source.example").await.unwrap().id;
    let by = Requester { key: None, request_id: "r".to_owned() };
    bench.operations.resolve(failed.operations[0].clone(), meant, None, by).await.unwrap();
    bench.event("4", |event| event.fate == SourceFate::Applied).await;
    assert_eq!(bench.contact("a@source.example").await.unwrap().first_name.as_deref(), Some("Rosalie"));
}

#[tokio::test]
async fn of_the_one_that_is_meant_what_ghl_has_a_say_in_stays() {
    let owner = "[mapping.contact.fields]\nfirstName = { value = 'data.firstName', owner = 'if-empty' }\n";
    let bench = Bench::start(owner).await;
    let email = json!({"contactId": "a", "email": "a@source.example", "firstName": "Anna"});
    let phone = event("2", "contact.created", 10, json!({"contactId": "b", "phone": "+14155550142"}));
    bench.push(&json!([event("1", "contact.created", 10, email), phone])).await;
    bench.quiet().await;
    let both = json!({"contactId": "c", "email": "a@source.example", "phone": "+14155550142", "firstName": "Rosa",
        "lastName": "Marin"});
    bench.push(&event("3", "contact.created", 20, both)).await;
    let failed = bench.event("3", |event| event.fate == SourceFate::Failed).await;
    let meant = bench.contact("a@source.example").await.unwrap().id;
    let by = Requester { key: None, request_id: "r".to_owned() };
    bench.operations.resolve(failed.operations[0].clone(), meant, None, by).await.unwrap();
    bench.event("3", |event| event.fate == SourceFate::Applied).await;
    let contact = bench.contact("a@source.example").await.unwrap();
    let names = (contact.first_name.as_deref(), contact.last_name.as_deref(), contact.phone);
    assert_eq!(names, (Some("Anna"), Some("Marin"), None), "the phone is the other one's");
}

#[tokio::test]
async fn a_question_that_is_not_answered_is_no_failure() {
    // A field that GHL has a say in is looked for before it is written.
    let owner = "[mapping.contact.fields]\nfirstName = { value = 'data.firstName', owner = 'if-empty' }\n";
    let bench = Bench::start(owner).await;
    bench.sandbox.inject(Fault::new("ghl.duplicate", answer(500)).times(4));
    bench.push(&event("1", "contact.created", 10, rosa(json!({"firstName": "Rosa"})))).await;
    assert_eq!(bench.fate("1").await, (SourceFate::Applied, String::new()));
}

#[tokio::test]
async fn events_without_a_time_keep_the_order_in_which_they_came_even_when_one_is_replayed() {
    let bench = Bench::start("").await;
    let named = |id: usize, name: &str| {
        let data = rosa(json!({"firstName": name}));
        json!({"id": format!("u-{id}"), "type": "contact.updated", "data": data})
    };
    let all: Vec<Value> = (0..20).map(|id| named(id, &format!("Name{id}"))).collect();
    let last = async |name: &str| {
        bench.quiet().await;
        assert_eq!(bench.contact("rosa@source.example").await.unwrap().first_name.as_deref(), Some(name));
    };
    let planned = bench.dry_run(&Value::Array(all.clone())).await;
    assert!(planned.events.iter().all(|event| !event.calls.is_empty()), "each would change the name: {planned:?}");
    bench.push(&Value::Array(all)).await;
    last("Name19").await;
    for id in 20..25 {
        bench.push(&named(id, &format!("Name{id}"))).await;
    }
    last("Name24").await;
    for id in [3, 19, 23] {
        let id = SourceEventId::parse(&format!("u-{id}")).unwrap();
        bench.feeds.replay(super::bench::name(), id, None).await.unwrap();
        last("Name24").await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_source_told_is_forgotten_in_its_time_though_no_source_is_configured_any_more() {
    let (clock, tasks) = (Clock::system(), Tasks::new());
    let store = Arc::new(SqliteStore::open(&StoreUrl::SqliteMemory, &tasks).await.unwrap());
    let settings = Settings::load(Sources::default()).unwrap().settings.sources;
    let id = SourceEventId::parse("1").unwrap();
    let event = NewSourceEvent {
        source: super::bench::name(),
        event_id: id.clone(),
        kind: None,
        location: LocationId::parse("a").unwrap(),
        external_id: None,
        contact_external_id: None,
        event_at: None,
        received_at: clock.now(),
        body: b"{}".to_vec(),
        listed: false,
        fate: Some((SourceFate::Ignored, "passed over".to_owned())),
    };
    store.take_in(vec![event], 10).await.unwrap();
    crate::sources::forget(store.clone(), clock.clone(), &settings, &tasks);
    clock.advance(settings.retention.try_into().unwrap());
    clock.advance(SignedDuration::from_secs(1));
    let until = Instant::now() + Duration::from_secs(7_200);
    while store.source_event(super::bench::name(), id.clone()).await.unwrap().is_some() {
        assert!(Instant::now() < until, "it is kept");
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
}

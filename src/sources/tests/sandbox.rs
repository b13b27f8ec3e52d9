//! What GHL comes to hold.

use super::bench::{Bench, event, name};
use crate::domain::{
    erasure::ErasureScope,
    source::{Delivered, PlanOutcome, Proof, RecordKind, SourceEventId, SourceFate},
};
use jiff::SignedDuration;
use serde_json::{Value, json};

fn rosa(more: Value) -> Value {
    let mut data = json!({"contactId": "c-1", "email": "rosa@source.example"});
    data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    data
}

fn call(more: Value) -> Value {
    let mut data = json!({"taskId": "t-1", "contactId": "c-1", "title": "Call", "dueDate": "2026-12-01T10:00:00Z"});
    data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    data
}

#[tokio::test]
async fn everything_a_source_tells_of_reaches_ghl_once_however_it_is_shuffled_and_repeated() {
    let bench = Bench::start("default_region = 'US'").await;
    let events = [
        event("e9", "task.completed", 90, json!({"taskId": "t-1", "contactId": "c-1", "status": "done"})),
        event("e2", "task.created", 20, call(json!({"status": "open"}))),
        event("e7", "tags.removed", 70, json!({"contactId": "c-1", "tagNames": ["old"]})),
        event("e5", "note.added", 50, json!({"noteId": "n-1", "contactId": "c-1", "notes": "Called & left word"})),
        event("e3", "contact.updated", 30, rosa(json!({"firstName": "Rosa", "phone": "(415) 555-0142"}))),
        event("e6", "tags.added", 60, json!({"contactId": "c-1", "tagNames": ["VIP", "old"]})),
        event("e1", "contact.created", 10, rosa(json!({"firstName": "Rose", "lastName": "Marin"}))),
        event("e8", "task.deleted", 80, json!({"taskId": "t-2", "contactId": "c-1"})),
        event("e4", "task.created", 40, call(json!({"taskId": "t-2"}))),
    ];
    for one in &events {
        bench.push(one).await;
    }
    let receipt = bench.push(&Value::Array(events.to_vec())).await;
    assert_eq!((receipt.accepted, receipt.duplicates), (0, 9));
    bench.quiet().await;
    let contact = bench.contact("rosa@source.example").await.unwrap();
    assert_eq!((contact.first_name.as_deref(), contact.last_name.as_deref()), (Some("Rosa"), Some("Marin")));
    assert_eq!((contact.phone.as_deref(), contact.tags), (Some("+14155550142"), vec!["vip".to_owned()]));
    let tasks = bench.tasks(&contact.id).await;
    assert_eq!(
        tasks.iter().map(|task| (task.title.as_deref(), task.completed)).collect::<Vec<_>>(),
        [(Some("Call"), true)]
    );
    assert_eq!(bench.notes(&contact.id).await.len(), 1);
    let writes = bench.sandbox.writes().len();
    // Again under other ids: nothing is new, and nothing is written.
    let again: Vec<Value> = events
        .iter()
        .enumerate()
        .map(|(at, one)| {
            let mut again = one.clone();
            again["id"] = json!(format!("again-{at}"));
            again
        })
        .collect();
    bench.push(&Value::Array(again)).await;
    bench.quiet().await;
    for at in 0..events.len() {
        let (fate, detail) = bench.fate(&format!("again-{at}")).await;
        assert_eq!(fate, SourceFate::Ignored, "again-{at}: {detail}");
    }
    assert_eq!(bench.sandbox.writes().len(), writes);
}

#[tokio::test]
async fn a_task_waits_for_its_contact_and_is_given_up_in_time_and_goes_on_when_the_contact_comes() {
    let bench = Bench::start("").await;
    bench.push(&event("t", "task.created", 10, call(json!({})))).await;
    let (fate, why) = bench.fate("t").await;
    assert_eq!(fate, SourceFate::Waiting);
    assert!(why.contains("contact"), "{why}");
    bench.parts.clock.advance(SignedDuration::from_hours(24 * 40));
    let event_ = bench.event("t", |event| event.fate != SourceFate::Waiting).await;
    assert_eq!(event_.fate, SourceFate::Failed);
    assert!(event_.detail.unwrap().contains("given up"));
    bench.push(&event("c", "contact.created", 20, rosa(json!({})))).await;
    assert_eq!(bench.fate("c").await.0, SourceFate::Applied);
    bench.event("t", |event| event.fate == SourceFate::Applied).await;
    let contact = bench.contact("rosa@source.example").await.unwrap();
    // The contact's event has its fate before the task is written.
    let made = async {
        while bench.tasks(&contact.id).await.len() != 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), made).await.unwrap();
}

#[tokio::test]
async fn a_contact_that_ghl_has_is_matched_and_one_that_is_two_fails_with_both() {
    let bench = Bench::start("").await;
    let ids = bench.sandbox.contact_ids(super::bench::LOCATION);
    let mut found = Vec::new();
    for id in &ids {
        let id = crate::domain::ids::ContactId::parse(id).unwrap();
        let context =
            crate::upstream::CallContext::new(crate::upstream::Lane::Interactive, std::time::Duration::from_secs(9));
        let contact = bench.parts.ghl.contact(&bench.location(), &id, &context).await.unwrap().value;
        found.extend(contact.email.clone().zip(contact.phone.clone()).map(|both| (contact.id, both)));
    }
    let [(one, (email, _)), (other, (_, phone)), ..] = found.as_slice() else { panic!("two with both") };
    bench
        .push(&event("m", "contact.created", 10, json!({"contactId": "c-1", "email": email, "firstName": "Matched"})))
        .await;
    assert_eq!(bench.fate("m").await.0, SourceFate::Applied);
    let contact = bench.contact(email).await.unwrap();
    assert_eq!((&contact.id, contact.first_name.as_deref()), (one, Some("Matched")));
    bench.push(&event("x", "contact.created", 10, json!({"contactId": "c-2", "email": email, "phone": phone}))).await;
    let (fate, detail) = bench.fate("x").await;
    assert_eq!(fate, SourceFate::Failed);
    assert!(
        detail.contains(one.as_str()) && detail.contains(other.as_str()) && detail.contains("operation"),
        "{detail}"
    );
    assert!(!detail.contains(email.as_str()), "nothing of a person: {detail}");
}

#[tokio::test]
async fn what_somebody_deleted_in_ghl_is_made_anew() {
    let bench = Bench::start("").await;
    bench
        .push(&json!([
            event("1", "contact.created", 10, rosa(json!({"firstName": "Rosa"}))),
            event("2", "task.created", 20, call(json!({}))),
            event("other", "task.created", 20, call(json!({"taskId": "t-2", "title": "Write"}))),
        ]))
        .await;
    bench.quiet().await;
    let old = bench.contact("rosa@source.example").await.unwrap().id;
    bench.delete_contact(&old).await;
    bench.push(&event("3", "task.updated", 30, call(json!({"title": "Call again"})))).await;
    assert_eq!(bench.fate("3").await, (SourceFate::Applied, String::new()));
    let contact = bench.contact("rosa@source.example").await.unwrap();
    assert_ne!(contact.id, old);
    // Of the other one nothing was told, and it is made anew as well.
    bench.settled().await;
    let mut titles: Vec<_> = bench.tasks(&contact.id).await.into_iter().filter_map(|task| task.title).collect();
    titles.sort();
    assert_eq!(titles, ["Call again", "Write"]);
}

#[tokio::test]
async fn a_contact_that_is_another_records_as_well_is_deleted_with_the_last_of_them() {
    let bench = Bench::start("on_contact_deleted = 'delete'").await;
    let other = json!({"contactId": "c-2", "email": "rosa@source.example"});
    bench.push(&json!([event("1", "contact.created", 10, rosa(json!({})))])).await;
    bench.push(&event("2", "contact.created", 10, other)).await;
    bench.quiet().await;
    let deletion = event("3", "contact.deleted", 20, json!({"contactId": "c-1"}));
    let plan = bench.dry_run(&deletion).await.events.remove(0);
    assert_eq!((plan.outcome, plan.calls.len()), (PlanOutcome::Nothing, 0), "{plan:?}");
    assert!(plan.reason.unwrap().starts_with("another record"));
    bench.push(&deletion).await;
    let (fate, why) = bench.fate("3").await;
    assert_eq!((fate, why.starts_with("another record")), (SourceFate::Ignored, true), "{why}");
    assert!(bench.contact("rosa@source.example").await.is_some());
    bench.push(&event("4", "contact.deleted", 20, json!({"contactId": "c-2"}))).await;
    assert_eq!(bench.fate("4").await.0, SourceFate::Applied);
    assert!(bench.contact("rosa@source.example").await.is_none());
}

#[tokio::test]
async fn of_a_contact_that_was_deleted_nothing_is_kept_that_the_source_said_of_it_and_a_purge_finds_it() {
    let bench = Bench::start("on_contact_deleted = 'delete'").await;
    let contact = rosa(json!({"firstName": "Rosa", "tagNames": ["vip"]}));
    bench.push(&json!([event("1", "contact.created", 10, contact)])).await;
    bench.quiet().await;
    let id = bench.contact("rosa@source.example").await.unwrap().id;
    bench.push(&event("2", "contact.deleted", 20, json!({"contactId": "c-1"}))).await;
    assert_eq!(bench.fate("2").await.0, SourceFate::Applied);
    let record = bench.record(RecordKind::Contact, "c-1").await.unwrap();
    assert!(record.state.is_deleted() && record.state.tags.is_empty());
    assert!(record.state.fields.values().all(|said| said.value.is_null()), "{:?}", record.state);
    assert_eq!(record.delivered, Delivered::default());
    // What is older than the deletion stays known to be older.
    bench.push(&event("3", "contact.updated", 15, rosa(json!({"firstName": "Rose"})))).await;
    assert_eq!(bench.fate("3").await.0, SourceFate::Ignored);
    let scope = ErasureScope { location: bench.location(), contact: Some(id) };
    assert!(bench.store().forget_sources(scope, bench.parts.clock.now()).await.unwrap() > 0);
    assert_eq!(bench.record(RecordKind::Contact, "c-1").await, None);
    let replayable = bench.event("1", |_| true).await.replayable;
    assert!(!replayable, "nor what its events said");
}

#[tokio::test]
async fn a_task_that_moves_is_at_its_new_contact_alone() {
    let bench = Bench::start("").await;
    bench
        .push(&json!([
            event("1", "contact.created", 10, rosa(json!({}))),
            event("2", "contact.created", 10, json!({"contactId": "c-2", "email": "marin@source.example"})),
            event("3", "task.created", 20, call(json!({}))),
        ]))
        .await;
    bench.push(&event("4", "task.updated", 30, call(json!({"contactId": "c-2"})))).await;
    bench.quiet().await;
    let (one, other) = (bench.contact("rosa@source.example").await, bench.contact("marin@source.example").await);
    assert_eq!(bench.tasks(&one.unwrap().id).await.len(), 0);
    assert_eq!(bench.tasks(&other.unwrap().id).await.len(), 1);
}

#[tokio::test]
async fn a_dry_run_says_what_is_then_done_and_does_nothing() {
    let bench = Bench::start("default_region = 'US'").await;
    let events = json!([
        event("t", "task.created", 20, call(json!({}))),
        event("c", "contact.created", 10, rosa(json!({"firstName": "Rosa", "tagNames": ["vip"]}))),
        event("c2", "contact.updated", 30, rosa(json!({"firstName": "Rose"}))),
        event("p", "weather.changed", 30, json!({})),
    ]);
    let run = bench.dry_run(&events).await;
    assert!(bench.sandbox.writes().is_empty());
    let outcomes: Vec<_> = run.events.iter().map(|event| event.outcome).collect();
    use PlanOutcome::{Apply, Nothing, Wait};
    assert_eq!(outcomes, [Wait, Apply, Apply, Nothing], "{run:#?}");
    let calls: Vec<_> = run.events[1]
        .calls
        .iter()
        .filter(|call| call.method != "GET")
        .map(|call| (&*call.method, &*call.path))
        .collect();
    let expected =
        [("POST", "/contacts/"), ("POST", "/contacts/{contactId}/tags"), ("POST", "/contacts/{contactId}/tasks")];
    assert_eq!(calls, expected);
    let before = bench.sandbox.calls().count("ghl.*");
    bench.push(&events).await;
    bench.quiet().await;
    // Events that come together may cost less than one by one, and never more.
    let spent = bench.sandbox.calls().count("ghl.*") - before;
    assert!(spent <= run.quota.reads + run.quota.writes, "{spent} of {:?}", run.quota);
    let change = event("c3", "contact.updated", 40, rosa(json!({"firstName": "Rosalie"})));
    let run = bench.dry_run(&change).await;
    let field = run.events[0].fields.iter().find(|field| field.field == "firstName").unwrap();
    assert_eq!((&field.from, &field.to), (&json!("Rose"), &json!("Rosalie")));
    assert_eq!(run.events[0].found_by.as_deref(), Some("known"));
    assert_eq!((run.quota.reads, run.quota.writes), (0, 1));
    let run = bench.dry_run(&event("c2", "contact.updated", 30, rosa(json!({})))).await;
    assert_eq!(run.events[0].outcome, Nothing, "it came before");
}

#[tokio::test]
async fn a_request_with_one_bad_event_is_refused_in_whole_or_keeps_it_as_a_dead_letter() {
    let events = json!([
        event("good", "contact.created", 10, rosa(json!({}))),
        event("bad", "contact.created", 10, json!({"contactId": "c-2", "email": 5})),
    ]);
    let bench = Bench::start("").await;
    let problem = bench
        .feeds
        .push(name(), Proof::Key { locations: None, reads: true }, events.to_string().as_bytes())
        .await
        .unwrap_err();
    assert_eq!(problem.errors[0].pointer, "/1/data/email");
    assert!(bench.feeds.event(name(), SourceEventId::parse("good").unwrap(), None).await.is_err(), "nothing was taken");
    let bench = Bench::start("bad_events = 'dead-letter'").await;
    bench.push(&events).await;
    assert_eq!(bench.fate("good").await.0, SourceFate::Applied);
    let (fate, detail) = bench.fate("bad").await;
    assert_eq!(fate, SourceFate::Failed);
    assert!(detail.starts_with("/data/email: "), "{detail}");
    let bad = bench.event("bad", |_| true).await;
    assert_eq!(bad.contact_external_id.unwrap().as_str(), "c-2", "whose it is, for whoever forgets that contact");
}

#[tokio::test]
async fn errors_are_pointed_at_in_the_list_that_the_mapping_names_and_no_more_than_fifty_are_told() {
    let bench = Bench::start("mapping = { each = 'payload.batch[\"a/b\"]' }").await;
    let bad = |id: usize| event(&format!("e{id}"), "contact.created", 10, json!({"contactId": "c", "email": 5}));
    let bad: Vec<Value> = (0..60).map(bad).collect();
    let events = json!({"first": bad, "batch": {"a/b": bad}}).to_string();
    let proof = Proof::Key { locations: None, reads: true };
    let problem = bench.feeds.push(name(), proof, events.as_bytes()).await.unwrap_err();
    assert_eq!((problem.errors.len(), problem.errors[0].pointer.as_str()), (51, "/batch/a~1b/0/data/email"));
    assert_eq!(problem.errors[50].message, "and 10 more");
}

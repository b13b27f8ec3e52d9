//! Forgetting what is held of a contact or a location.

use super::{
    On, at, contact, done, entry, key, later, location, new, new_contact, note, on_every_store, problem, written,
};
use crate::{
    domain::{
        erasure::{Erased, ErasedOperations, ErasureScope},
        ids::{LocationId, OperationId},
        operation::{AttemptEnd, AuditEntry, AuditEvent, AuditFilter, Idempotency, NewOperation, OperationState},
    },
    store::{Accepted, Changed, Erasure, OperationStore, Reservation, sqlite::SqliteStore},
};
use serde_json::json;

on_every_store! {
    what_operations_say_goes_and_that_they_were_stays,
    what_waits_is_cancelled_and_what_runs_is_not_tried_again,
    one_that_was_under_way_in_a_dead_process_is_cancelled,
    one_whose_lease_ran_out_is_cancelled,
    a_contact_that_was_made_meanwhile_is_forgotten_all_the_same,
    keys_are_remembered_and_their_answers_are_not,
    an_answer_that_comes_too_late_is_not_kept,
    others_are_left_alone,
    a_location_goes_batch_by_batch,
}

fn scope(of: Option<&str>) -> ErasureScope {
    ErasureScope { location: location(), contact: of.map(contact) }
}

async fn erase(store: &SqliteStore, of: Option<&str>, second: i64) -> Erasure {
    let log = AuditEntry {
        at: at(second),
        contact_id: of.map(contact),
        operation_id: None,
        payload: None,
        ..entry("o", AuditEvent::Erased)
    };
    store.erase(scope(of), log, at(second)).await.unwrap()
}

fn counts(erased: u64, cancelled: u64, running: u64) -> ErasedOperations {
    ErasedOperations { erased, cancelled, running }
}

fn with_payload(id: &str) -> AuditEntry {
    AuditEntry {
        contact_id: Some(contact("c1")),
        payload: Some(json!({"body": "called"})),
        ..entry(id, AuditEvent::Accepted)
    }
}

async fn what_operations_say_goes_and_that_they_were_stays(store: &SqliteStore) {
    let on = On(store);
    store.accept(new("a", note("c1")), with_payload("a")).await.unwrap();
    on.claim(1).await;
    assert!(on.end("a", 1, done("n1"), 2).await);
    on.accept("b", note("c1")).await;
    on.claim(3).await;
    assert!(on.end("b", 1, AttemptEnd::Failed(problem()), 4).await);
    let erasure = erase(store, Some("c1"), 5).await;
    let expected = Erased { operations: counts(2, 0, 0), idempotency_keys: 0, audit_payloads: 1 };
    assert_eq!(erasure, Erasure { counts: expected, cancelled: Vec::new() });
    for (id, state) in [("a", OperationState::Done), ("b", OperationState::Failed)] {
        let left = on.get(id).await;
        assert_eq!((left.state, left.erased_at, left.attempts), (state, Some(at(5)), 1));
        assert_eq!((&left.write, &left.written, &left.problem), (&note("c1").without_content(), &None, &None));
        assert_eq!(left.contact, Some(contact("c1")));
    }
    let log = store.audit(AuditFilter::default(), None, 100).await.unwrap().items;
    let seqs: Vec<i64> = log.iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, [5, 4, 3, 2, 1], "no position is left empty");
    assert_eq!(
        log.iter().filter(|entry| entry.payload.is_some()).map(|entry| entry.event).collect::<Vec<_>>(),
        [AuditEvent::Erased]
    );
    assert_eq!(
        log[0].payload,
        Some(
            json!({"operations": {"erased": 2, "cancelled": 0, "running": 0}, "idempotencyKeys": 0, "auditPayloads": 1})
        )
    );
    let retried = store.retry(OperationId::parse("b").unwrap(), entry("b", AuditEvent::Retried), at(6)).await.unwrap();
    assert!(matches!(retried, Changed::No(_)), "what it said is not known any more");
    assert_eq!(erase(store, Some("c1"), 7).await, Erasure::default(), "nothing is left");
}

async fn what_waits_is_cancelled_and_what_runs_is_not_tried_again(store: &SqliteStore) {
    let on = On(store);
    for id in ["a", "b", "c"] {
        on.accept(id, note("c1")).await;
    }
    assert_eq!(on.claim(1).await, ["a"]);
    let erasure = erase(store, Some("c1"), 2).await;
    assert_eq!(erasure.counts.operations, counts(2, 2, 1));
    assert_eq!(erasure.cancelled.iter().map(AsRef::<str>::as_ref).collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(on.get("b").await.state, OperationState::Cancelled);
    let running = on.get("a").await;
    assert_eq!((running.state, running.erased_at), (OperationState::Running, Some(at(2))));
    assert_eq!(running.write, note("c1"), "what is being told to GHL");
    assert!(on.end("a", 1, later(3, Some((1, 3))), 3).await);
    let left = on.get("a").await;
    assert_eq!((left.state, &left.problem), (OperationState::Cancelled, &None));
    assert_eq!(left.write, note("c1").without_content());
    on.accept("d", note("c1")).await;
    assert_eq!(on.claim(4).await, ["d"], "what is asked for after it goes on");
}

async fn one_that_was_under_way_in_a_dead_process_is_cancelled(store: &SqliteStore) {
    let on = On(store);
    on.accept("a", note("c1")).await;
    on.claim(1).await;
    erase(store, Some("c1"), 2).await;
    assert_eq!(store.recover(at(3)).await, Ok(0));
    let left = on.get("a").await;
    assert_eq!((left.state, &left.write), (OperationState::Cancelled, &note("c1").without_content()));
    assert!(on.claim(100).await.is_empty());
}

async fn one_whose_lease_ran_out_is_cancelled(store: &SqliteStore) {
    let on = On(store);
    on.accept("a", note("c1")).await;
    on.claim(1).await;
    erase(store, None, 2).await;
    assert!(on.claim(100).await.is_empty());
    let left = on.get("a").await;
    assert_eq!((left.state, &left.write), (OperationState::Cancelled, &note("c1").without_content()));
    assert!(!on.end("a", 1, done("n1"), 101).await, "a late end brings nothing back");
    assert_eq!(on.get("a").await.written, None);
}

async fn a_contact_that_was_made_meanwhile_is_forgotten_all_the_same(store: &SqliteStore) {
    let on = On(store);
    on.accept("a", new_contact(Some("ann@example.com"))).await;
    on.claim(1).await;
    assert_eq!(erase(store, Some("c9"), 2).await.counts.operations, counts(0, 0, 0), "nobody knows yet whose it is");
    assert!(on.end("a", 1, AttemptEnd::Done(written("c9")), 3).await);
    let left = on.get("a").await;
    assert_eq!((left.state, &left.written), (OperationState::Done, &None));
    assert!(!left.order_key.contains("ann@example.com"), "{}", left.order_key);
}

async fn keys_are_remembered_and_their_answers_are_not(store: &SqliteStore) {
    let keyed = NewOperation { idempotency: Some(key("k", 1)), ..new("a", note("c1")) };
    store.accept(keyed, entry("a", AuditEvent::Accepted)).await.unwrap();
    let report = Idempotency { scope: "location1:anonymous".into(), ..key("r", 1) };
    store.reserve(report.clone(), at(0)).await.unwrap();
    store.answer(report.clone(), Some(json!({"contactId": "c1", "addTags": ["vip"]}))).await.unwrap();
    assert_eq!(erase(store, Some("c1"), 1).await.counts.idempotency_keys, 2);
    for request in [1, 2] {
        let again = NewOperation { idempotency: Some(key("k", request)), ..new("b", note("c1")) };
        match store.accept(again, entry("b", AuditEvent::Accepted)).await.unwrap() {
            Accepted::Before(operation) => assert_eq!((operation.id.as_str(), operation.erased_at), ("a", Some(at(1)))),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(store.reserve(report.clone(), at(2)).await, Ok(Reservation::Erased));
    store.recover(at(3)).await.unwrap();
    assert_eq!(store.reserve(report, at(4)).await, Ok(Reservation::Erased), "also after a restart");
}

async fn an_answer_that_comes_too_late_is_not_kept(store: &SqliteStore) {
    for (name, of) in [("r1", Some("c1")), ("r2", None)] {
        let report = Idempotency { scope: "location1:anonymous".into(), ..key(name, 1) };
        store.reserve(report.clone(), at(0)).await.unwrap();
        erase(store, of, 1).await;
        store.answer(report.clone(), Some(json!({"contactId": "c1", "addTags": ["vip"]}))).await.unwrap();
        assert_eq!(store.reserve(report, at(2)).await, Ok(Reservation::Erased), "{name}");
    }
    let after = Idempotency { scope: "location1:anonymous".into(), ..key("r3", 1) };
    store.reserve(after.clone(), at(3)).await.unwrap();
    store.answer(after.clone(), Some(json!({"contactId": "c1"}))).await.unwrap();
    assert_eq!(store.reserve(after, at(4)).await, Ok(Reservation::Answered(json!({"contactId": "c1"}))));
}

fn other_location() -> LocationId {
    LocationId::parse("location2").unwrap()
}

async fn others_are_left_alone(store: &SqliteStore) {
    let on = On(store);
    store
        .accept(new("a", note("c2")), AuditEntry { contact_id: Some(contact("c2")), ..with_payload("a") })
        .await
        .unwrap();
    let elsewhere = NewOperation { location: other_location(), ..new("b", note("c1")) };
    let of_it = AuditEntry { location_id: Some(other_location()), ..with_payload("b") };
    store.accept(elsewhere, of_it).await.unwrap();
    let report = Idempotency { scope: "location2:anonymous".into(), ..key("r", 1) };
    store.reserve(report.clone(), at(0)).await.unwrap();
    store.answer(report.clone(), Some(json!({"contactId": "c1"}))).await.unwrap();
    assert_eq!(erase(store, Some("c1"), 1).await, Erasure::default());
    assert_eq!(erase(store, None, 2).await.counts.operations, counts(1, 1, 0), "the other contact of the location");
    let left = on.get("b").await;
    assert_eq!((left.state, &left.write, left.erased_at), (OperationState::Pending, &note("c1"), None));
    let filter = AuditFilter { operation: Some(left.id), ..AuditFilter::default() };
    assert!(store.audit(filter, None, 10).await.unwrap().items[0].payload.is_some());
    assert!(matches!(store.reserve(report, at(3)).await, Ok(Reservation::Answered(_))));
}

async fn a_location_goes_batch_by_batch(store: &SqliteStore) {
    for number in 0..1201 {
        let id = format!("o{number}");
        let keyed = NewOperation { idempotency: Some(key(&id, 1)), ..new(&id, note(&format!("c{number}"))) };
        store.accept(keyed, with_payload(&id)).await.unwrap();
    }
    let erasure = erase(store, None, 1).await;
    assert_eq!(
        erasure.counts,
        Erased { operations: counts(1201, 1201, 0), idempotency_keys: 1201, audit_payloads: 1201 }
    );
    assert_eq!(erasure.cancelled.len(), 1201);
    let filter = AuditFilter { event: Some(AuditEvent::Erased), ..AuditFilter::default() };
    assert_eq!(store.audit(filter, None, 10).await.unwrap().items.len(), 1, "however many steps it took");
    assert_eq!(erase(store, None, 2).await, Erasure::default());
}

//! Accepting, keys, turns and the ends of attempts.

use super::{
    On, at, attempt, contact, done, entry, key, later, location, new, new_contact, note, on_every_store, problem,
    written,
};
use crate::{
    domain::{
        ids::{LocationId, OperationId},
        operation::{AttemptEnd, AuditEvent, AuditFilter, NewOperation, OperationFilter, OperationState},
    },
    store::{Accepted, OperationStore, Reservation, sqlite::SqliteStore},
};
use serde_json::json;

on_every_store! {
    an_operation_is_read_back_as_it_was_accepted,
    a_key_stands_for_its_first_request,
    a_contact_is_served_in_order_and_others_beside_it,
    what_waits_for_another_attempt_keeps_its_place,
    the_same_person_is_not_created_side_by_side,
    a_claim_takes_no_more_than_it_was_told,
    a_closed_location_is_passed_over,
    what_is_done_knows_what_it_made,
    an_end_comes_once,
    a_lost_attempt_is_uncertain_and_its_late_end_does_not_count,
    what_ghl_did_counts_however_late_it_is_known,
    what_a_dead_process_left_is_taken_up,
    an_attempt_may_leave_open_what_ghl_did,
    a_reserved_key_waits_for_its_answer,
}

async fn an_operation_is_read_back_as_it_was_accepted(store: &SqliteStore) {
    let accepted = On(store).accept("a", note("c1")).await;
    assert_eq!(accepted, On(store).get("a").await);
    assert_eq!(accepted.contact, Some(contact("c1")));
    assert_eq!(accepted.order_key, "location1/c1");
    assert_eq!((accepted.state, accepted.attempts), (OperationState::Pending, 0));
    let log = store.audit(AuditFilter::default(), None, 10).await.unwrap();
    assert_eq!(log.items.len(), 1, "the entry came along");
    assert_eq!(log.items[0].operation_id, Some(accepted.id));
    assert_eq!(store.operation(OperationId::parse("b").unwrap()).await.unwrap(), None);
}

async fn a_key_stands_for_its_first_request(store: &SqliteStore) {
    let with = |id: &str, request: u8| NewOperation { idempotency: Some(key("k", request)), ..new(id, note("c1")) };
    let accept =
        async |id: &str, request: u8| store.accept(with(id, request), entry(id, AuditEvent::Accepted)).await.unwrap();
    let Accepted::New(first) = accept("a", 1).await else { panic!("it is new") };
    assert_eq!(first.idempotency_key.as_deref(), Some("k"));
    assert_eq!(accept("b", 1).await, Accepted::Before(first.clone()));
    assert_eq!(accept("c", 2).await, Accepted::KeyReused);
    assert_eq!(store.reserve(key("k", 1), at(0)).await.unwrap(), Reservation::KeyReused);
    let mut foreign = with("d", 2);
    foreign.idempotency.as_mut().unwrap().scope = "location2/someone".into();
    assert!(matches!(store.accept(foreign, entry("d", AuditEvent::Accepted)).await.unwrap(), Accepted::New(_)));
    let all = store.operations(OperationFilter::default(), None, 10).await.unwrap();
    assert_eq!(all.items.len(), 2, "only what is new was stored");
    let log = store.audit(AuditFilter::default(), None, 10).await.unwrap();
    assert_eq!(log.items.len(), 2);
}

async fn a_contact_is_served_in_order_and_others_beside_it(store: &SqliteStore) {
    let on = On(store);
    for (id, contact) in [("a", "c1"), ("b", "c1"), ("c", "c2"), ("d", "c1")] {
        on.accept(id, note(contact)).await;
    }
    assert_eq!(on.claim(1).await, ["a", "c"]);
    assert!(on.claim(2).await.is_empty(), "the others stand behind them");
    assert_eq!(on.get("a").await.state, OperationState::Running);
    assert!(on.end("a", 1, done("n1"), 3).await);
    assert_eq!(on.claim(4).await, ["b"]);
    assert!(on.end("b", 1, AttemptEnd::Failed(problem()), 5).await);
    assert_eq!(on.claim(6).await, ["d"], "a failure does not stop those behind it");
    assert!(on.end("d", 1, AttemptEnd::Dead(problem()), 7).await);
    on.accept("e", note("c1")).await;
    assert_eq!(on.claim(8).await, ["e"]);
}

async fn what_waits_for_another_attempt_keeps_its_place(store: &SqliteStore) {
    let on = On(store);
    on.accept("a", note("c1")).await;
    on.accept("b", note("c1")).await;
    assert_eq!(on.claim(1).await, ["a"]);
    assert!(on.end("a", 1, later(30, None), 2).await);
    assert!(on.claim(29).await.is_empty(), "neither is it due, nor does another go first");
    assert_eq!(store.next_due(vec![]).await.unwrap(), Some(at(30)));
    assert_eq!(on.claim(30).await, ["a"]);
    assert_eq!(store.next_due(vec![]).await.unwrap(), None, "b waits for a, not for its time");
}

async fn the_same_person_is_not_created_side_by_side(store: &SqliteStore) {
    let on = On(store);
    on.accept("a", new_contact(Some("eve@example.com"))).await;
    on.accept("b", new_contact(Some("EVE@example.com"))).await;
    on.accept("c", new_contact(None)).await;
    on.accept("d", new_contact(None)).await;
    assert_eq!(on.claim(1).await, ["a", "c", "d"]);
}

async fn a_claim_takes_no_more_than_it_was_told(store: &SqliteStore) {
    for number in 0..5 {
        On(store).accept(&format!("o{number}"), note(&format!("c{number}"))).await;
    }
    assert_eq!(store.claim(at(1), at(2), 0, Vec::new()).await.unwrap(), []);
    assert_eq!(store.claim(at(1), at(2), 3, Vec::new()).await.unwrap().len(), 3);
    // Three leases ran out: they count against the limit, too.
    assert_eq!(store.claim(at(2), at(9), 4, Vec::new()).await.unwrap().len(), 4);
}

async fn a_closed_location_is_passed_over(store: &SqliteStore) {
    let elsewhere = LocationId::parse("location2").unwrap();
    let on = On(store);
    on.accept("a", note("c1")).await;
    let foreign = NewOperation { location: elsewhere.clone(), ..new("b", note("c2")) };
    store.accept(foreign, entry("b", AuditEvent::Accepted)).await.unwrap();
    let claim = async |second, closed| {
        let claimed = store.claim(at(second), at(second + 1), 9, closed).await.unwrap();
        claimed.into_iter().map(|operation| operation.id.to_string()).collect::<Vec<_>>()
    };
    assert!(claim(1, vec![location(), elsewhere.clone()]).await.is_empty());
    assert_eq!(claim(1, vec![location()]).await, ["b"]);
    assert_eq!(claim(5, vec![elsewhere.clone()]).await, ["a"], "a lost one is passed over as well");
    assert_eq!(claim(5, vec![]).await, ["b"]);
}

async fn what_is_done_knows_what_it_made(store: &SqliteStore) {
    let on = On(store);
    on.accept("a", new_contact(Some("eve@example.com"))).await;
    on.accept("b", note("c1")).await;
    on.claim(1).await;
    assert!(on.end("a", 1, done("madeContact"), 2).await);
    assert!(on.end("b", 1, done("note1"), 2).await);
    let (made, noted) = (on.get("a").await, on.get("b").await);
    assert_eq!((made.state, made.attempts), (OperationState::Done, 1));
    assert_eq!(made.contact, Some(contact("madeContact")));
    assert_eq!(made.written, Some(written("madeContact")));
    assert_eq!(made.updated_at, at(2));
    assert_eq!(noted.contact, Some(contact("c1")), "a note's id is no contact's");
}

async fn an_end_comes_once(store: &SqliteStore) {
    let on = On(store);
    on.accept("a", note("c1")).await;
    assert!(!on.end("a", 1, done("n1"), 1).await, "it does not run yet");
    on.claim(1).await;
    assert!(on.end("a", 1, done("n1"), 2).await);
    assert!(!on.end("a", 1, AttemptEnd::Failed(problem()), 3).await);
    assert!(!on.end("unknown", 1, done("n1"), 3).await);
    assert_eq!(on.get("a").await.state, OperationState::Done);
    let filter = AuditFilter { event: Some(AuditEvent::Attempt), ..AuditFilter::default() };
    assert_eq!(store.audit(filter, None, 10).await.unwrap().items.len(), 1, "what did not count left no trace");
}

async fn a_lost_attempt_is_uncertain_and_its_late_end_does_not_count(store: &SqliteStore) {
    let on = On(store);
    on.accept("a", note("c1")).await;
    assert_eq!(on.claim(1).await, ["a"]);
    assert!(on.claim(60).await.is_empty());
    assert_eq!(on.claim(61).await, ["a"], "its lease ran out");
    let again = on.get("a").await;
    assert_eq!((again.uncertain_since, again.settles_at), (Some(at(1)), Some(at(61))));
    assert_eq!(again.attempts, 1);
    assert!(!on.end("a", 1, later(70, None), 62).await, "that is the lost attempt's");
    assert!(!on.end("a", 1, AttemptEnd::Failed(problem()), 62).await, "the second may still do it");
    assert_eq!(on.claim(121).await, ["a"]);
    assert_eq!(on.get("a").await.uncertain_since, Some(at(1)), "the first attempt that left it open");
    assert!(on.end("a", 3, done("n1"), 122).await);
    assert_eq!(on.get("a").await.uncertain_since, None);
}

async fn what_ghl_did_counts_however_late_it_is_known(store: &SqliteStore) {
    let on = On(store);
    for id in ["a", "b"] {
        on.accept(id, note("c1")).await;
    }
    assert_eq!(on.claim(1).await, ["a"]);
    assert_eq!(on.claim(61).await, ["a"], "its lease ran out");
    assert!(on.end("a", 1, done("n1"), 62).await, "the clock jumped, and the attempt was done all the same");
    let operation = on.get("a").await;
    assert_eq!((operation.state, operation.uncertain_since), (OperationState::Done, None));
    assert!(!on.end("a", 2, later(70, Some((61, 65))), 63).await, "nothing more is to be found out");
    assert_eq!(on.get("a").await.state, OperationState::Done);
    assert_eq!(on.claim(64).await, ["b"]);
    assert!(on.end("b", 1, later(70, Some((64, 69))), 65).await);
    assert!(on.end("b", 1, done("n2"), 66).await, "also where the next attempt has not begun");
    assert!(on.claim(100).await.is_empty());
}

async fn what_a_dead_process_left_is_taken_up(store: &SqliteStore) {
    let on = On(store);
    for (id, contact) in [("a", "c1"), ("b", "c1"), ("c", "c2")] {
        on.accept(id, note(contact)).await;
    }
    store.reserve(key("under way", 1), at(0)).await.unwrap();
    assert_eq!(on.claim(1).await, ["a", "c"]);
    assert!(on.end("c", 1, later(0, Some((-5, 4))), 2).await);
    assert_eq!(on.claim(3).await, ["c"]);
    assert_eq!(store.recover(at(9)).await.unwrap(), 2);
    assert_eq!(store.recover(at(9)).await.unwrap(), 0);
    let (fresh, known) = (on.get("a").await, on.get("c").await);
    assert_eq!((fresh.state, fresh.due_at), (OperationState::Pending, at(9)));
    assert_eq!((fresh.uncertain_since, fresh.settles_at), (Some(at(1)), Some(at(9))));
    assert_eq!((known.uncertain_since, known.settles_at, known.attempts), (Some(at(-5)), Some(at(9)), 2));
    assert_eq!(on.claim(10).await, ["a", "c"], "b still stands behind a");
    assert_eq!(store.reserve(key("under way", 1), at(10)).await.unwrap(), Reservation::New, "nobody answers for it");
}

async fn an_attempt_may_leave_open_what_ghl_did(store: &SqliteStore) {
    let on = On(store);
    on.accept("a", note("c1")).await;
    on.claim(1).await;
    assert!(on.end("a", 1, later(5, Some((1, 7))), 2).await);
    let open = on.get("a").await;
    assert_eq!((open.uncertain_since, open.settles_at), (Some(at(1)), Some(at(7))));
    assert_eq!((open.attempts, open.problem), (1, Some(problem())));
    on.claim(8).await;
    assert!(on.end("a", 2, later(9, Some((8, 14))), 9).await);
    assert_eq!(on.get("a").await.uncertain_since, Some(at(1)), "still since the first");
    on.claim(10).await;
    let not_sent = AttemptEnd::Later { due_at: at(11), problem: problem(), counts: false, uncertain: None };
    assert!(on.end("a", 3, not_sent, 11).await);
    let known = on.get("a").await;
    assert_eq!((known.uncertain_since, known.settles_at, known.attempts), (None, None, 2));
    on.claim(12).await;
    let look = entry("a", AuditEvent::Look);
    assert!(store.end_attempt(known.id, done("n1"), look, at(13)).await.unwrap());
    assert_eq!(on.get("a").await.attempts, 2, "a look is no attempt");
    assert!(!store.end_attempt(OperationId::parse("a").unwrap(), done("n1"), attempt("a", 3), at(13)).await.unwrap());
}

async fn a_reserved_key_waits_for_its_answer(store: &SqliteStore) {
    let reserve = async |request| store.reserve(key("k", request), at(0)).await.unwrap();
    assert_eq!(reserve(1).await, Reservation::New);
    assert_eq!(reserve(1).await, Reservation::UnderWay);
    assert_eq!(reserve(2).await, Reservation::KeyReused);
    store.answer(key("k", 2), None).await.unwrap();
    assert_eq!(reserve(1).await, Reservation::UnderWay, "another request cannot give it back");
    store.answer(key("k", 1), None).await.unwrap();
    assert_eq!(reserve(1).await, Reservation::New, "given back");
    store.answer(key("k", 1), Some(json!({ "written": 2 }))).await.unwrap();
    store.answer(key("k", 1), None).await.unwrap();
    assert_eq!(reserve(1).await, Reservation::Answered(json!({ "written": 2 })), "an answer stays");
    assert_eq!(store.recover(at(0)).await.unwrap(), 0);
    assert_eq!(reserve(1).await, Reservation::Answered(json!({ "written": 2 })));
    let op = NewOperation { idempotency: Some(key("k", 1)), ..new("a", note("c1")) };
    assert_eq!(store.accept(op, entry("a", AuditEvent::Accepted)).await.unwrap(), Accepted::KeyReused);
}

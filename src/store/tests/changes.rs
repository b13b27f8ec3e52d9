//! Retrying, taking back and forgetting.

use super::{On, at, contact, done, entry, key, later, new, new_contact, note, on_every_store, problem};
use crate::{
    domain::{
        ids::OperationId,
        operation::{AttemptEnd, AuditEvent, AuditFilter, NewOperation, Operation, OperationState},
        write::{Fields, Write},
    },
    store::{Accepted, Changed, Hasten, OperationStore, Reservation, sqlite::SqliteStore},
};

on_every_store! {
    a_dead_letter_is_retried_and_looked_for_first,
    what_is_retried_comes_before_those_accepted_after_it,
    what_is_retried_waits_for_what_runs,
    what_is_resolved_waits_behind_the_contact_that_was_chosen,
    what_waits_can_be_taken_back,
    what_may_have_happened_is_not_taken_back,
    what_is_old_is_forgotten_and_what_is_needed_is_not,
    after_the_clock_was_set_back_nothing_waits_for_the_old_time,
    a_key_is_kept_while_its_operation_is_open,
    pruning_goes_on_beyond_one_batch,
}

async fn retry(store: &SqliteStore, id: &str, second: i64) -> Changed {
    let entry = entry(id, AuditEvent::Retried);
    store.retry(OperationId::parse(id).unwrap(), entry, at(second)).await.unwrap()
}

async fn cancel(store: &SqliteStore, id: &str, second: i64) -> Changed {
    let entry = entry(id, AuditEvent::Cancelled);
    store.cancel(OperationId::parse(id).unwrap(), entry, at(second)).await.unwrap()
}

fn yes(changed: Changed) -> Operation {
    match changed {
        Changed::Yes(operation) => operation,
        other => panic!("{other:?}"),
    }
}

fn no(changed: Changed) -> Operation {
    match changed {
        Changed::No(operation) => operation,
        other => panic!("{other:?}"),
    }
}

async fn a_dead_letter_is_retried_and_looked_for_first(store: &SqliteStore) {
    let on = On(store);
    on.accept("a", note("c1")).await;
    assert_eq!(no(retry(store, "a", 1).await).state, OperationState::Pending);
    on.claim(1).await;
    assert_eq!(no(retry(store, "a", 1).await).state, OperationState::Running);
    assert!(on.end("a", 1, AttemptEnd::Dead(problem()), 2).await);
    let dead = on.get("a").await;
    assert_eq!((dead.state, dead.attempts), (OperationState::Dead, 1));
    assert_eq!(dead.uncertain_since, Some(at(1)), "nobody says what became of its last attempt");
    let again = yes(retry(store, "a", 50).await);
    assert_eq!((again.state, again.attempts, again.due_at), (OperationState::Pending, 0, at(50)));
    assert_eq!(again.uncertain_since, Some(at(1)));
    assert_eq!(again, on.get("a").await);
    assert_eq!(on.claim(51).await, ["a"]);
    assert!(on.end("a", 1, done("n1"), 52).await);
    no(retry(store, "a", 53).await);
    assert_eq!(retry(store, "unknown", 53).await, Changed::Unknown);
    let filter = AuditFilter { event: Some(AuditEvent::Retried), ..AuditFilter::default() };
    assert_eq!(store.audit(filter, None, 10).await.unwrap().items.len(), 1, "only what was changed is told");
}

async fn what_is_retried_comes_before_those_accepted_after_it(store: &SqliteStore) {
    let on = On(store);
    for id in ["a", "b", "c"] {
        on.accept(id, note("c1")).await;
    }
    for (id, second) in [("a", 1), ("b", 3)] {
        assert_eq!(on.claim(second).await, [id]);
        assert!(on.end(id, 1, AttemptEnd::Failed(problem()), second + 1).await);
    }
    yes(retry(store, "b", 10).await);
    yes(retry(store, "a", 11).await);
    for (id, second) in [("a", 20), ("b", 22), ("c", 24)] {
        assert_eq!(on.claim(second).await, [id]);
        assert!(on.end(id, 1, done("n"), second + 1).await);
    }
}

async fn what_is_retried_waits_for_what_runs(store: &SqliteStore) {
    let on = On(store);
    for id in ["a", "b", "c"] {
        on.accept(id, note("c1")).await;
    }
    assert_eq!(on.claim(1).await, ["a"]);
    assert!(on.end("a", 1, AttemptEnd::Failed(problem()), 2).await);
    assert_eq!(on.claim(3).await, ["b"]);
    yes(retry(store, "a", 4).await);
    assert!(on.claim(5).await.is_empty(), "two attempts on one contact are never under way at once");
    assert!(on.end("b", 1, done("n1"), 6).await);
    assert_eq!(on.claim(7).await, ["a"]);
    assert!(on.end("a", 1, done("n2"), 8).await);
    assert_eq!(on.claim(9).await, ["c"]);
}

async fn what_waits_can_be_taken_back(store: &SqliteStore) {
    let on = On(store);
    for id in ["a", "b", "c"] {
        on.accept(id, note("c1")).await;
    }
    assert_eq!(yes(cancel(store, "b", 1).await).state, OperationState::Cancelled);
    assert_eq!(yes(cancel(store, "a", 2).await).updated_at, at(2));
    assert_eq!(on.claim(3).await, ["c"], "its turn has come");
    no(cancel(store, "c", 4).await);
    no(cancel(store, "a", 4).await);
    no(retry(store, "a", 4).await);
    assert_eq!(cancel(store, "unknown", 4).await, Changed::Unknown);
    assert!(on.end("c", 1, done("n1"), 5).await);
}

async fn what_may_have_happened_is_not_taken_back(store: &SqliteStore) {
    let on = On(store);
    on.accept("a", note("c1")).await;
    on.claim(1).await;
    assert!(on.end("a", 1, later(5, Some((1, 4))), 2).await);
    assert_eq!(no(cancel(store, "a", 3).await).state, OperationState::Pending);
    on.claim(5).await;
    assert!(on.end("a", 2, later(9, None), 6).await);
    yes(cancel(store, "a", 7).await);
}

async fn what_is_old_is_forgotten_and_what_is_needed_is_not(store: &SqliteStore) {
    let on = On(store);
    let keyed = |name: &str, second: i64, id: &str| NewOperation {
        idempotency: Some(key(name, 1)),
        created_at: at(second),
        ..new(id, note(id))
    };
    for (name, second, id) in [("old", 0, "a"), ("young", 20, "b")] {
        store.accept(keyed(name, second, id), entry(id, AuditEvent::Accepted)).await.unwrap();
    }
    on.accept("c", note("c")).await;
    on.accept("open", note("open")).await;
    store.reserve(key("reserved", 1), at(0)).await.unwrap();
    on.claim(1).await;
    on.claim(21).await;
    for id in ["a", "b"] {
        assert!(on.end(id, 1, done("n"), 22).await);
    }
    assert!(on.end("c", 1, done("n"), 40).await);
    // a with its key, the reserved key, and the four entries for accepting; b's key is too young, and keeps b.
    assert_eq!(store.prune(at(30), at(10), at(-1)).await.unwrap(), 3);
    let left = async |id: &str| store.operation(OperationId::parse(id).unwrap()).await.unwrap().is_some();
    assert_eq!([left("a").await, left("b").await, left("c").await, left("open").await], [false, true, true, true]);
    assert!(matches!(
        store.accept(keyed("young", 50, "d"), entry("d", AuditEvent::Accepted)).await.unwrap(),
        Accepted::Before(operation) if operation.id.as_str() == "b"
    ));
    assert!(matches!(
        store.accept(keyed("old", 50, "e"), entry("e", AuditEvent::Accepted)).await.unwrap(),
        Accepted::New(_)
    ));
    assert_eq!(store.reserve(key("reserved", 2), at(50)).await.unwrap(), Reservation::New);
    let entries = store.audit(AuditFilter::default(), None, 100).await.unwrap().items.len() as u64;
    assert_eq!(store.prune(at(0), at(0), at(1)).await.unwrap(), entries);
    assert!(store.audit(AuditFilter::default(), None, 100).await.unwrap().items.is_empty());
}

async fn after_the_clock_was_set_back_nothing_waits_for_the_old_time(store: &SqliteStore) {
    let on = On(store);
    for (id, due, since) in [("a", 500, 480), ("b", 40, 38), ("c", 40, 20)] {
        on.accept(id, note(id)).await;
        on.claim(1).await;
        assert!(on.end(id, 1, later(due, Some((since, due))), 2).await);
    }
    let hastened =
        store.hasten(Hasten { now: at(30), latest: at(100), settles: at(35), since: at(-50) }).await.unwrap();
    assert_eq!(hastened, 2);
    let times = async |id: &str| {
        let operation = on.get(id).await;
        (operation.due_at, operation.settles_at, operation.uncertain_since)
    };
    assert_eq!(times("a").await, (at(35), Some(at(35)), Some(at(-50))));
    assert_eq!(times("b").await, (at(40), Some(at(40)), Some(at(-50))), "it cannot have begun yet");
    assert_eq!(times("c").await, (at(40), Some(at(40)), Some(at(20))));
}

async fn a_key_is_kept_while_its_operation_is_open(store: &SqliteStore) {
    let on = On(store);
    let keyed = |id: &str| NewOperation { idempotency: Some(key("k", 1)), ..new(id, note("c1")) };
    store.accept(keyed("a"), entry("a", AuditEvent::Accepted)).await.unwrap();
    store.prune(at(100), at(100), at(-1)).await.unwrap();
    let again = store.accept(keyed("b"), entry("b", AuditEvent::Accepted)).await.unwrap();
    assert!(matches!(again, Accepted::Before(_)), "else it would be done twice: {again:?}");
    on.claim(100).await;
    store.prune(at(100), at(100), at(-1)).await.unwrap();
    let again = store.accept(keyed("b"), entry("b", AuditEvent::Accepted)).await.unwrap();
    assert!(matches!(again, Accepted::Before(_)), "{again:?}");
    assert!(on.end("a", 1, done("n"), 101).await);
    store.prune(at(100), at(100), at(-1)).await.unwrap();
    let again = store.accept(keyed("b"), entry("b", AuditEvent::Accepted)).await.unwrap();
    assert!(matches!(again, Accepted::New(_)), "it has had its time: {again:?}");
}

async fn pruning_goes_on_beyond_one_batch(store: &SqliteStore) {
    let entries = (0..1203).map(|_| store.append(entry("a", AuditEvent::Refused)));
    futures_util::future::try_join_all(entries).await.unwrap();
    assert_eq!(store.prune(at(0), at(0), at(1)).await.unwrap(), 1203);
}

async fn what_is_resolved_waits_behind_the_contact_that_was_chosen(store: &SqliteStore) {
    let on = On(store);
    let fields: Fields = serde_json::from_value(serde_json::json!({ "city": "Reno" })).unwrap();
    let change = Write::UpdateContact { contact: contact("c1"), fields: fields.clone() };
    let resolve = async |id: &str, second: i64| {
        let id = OperationId::parse(id).unwrap();
        let entry = entry(id.as_str(), AuditEvent::Resolved);
        store.resolve(id, change.clone(), entry, at(second)).await.unwrap()
    };
    on.accept("a", Write::UpsertContact { fields }).await;
    on.accept("b", new_contact(None)).await;
    assert_eq!(no(resolve("a", 1).await).state, OperationState::Pending);
    assert_eq!(resolve("unknown", 1).await, Changed::Unknown);
    on.claim(1).await;
    assert!(on.end("a", 1, AttemptEnd::Failed(problem()), 2).await);
    assert!(on.end("b", 1, AttemptEnd::Failed(problem()), 2).await);
    no(resolve("b", 3).await);
    on.accept("c", note("c1")).await;
    assert_eq!(on.claim(3).await, ["c"]);
    on.accept("d", note("c1")).await;
    let resolved = yes(resolve("a", 4).await);
    assert_eq!((&resolved.write, resolved.contact.as_ref()), (&change, Some(&contact("c1"))));
    assert_eq!((resolved.order_key.as_str(), resolved.attempts, resolved.due_at), ("location1/c1", 0, at(4)));
    assert_eq!((resolved.state, &resolved.problem), (OperationState::Pending, &None));
    assert_eq!(resolved, on.get("a").await);
    no(resolve("a", 4).await);
    assert!(on.claim(5).await.is_empty(), "c runs");
    assert!(on.end("c", 1, done("n1"), 6).await);
    assert_eq!(on.claim(7).await, ["a"], "it was accepted before d");
    let filter = AuditFilter { event: Some(AuditEvent::Resolved), ..AuditFilter::default() };
    assert_eq!(store.audit(filter, None, 10).await.unwrap().items.len(), 1);
}

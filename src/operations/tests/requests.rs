//! What the rest of the service asks.

use super::*;
use crate::{
    domain::operation::{AuditEvent, Idempotency, OperationFilter},
    operations::REFUSALS_WAITING,
    store::{Reservation, StoreError},
};
use std::sync::atomic::Ordering;

fn keyed(key: &str, body: u8) -> Submission {
    let idempotency = Idempotency { scope: "loc1/backend".to_owned(), key: key.to_owned(), fingerprint: [body; 32] };
    Submission { idempotency: Some(idempotency), ..submission("loc1", tags("c1", "a")) }
}

fn refused_entry(number: usize) -> AuditEntry {
    let operation = operation("loc1", 1);
    AuditEntry {
        operation_id: None,
        request_id: Some(format!("r{number}")),
        payload: Some(json!({"email": "ann@example.com", "ssn": "1"})),
        ..log::entry(&operation, AuditEvent::Refused, "validation-failed", Timestamp::UNIX_EPOCH)
    }
}

#[tokio::test]
async fn a_repeated_request_is_given_the_first_answer_and_a_changed_one_is_refused() {
    let house = House::new().await;
    let first = house.operations.submit(keyed("k", 1)).await.unwrap();
    let done = house.end_of(&first.operation.id).await;
    let again = house.operations.submit(keyed("k", 1)).await.unwrap();
    assert!(!first.replayed && again.replayed);
    assert_eq!(again.operation, done);
    let problem = house.operations.submit(keyed("k", 2)).await.unwrap_err();
    assert_eq!(problem.kind, ProblemKind::IdempotencyKeyReused);
    assert_eq!(house.script.course(), "a");
    assert_eq!(house.log(&first.operation.id).await, ["accepted pending", "attempt done", "replayed done"]);
}

#[tokio::test]
async fn a_key_that_is_no_operations_is_kept_with_its_answer() {
    let house = House::new().await;
    let key = keyed("k", 1).idempotency.unwrap();
    assert_eq!(house.operations.reserve(key.clone()).await.unwrap(), Reservation::New);
    assert_eq!(house.operations.reserve(key.clone()).await.unwrap(), Reservation::UnderWay);
    house.operations.answer(key.clone(), None).await.unwrap();
    assert_eq!(house.operations.reserve(key.clone()).await.unwrap(), Reservation::New);
    house.operations.answer(key.clone(), Some(json!({"ok": true}))).await.unwrap();
    assert_eq!(house.operations.reserve(key).await.unwrap(), Reservation::Answered(json!({"ok": true})));
}

#[tokio::test]
async fn another_locations_operation_does_not_exist() {
    let house = House::new().await;
    let id = house.submit(tags("c1", "a")).await;
    house.end_of(&id).await;
    let (own, foreign) = (Some(vec![location("loc1")]), Some(vec![location("loc2")]));
    assert!(house.operations.operation(id.clone(), own).await.is_ok());
    let problems = [
        house.operations.operation(id.clone(), foreign.clone()).await.unwrap_err(),
        house.operations.retry(id.clone(), foreign.clone(), requester()).await.unwrap_err(),
        house.operations.cancel(id.clone(), foreign, requester()).await.unwrap_err(),
        house.operations.operation(OperationId::parse("op0").unwrap(), None).await.unwrap_err(),
    ];
    assert!(problems.iter().all(|problem| problem.kind == ProblemKind::NotFound), "{problems:?}");
    let page = house.operations.operations(OperationFilter::default(), None, 10).await.unwrap();
    assert_eq!(page.items.iter().map(|operation| &operation.id).collect::<Vec<_>>(), [&id]);
}

#[tokio::test]
async fn only_what_waits_is_taken_back_and_only_what_failed_is_retried() {
    let house = House::new().await;
    house.script.hold(true);
    let [running, waiting, last] =
        [house.submit(tags("c1", "1")).await, house.submit(tags("c1", "2")).await, house.submit(tags("c1", "3")).await];
    until("the first is under way", async || house.script.course() == "a").await;
    let refused = house.operations.cancel(running.clone(), None, requester()).await.unwrap_err();
    assert_eq!(refused.kind, ProblemKind::OperationConflict);
    let refused = house.operations.retry(waiting.clone(), None, requester()).await.unwrap_err();
    assert_eq!(refused.kind, ProblemKind::OperationConflict);
    let (waiter, cancelled) = tokio::join!(house.end_of(&waiting), async {
        house.operations.cancel(waiting.clone(), None, requester()).await.unwrap()
    });
    assert_eq!((waiter.state, cancelled.state), (OperationState::Cancelled, OperationState::Cancelled));
    house.script.hold(false);
    assert_eq!(house.end_of(&last).await.state, OperationState::Done);
    assert_eq!(house.end_of(&running).await.state, OperationState::Done);
    assert_eq!(house.script.course(), "aa");
    assert_eq!(house.log(&waiting).await, ["accepted pending", "cancelled cancelled"]);
}

#[tokio::test]
async fn who_waits_is_answered_at_the_latest_when_asked() {
    let house = House::new().await;
    house.script.hold(true);
    let id = house.submit(tags("c1", "a")).await;
    let until = Instant::now() + Duration::from_millis(20);
    let operation = house.operations.wait(id.clone(), until).await.unwrap();
    assert!(!operation.state.ended() && Instant::now() >= until);
    let unknown = house.operations.wait(OperationId::parse("op0").unwrap(), Instant::now() + BOUND).await;
    assert_eq!(unknown.unwrap_err().kind, ProblemKind::NotFound);
    house.script.hold(false);
    house.end_of(&id).await;
}

#[tokio::test]
async fn a_request_whose_caller_hangs_up_is_carried_out_all_the_same() {
    let house = House::new().await;
    for number in 0..20 {
        // Polled once: the work has begun, and nobody awaits it.
        let mut submitted = Box::pin(house.operations.submit(submission("loc1", tags(&format!("c{number}"), "a"))));
        let _ = futures_util::poll!(submitted.as_mut());
        drop(submitted);
    }
    until("all are done", async || house.script.calls().len() == 20).await;
}

#[tokio::test]
async fn a_stop_ends_what_is_under_way_parks_the_rest_and_keeps_nobody_waiting() {
    let house = House::new().await;
    house.script.hold(true);
    let [running, parked] = [house.submit(tags("c1", "1")).await, house.submit(tags("c1", "2")).await];
    until("the first is under way", async || house.script.course() == "a").await;
    let stop = async {
        tokio::join!(house.tasks.shut_down(BOUND), async {
            let waiter = house.operations.wait(parked.clone(), Instant::now() + BOUND).await.unwrap();
            assert_eq!(waiter.state, OperationState::Pending);
            house.script.hold(false);
        })
    };
    let began = Instant::now();
    assert!(stop.await.0 && began.elapsed() < BOUND, "everything ended");
    let state = async |id: &OperationId| house.operations.operation(id.clone(), None).await.unwrap().state;
    assert_eq!(state(&running).await, OperationState::Done);
    assert_eq!(state(&parked).await, OperationState::Pending);
    // What is accepted now is done at the next start; once the store is closed nothing is.
    let late = house.operations.submit(submission("loc1", tags("c2", "a"))).await.unwrap().operation.id;
    assert_eq!(house.script.course(), "a");
    assert_eq!(state(&late).await, OperationState::Pending);
    house.store.close().await;
    let problem = house.operations.submit(submission("loc1", tags("c2", "a"))).await.unwrap_err();
    assert_eq!(problem.kind, ProblemKind::StoreUnavailable);
    assert_eq!(house.operations.health(), Err(StoreError::Closed));
}

#[tokio::test]
async fn a_refused_request_is_logged_without_what_it_said() {
    for audit_payloads in [false, true] {
        let house = House::with(OperationSettings { audit_payloads, ..settings() }).await;
        house.operations.log_refusal(refused_entry(1));
        let all = async || house.operations.audit(AuditFilter::default(), None, 10).await.unwrap().items;
        until("it is logged", async || !all().await.is_empty()).await;
        let payload = audit_payloads.then(|| json!({"email": "ann@example.com", "ssn": "***"}));
        assert_eq!(all().await[0].payload, payload);
        let id = house.submit(new_contact("ann@example.com")).await;
        let accepted = house.entries(&id).await.remove(0);
        let payload = audit_payloads.then(|| json!({"kind": "create-contact", "fields": {"email": "ann@example.com"}}));
        assert_eq!(accepted.payload, payload);
    }
}

#[tokio::test]
async fn a_flood_of_refusals_is_counted_and_what_was_taken_is_logged_before_the_end() {
    let house = House::new().await;
    // Nothing else runs on this thread meanwhile: the queue fills up.
    for number in 0..REFUSALS_WAITING + 7 {
        house.operations.log_refusal(refused_entry(number));
    }
    assert!(house.tasks.shut_down(BOUND).await);
    let mut logged = Vec::new();
    let mut before = None;
    loop {
        let page = house.operations.audit(AuditFilter::default(), before, 500).await.unwrap();
        logged.extend(page.items.into_iter().map(|entry| entry.request_id.unwrap()));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    logged.reverse();
    assert_eq!(logged, (0..REFUSALS_WAITING).map(|number| format!("r{number}")).collect::<Vec<_>>());
    assert!(house.metrics.render_text().contains("ghl_enrich_audit_entries_dropped_total 7\n"));
}

#[tokio::test]
async fn the_store_that_cannot_be_written_refuses_and_what_ghl_did_is_stored_later() {
    let house = House::new().await;
    house.script.hold(true);
    let id = house.submit(note("c1", "hello")).await;
    until("it is under way", async || house.script.course() == "a").await;
    house.store.failing.store(true, Ordering::SeqCst);
    house.script.hold(false);
    until("its end could not be stored", async || house.store.ends.load(Ordering::SeqCst) > 1).await;
    let problem = house.operations.submit(submission("loc1", tags("c2", "a"))).await.unwrap_err();
    assert_eq!(problem.kind, ProblemKind::StoreUnavailable);
    house.store.failing.store(false, Ordering::SeqCst);
    assert_eq!(house.end_of(&id).await.state, OperationState::Done);
    assert_eq!(house.script.course(), "a");
    let text = house.metrics.render_text();
    let failures = text.lines().find_map(|line| line.strip_prefix("ghl_enrich_operation_store_failures_total "));
    assert!(failures.unwrap().parse::<u64>().unwrap() > 0);
}

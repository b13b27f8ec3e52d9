//! How much is done where nothing can be done.

use super::{double::done, *};
use crate::operations::Attempted;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn a_spent_location_costs_few_writes_kills_nothing_and_holds_up_nobody() {
    let house = House::with(OperationSettings { retry_cap: Duration::from_millis(200), ..settings() }).await;
    house.script.always(&location("spent"), Some(not_sent(Some(Duration::from_secs(3600)))));
    let (began, mut spent) = (Instant::now(), Vec::new());
    for number in 0..200 {
        spent.push(house.submit_to("spent", tags(&format!("c{number}"), "a")).await);
    }
    until("its gate is closed", async || !house.script.calls().is_empty()).await;
    for number in 0..20 {
        let id = house.submit_to("other", tags(&format!("c{number}"), "a")).await;
        assert_eq!(house.end_of(&id).await.state, OperationState::Done);
    }
    let tries = || house.script.calls().iter().filter(|call| call.operation.location == location("spent")).count();
    until("its gate opened a few times", async || tries() >= 7).await;
    // The first ones side by side, and then one each time the gate opens.
    let tries = tries();
    let most = 4 + 1 + usize::try_from(began.elapsed().as_millis() / 200).unwrap();
    assert!(tries <= most, "{tries} attempts, at most {most} expected");
    assert!(house.store.ends.load(Ordering::SeqCst) <= u64::try_from(tries + 20).unwrap());
    house.script.always(&location("spent"), None);
    for id in spent {
        let operation = house.end_of(&id).await;
        assert_eq!((operation.state, operation.attempts), (OperationState::Done, 1));
    }
}

#[tokio::test]
async fn what_ghl_defers_is_never_a_dead_letter() {
    let house = House::new().await;
    let problem = Problem::new(ProblemKind::QuotaExhausted, "429").with_upstream("ghl", Some(429), "rate-limit");
    let deferred =
        Attempted::Deferred { problem, upstream_status: Some(429), retry_after: Some(Duration::from_millis(1)) };
    house.script.will((0..20).map(|_| deferred.clone()).chain((0..20).map(|_| not_sent(None))).chain([done("n1")]));
    let id = house.submit(note("c1", "hello")).await;
    let operation = house.end_of(&id).await;
    assert_eq!((operation.state, operation.attempts), (OperationState::Done, 1));
    assert_eq!(house.script.course(), "a".repeat(41), "nothing was sent, so nothing is looked for");
}

#[tokio::test]
async fn a_location_with_a_backlog_leaves_room_for_others() {
    let house = House::with(OperationSettings { workers: 8, ..settings() }).await;
    house.script.hold(true);
    for number in 0..50 {
        house.submit_to("busy", tags(&format!("c{number}"), "a")).await;
    }
    until("it has its share", async || house.script.calls().len() == 6).await;
    let other = house.submit_to("other", tags("c1", "a")).await;
    until("the other one's turn comes", async || house.script.calls().len() == 7).await;
    assert_eq!(house.script.calls()[6].operation.id, other);
    house.script.hold(false);
    until("all are done", async || house.script.calls().len() == 51).await;
}

#[tokio::test]
async fn two_locations_with_a_backlog_leave_room_for_a_third() {
    let house = House::with(OperationSettings { workers: 16, ..settings() }).await;
    house.script.hold(true);
    for number in 0..40 {
        house.submit_to("busy", tags(&format!("c{number}"), "a")).await;
        house.submit_to("busier", tags(&format!("c{number}"), "a")).await;
    }
    until("they have their share", async || house.script.calls().len() >= 12).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let other = house.submit_to("other", tags("c1", "a")).await;
    let tried = async || house.script.calls().iter().any(|call| call.operation.id == other);
    until("the third one's turn comes", tried).await;
    house.script.hold(false);
    until("all are done", async || house.script.calls().len() == 81).await;
}

#[tokio::test]
async fn with_nothing_to_do_it_does_nothing() {
    let house = House::new().await;
    let id = house.submit(tags("c1", "a")).await;
    house.end_of(&id).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let claims = house.store.claims.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(house.store.claims.load(Ordering::SeqCst), claims);
}

#[tokio::test]
async fn an_operation_that_is_claimed_before_its_turn_let_go_of_it_is_not_forgotten() {
    let house = House::with(OperationSettings { settle: Duration::ZERO, ..settings() }).await;
    house.store.end_lag_ms.store(100, Ordering::SeqCst);
    house.script.will([broken(), broken()]);
    let id = house.submit(tags("c1", "a")).await;
    // Rings the worker while the end of the first turn is stored and not yet known.
    until("it is put off", async || house.store.ends.load(Ordering::SeqCst) > 0).await;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(2)).await;
        house.operations.core.wake.notify_one();
    }
    let operation = house.end_of(&id).await;
    assert_eq!((operation.state, operation.attempts), (OperationState::Done, 3));
}

#[tokio::test]
async fn the_queue_is_measured() {
    let house = House::new().await;
    let id = house.submit(tags("c1", "a")).await;
    house.end_of(&id).await;
    upkeep::measure(&house.operations.core).await;
    let text = house.metrics.render_text();
    assert!(text.contains("ghl_enrich_operations{state=\"done\"} 1\n"), "{text}");
    assert!(text.contains("ghl_enrich_operation_attempts_total{kind=\"add-tags\",outcome=\"done\"} 1\n"), "{text}");
    let depth = house.operations.depth().await.unwrap();
    assert_eq!((depth.by_state, depth.oldest_open), (vec![(OperationState::Done, 1)], None));
}

#[tokio::test]
async fn what_is_old_is_forgotten() {
    let house = House::new().await;
    let id = house.submit(tags("c1", "a")).await;
    house.end_of(&id).await;
    house.clock.advance(jiff::SignedDuration::from_hours(23));
    upkeep::prune(&house.operations.core).await;
    assert!(house.operations.operation(id.clone(), None).await.is_ok());
    house.clock.advance(jiff::SignedDuration::from_hours(2));
    upkeep::prune(&house.operations.core).await;
    assert_eq!(house.operations.operation(id, None).await.unwrap_err().kind, ProblemKind::NotFound);
    assert!(house.operations.audit(AuditFilter::default(), None, 10).await.unwrap().items.is_empty());
}

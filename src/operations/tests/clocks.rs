//! What a wall clock that jumps does to writes.

use super::{double::done, *};
use jiff::SignedDuration;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_nobody_waiting() {
    let house = House::with(OperationSettings { settle: Duration::from_millis(300), ..settings() }).await;
    house.clock.advance(SignedDuration::from_hours(2));
    house.script.will([broken()]);
    let first = house.submit(note("c1", "hello")).await;
    let second = house.submit(tags("c1", "a")).await;
    until("it is put off", async || house.store.ends.load(Ordering::SeqCst) > 0).await;
    house.clock.advance(SignedDuration::from_hours(-2));
    for id in [first, second] {
        assert_eq!(house.end_of(&id).await.state, OperationState::Done);
    }
    assert_eq!(house.script.course(), "alaa");
}

#[tokio::test]
async fn a_clock_that_was_set_back_while_nobody_ran_keeps_nobody_waiting() {
    let inner = double::memory(&Tasks::new()).await;
    let house = House::on(Arc::clone(&inner), Script::new(), settings()).await;
    house.clock.advance(SignedDuration::from_hours(2));
    house.script.always(&location("loc1"), Some(not_sent(Some(Duration::from_secs(3600)))));
    let id = house.submit(tags("c1", "a")).await;
    until("it is put off", async || house.store.ends.load(Ordering::SeqCst) > 0).await;
    house.store.dead.store(true, Ordering::SeqCst);
    let house = House::on(inner, Script::new(), settings()).await;
    assert_eq!(house.end_of(&id).await.state, OperationState::Done);
}

/// Else what the attempt made would look older than it, and be made again.
#[tokio::test]
async fn an_attempt_is_never_uncertain_since_a_time_to_come() {
    let house = House::new().await;
    house.script.will([broken()]);
    house.script.hold(true);
    let id = house.submit(note("c1", "hello")).await;
    until("it is under way", async || !house.script.calls().is_empty()).await;
    house.clock.advance(SignedDuration::from_mins(-5));
    house.script.hold(false);
    house.end_of(&id).await;
    let look = house.script.calls().into_iter().find(|call| call.look).unwrap();
    assert!(look.operation.uncertain_since.unwrap() <= house.clock.now());
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_makes_no_done_write_undone() {
    let house = House::new().await;
    house.script.will([done("n1")]);
    house.script.hold(true);
    let id = house.submit(note("c1", "hello")).await;
    until("it is under way", async || !house.script.calls().is_empty()).await;
    house.clock.advance(SignedDuration::from_hours(2));
    house.operations.core.wake.notify_one();
    let taken = async || house.operations.operation(id.clone(), None).await.unwrap().attempts == 1;
    until("its lease has run out", taken).await;
    house.script.hold(false);
    let operation = house.end_of(&id).await;
    assert_eq!((operation.state, operation.written), (OperationState::Done, Some(double::written("n1"))));
    assert_eq!(house.script.course(), "a", "what is known is not looked for");
}

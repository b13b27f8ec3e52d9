//! From one attempt to the next.

use super::{
    double::{done, memory, written},
    *,
};
use crate::operations::Looked;
use std::collections::HashSet;

fn not_now() -> Looked {
    let problem = Problem::new(ProblemKind::UpstreamUnavailable, "down");
    Looked::NotNow { problem, retry_after: Some(Duration::from_millis(1)) }
}

#[tokio::test]
async fn what_ghl_does_is_done_and_touches_its_section() {
    let house = House::new().await;
    house.script.will([done("n1")]);
    let id = house.submit(note("c1", "hello")).await;
    let operation = house.end_of(&id).await;
    assert_eq!(operation.state, OperationState::Done);
    assert_eq!((operation.attempts, operation.written.unwrap().id.as_deref()), (1, Some("n1")));
    assert_eq!(*house.touched.lock().unwrap(), [(contact("c1"), &[Section::Notes][..])]);
    assert_eq!(house.log(&id).await, ["accepted pending", "attempt done"]);
    let entries = house.entries(&id).await;
    let entry = entries.last().unwrap();
    assert_eq!((entry.attempt, entry.upstream_status), (Some(1), Some(201)));
    assert_eq!((entry.key.as_deref(), entry.request_id.as_deref()), (Some("backend"), Some("r1")));
    assert!(entry.duration_ms.is_some() && entries.iter().all(|entry| entry.payload.is_none()));
}

#[tokio::test]
async fn a_contact_that_was_made_is_touched_and_logged_by_its_new_id() {
    let house = House::new().await;
    house.script.will([done("c9")]);
    let id = house.submit(new_contact("ann@example.com")).await;
    assert_eq!(house.end_of(&id).await.contact, Some(contact("c9")));
    assert_eq!(*house.touched.lock().unwrap(), [(contact("c9"), &[Section::Contact][..])]);
    assert_eq!(house.entries(&id).await.last().unwrap().contact_id, Some(contact("c9")));
}

#[tokio::test]
async fn a_note_whose_answer_was_lost_is_looked_for_and_found() {
    let house = House::new().await;
    house.script.will([done("n1"), broken()]);
    let first = house.submit(note("c1", "same")).await;
    house.end_of(&first).await;
    house.script.will_look([Looked::Found(written("n2"))]);
    let began = house.clock.now();
    let id = house.submit(note("c1", "same")).await;
    let operation = house.end_of(&id).await;
    assert_eq!((operation.state, operation.written), (OperationState::Done, Some(written("n2"))));
    assert_eq!(house.script.course(), "aal");
    let calls = house.script.calls();
    assert_eq!(calls[2].taken, ["n1"], "another one's note is not taken for this one's");
    assert!(calls[2].operation.uncertain_since.unwrap() >= began);
    assert!(calls[2].at - calls[1].at >= Duration::from_millis(29), "GHL had time to settle");
    assert_eq!(house.log(&id).await, ["accepted pending", "attempt later", "look found"]);
    let notes = (contact("c1"), &[Section::Notes][..]);
    assert_eq!(*house.touched.lock().unwrap(), [notes.clone(), notes.clone(), notes], "when in doubt as well");
}

/// GHL does not say when a task was made, so its age does not tell an old one from this one.
#[tokio::test]
async fn a_task_of_long_ago_is_not_taken_for_one_that_is_looked_for() {
    let house = House::new().await;
    house.script.will([done("t1"), broken()]);
    let first = house.submit(task("c1", "Call back")).await;
    house.end_of(&first).await;
    house.clock.advance(jiff::SignedDuration::from_hours(20 * 24));
    let id = house.submit(task("c1", "Call back")).await;
    house.end_of(&id).await;
    let looks: Vec<_> = house.script.calls().into_iter().filter(|call| call.look).collect();
    assert_eq!(looks[0].taken, ["t1"]);
}

#[tokio::test]
async fn a_note_that_is_not_there_is_made_again() {
    let house = House::new().await;
    house.script.will([broken()]);
    house.script.will_look([not_now()]);
    let id = house.submit(note("c1", "hello")).await;
    let operation = house.end_of(&id).await;
    assert_eq!((operation.state, operation.attempts), (OperationState::Done, 2));
    assert_eq!(house.script.course(), "alla");
    let expected = ["accepted pending", "attempt later", "look later", "look absent", "attempt done"];
    assert_eq!(house.log(&id).await, expected);
}

#[tokio::test]
async fn what_comes_to_light_late_is_still_looked_for() {
    let house = House::new().await;
    house.script.will([broken(), not_sent(None), refused(true)]);
    house.script.will_look([Looked::Absent, Looked::Absent, Looked::Found(written("c9"))]);
    let id = house.submit(new_contact("ann@example.com")).await;
    let operation = house.end_of(&id).await;
    assert_eq!((operation.state, operation.written), (OperationState::Done, Some(written("c9"))));
    assert_eq!(house.script.course(), "alalal");
    let calls = house.script.calls();
    let first = calls[1].operation.uncertain_since;
    assert!(first.is_some() && calls[2..].iter().all(|call| call.operation.uncertain_since == first));
}

#[tokio::test]
async fn what_cannot_double_is_repeated_without_a_look_once_ghl_has_settled() {
    let house = House::new().await;
    house.script.will([broken()]);
    let id = house.submit(tags("c1", "a")).await;
    assert_eq!(house.end_of(&id).await.state, OperationState::Done);
    assert_eq!(house.script.course(), "aa");
    let calls = house.script.calls();
    assert!(calls[1].at - calls[0].at >= Duration::from_millis(29));
}

#[tokio::test]
async fn a_refusal_is_final_and_keeps_ghls_words() {
    let house = House::new().await;
    house.script.will([refused(false), refused(true)]);
    for write in [note("c1", ""), tags("c1", "vip")] {
        let id = house.submit(write).await;
        let operation = house.end_of(&id).await;
        assert_eq!((operation.state, operation.problem), (OperationState::Failed, Some(refusal(422))));
    }
    assert_eq!(house.script.course(), "aa", "nobody doubts a refusal of what cannot double");
}

#[tokio::test]
async fn a_doubted_refusal_is_looked_into_before_it_is_believed() {
    let found = || vec![Looked::Found(written("c9"))];
    let absent = || vec![Looked::Absent];
    let later = |last: Vec<Looked>| [vec![not_now(), not_now()], last].concat();
    for (looks, state, course) in [
        (found(), OperationState::Done, "al"),
        (absent(), OperationState::Failed, "al"),
        (later(found()), OperationState::Done, "alll"),
        (later(absent()), OperationState::Failed, "alll"),
    ] {
        let house = House::new().await;
        house.script.will([refused(true)]);
        house.script.will_look(looks);
        let id = house.submit(new_contact("ann@example.com")).await;
        let operation = house.end_of(&id).await;
        assert_eq!((operation.state, house.script.course().as_str()), (state, course));
        assert_eq!(operation.problem.is_some(), state == OperationState::Failed);
        if state == OperationState::Failed {
            assert_eq!(operation.problem, Some(refusal(422)));
            // Asked for again it is tried again, though it was refused before.
            house.operations.retry(id.clone(), None, requester()).await.unwrap();
            assert_eq!(house.end_of(&id).await.state, OperationState::Done);
        }
    }
}

#[tokio::test]
async fn out_of_attempts_is_a_dead_letter_that_can_be_retried() {
    let house = House::new().await;
    house.script.will((0..4).map(|_| broken()));
    let id = house.submit(tags("c1", "a")).await;
    let operation = house.end_of(&id).await;
    assert_eq!((operation.state, operation.attempts), (OperationState::Dead, 4));
    assert_eq!(house.script.course(), "aaaa");
    assert!(house.metrics.render_text().contains("ghl_enrich_operation_dead_letters_total 1\n"));
    house.operations.retry(id.clone(), None, requester()).await.unwrap();
    assert_eq!(house.end_of(&id).await.state, OperationState::Done);
    assert_eq!(house.log(&id).await[4..], ["attempt dead", "retried pending", "attempt done"]);
}

#[tokio::test]
async fn what_may_double_dies_only_when_it_is_known_not_to_be_there() {
    for (last, state) in [(Looked::Absent, OperationState::Dead), (Looked::Found(written("n1")), OperationState::Done)]
    {
        let house = House::new().await;
        house.script.will((0..4).map(|_| broken()));
        house.script.will_look([Looked::Absent, Looked::Absent, Looked::Absent, not_now(), last]);
        let id = house.submit(note("c1", "hello")).await;
        assert_eq!(house.end_of(&id).await.state, state);
        assert_eq!(house.script.course(), "alalalall");
    }
}

#[tokio::test]
async fn who_waits_for_its_time_keeps_back_its_own_contact_alone() {
    let house = House::with(OperationSettings { settle: Duration::from_secs(3600), ..settings() }).await;
    house.script.will([broken()]);
    let first = house.submit(tags("c1", "first")).await;
    until("it is put off", async || house.operations.operation(first.clone(), None).await.unwrap().attempts == 1).await;
    let second = house.submit(tags("c1", "second")).await;
    let other = house.submit(tags("c2", "other")).await;
    assert_eq!(house.end_of(&other).await.state, OperationState::Done);
    for (id, attempts) in [(first, 1), (second, 0)] {
        let operation = house.operations.operation(id, None).await.unwrap();
        assert_eq!((operation.state, operation.attempts), (OperationState::Pending, attempts));
    }
    assert_eq!(house.script.course(), "aa");
}

#[tokio::test]
async fn a_head_that_fails_lets_the_next_one_go() {
    let house = House::new().await;
    house.script.will([refused(false)]);
    house.script.hold(true);
    let ids = [house.submit(tags("c1", "1")).await, house.submit(tags("c1", "2")).await];
    house.script.hold(false);
    let states = [house.end_of(&ids[0]).await.state, house.end_of(&ids[1]).await.state];
    assert_eq!(states, [OperationState::Failed, OperationState::Done]);
}

#[tokio::test]
async fn an_attempt_that_a_dead_process_left_is_looked_into() {
    let (tasks, script) = (Tasks::new(), Script::new());
    let inner = memory(&tasks).await;
    script.hold(true);
    let dying = House::on(Arc::clone(&inner), Arc::clone(&script), settings()).await;
    let [lost, tag] = [dying.submit(note("c1", "hello")).await, dying.submit(tags("c2", "a")).await];
    until("both are under way", async || script.course() == "aa").await;
    dying.store.dead.store(true, std::sync::atomic::Ordering::SeqCst);
    // What the dead process's attempts still come to, nobody learns.
    script.will([done("ghost"), done("ghost")]);
    script.hold(false);
    script.will_look([Looked::Found(written("n1"))]);
    let house = House::on(inner, Arc::clone(&script), settings()).await;
    assert_eq!(house.end_of(&lost).await.written, Some(written("n1")));
    assert_eq!(house.end_of(&tag).await.state, OperationState::Done);
    let after: HashSet<char> = script.course().chars().skip(2).collect();
    assert_eq!((script.course().len(), after), (4, HashSet::from(['a', 'l'])), "one looked for, the other repeated");
}

#[tokio::test]
async fn what_takes_the_process_down_each_time_is_a_dead_letter_in_the_end() {
    let inner = memory(&Tasks::new()).await;
    let house = House::on(Arc::clone(&inner), Script::new(), settings()).await;
    house.script.hold(true);
    let id = house.submit(tags("c1", "a")).await;
    until("it is under way", async || !house.script.calls().is_empty()).await;
    house.store.dead.store(true, std::sync::atomic::Ordering::SeqCst);
    for _ in 1..settings().max_attempts {
        let house = House::on(Arc::clone(&inner), Script::new(), settings()).await;
        house.script.hold(true);
        until("it is tried again", async || !house.script.calls().is_empty()).await;
        house.store.dead.store(true, std::sync::atomic::Ordering::SeqCst);
    }
    let house = House::on(inner, Script::new(), settings()).await;
    let operation = house.end_of(&id).await;
    assert_eq!((operation.state, operation.attempts), (OperationState::Dead, settings().max_attempts));
    assert_eq!(house.script.course(), "", "it is not tried once more");
    house.operations.retry(id.clone(), None, requester()).await.unwrap();
    assert_eq!(house.end_of(&id).await.state, OperationState::Done);
}

#[tokio::test]
async fn a_delivery_that_keeps_no_deadline_is_given_up() {
    let settings = OperationSettings { attempt_timeout: Duration::from_millis(1), ..settings() };
    let house = House::with(settings).await;
    house.script.hold(true);
    let id = house.submit(tags("c1", "a")).await;
    until("it is given up", async || house.operations.operation(id.clone(), None).await.unwrap().attempts == 1).await;
    house.script.hold(false);
    assert_eq!(house.end_of(&id).await.state, OperationState::Done);
    assert_eq!(house.log(&id).await, ["accepted pending", "attempt later", "attempt done"]);
}

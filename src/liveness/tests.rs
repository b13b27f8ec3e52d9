//! How a location stands, from what was heard of it and when.

use super::*;
use proptest::prelude::*;

const RULES: Rules = Rules {
    webhook_fresh: Duration::from_secs(900),
    webhook_tasks_fresh: Duration::from_secs(300),
    silence: Duration::from_secs(3600),
    echo: Duration::from_secs(300),
    high_percent: 10,
    shorten_factor: 4,
};
const USUAL: Duration = Duration::from_secs(60);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn location() -> LocationId {
    LocationId::parse("location1").unwrap()
}

fn heard_at(second: i64) -> Liveness {
    let liveness = Liveness::new(RULES);
    liveness.event(&location(), at(second));
    liveness
}

#[test]
fn a_location_that_nothing_was_heard_of_is_as_without_webhooks() {
    let liveness = Liveness::new(RULES);
    assert_eq!(liveness.standing(&location(), at(0)), Standing::None);
    assert_eq!(liveness.fresh(&location(), Section::Notes, USUAL, at(0)), USUAL);
    liveness.write_done(&location(), at(0));
    assert_eq!(liveness.standing(&location(), at(4000)), Standing::None, "no event is due where none ever came");
}

#[test]
fn live_then_quiet() {
    let liveness = heard_at(0);
    assert_eq!(liveness.standing(&location(), at(3599)), Standing::Live);
    assert_eq!(liveness.fresh(&location(), Section::Notes, USUAL, at(3599)), RULES.webhook_fresh);
    assert_eq!(liveness.fresh(&location(), Section::Tasks, USUAL, at(3599)), RULES.webhook_tasks_fresh);
    assert_eq!(
        liveness.fresh(&location(), Section::Notes, RULES.webhook_fresh * 2, at(3599)),
        RULES.webhook_fresh * 2,
        "never less"
    );
    assert_eq!(liveness.standing(&location(), at(3600)), Standing::Quiet);
    assert_eq!(liveness.fresh(&location(), Section::Notes, USUAL, at(3600)), USUAL);
}

#[test]
fn a_write_that_does_not_come_back_is_silence_and_the_next_event_ends_it() {
    let liveness = heard_at(0);
    liveness.write_done(&location(), at(10));
    liveness.write_done(&location(), at(200));
    assert_eq!(liveness.standing(&location(), at(309)), Standing::Live);
    assert_eq!(liveness.standing(&location(), at(310)), Standing::Silent, "the first counts");
    assert_eq!(liveness.fresh(&location(), Section::Notes, USUAL, at(310)), USUAL);
    assert_eq!(liveness.report(&location(), at(310)).echo_due_since, Some(at(10)));
    liveness.echo(&location(), at(320));
    assert_eq!(liveness.standing(&location(), at(620)), Standing::Live);
    let report = liveness.report(&location(), at(620));
    assert_eq!((report.last_echo_at, report.echo_due_since), (Some(at(320)), None));
}

#[test]
fn an_event_that_comes_before_the_answer_is_the_echo() {
    let liveness = heard_at(0);
    liveness.event(&location(), at(11));
    liveness.write_done(&location(), at(10));
    assert_eq!(liveness.standing(&location(), at(1000)), Standing::Live);
}

#[test]
fn drift_shortens_what_is_usual_and_not_what_webhooks_would_allow() {
    let liveness = heard_at(0);
    let changed = (0..10).filter(|_| liveness.checked(&location(), true)).count();
    assert_eq!(changed, 1);
    assert_eq!(liveness.fresh(&location(), Section::Notes, USUAL, at(1)), USUAL / 4);
    assert!(liveness.report(&location(), at(1)).shortened);
    assert_eq!((0..50).filter(|_| liveness.checked(&location(), false)).count(), 1);
    assert_eq!(liveness.fresh(&location(), Section::Notes, USUAL, at(1)), RULES.webhook_fresh);
}

#[test]
fn locations_are_apart_and_one_can_be_forgotten() {
    let (liveness, other) = (heard_at(0), LocationId::parse("location2").unwrap());
    assert_eq!(liveness.standing(&other, at(1)), Standing::None);
    liveness.event(&other, at(0));
    liveness.forget(&location());
    assert_eq!(liveness.standing(&location(), at(1)), Standing::None);
    let all: Vec<_> = liveness.all(at(1)).into_iter().map(|(id, report)| (id, report.standing)).collect();
    assert_eq!(all, [(other, Standing::Live)]);
}

/// Something that happens to a location at a second.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Event(i64),
    Write(i64),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![(0_i64..5000).prop_map(Happening::Event), (0_i64..5000).prop_map(Happening::Write)]
}

fn second(happening: Happening) -> i64 {
    match happening {
        Happening::Event(second) | Happening::Write(second) => second,
    }
}

fn after(happenings: &[Happening]) -> Standing {
    let liveness = Liveness::new(RULES);
    for one in happenings {
        match one {
            Happening::Event(second) => liveness.event(&location(), at(*second)),
            Happening::Write(second) => liveness.write_done(&location(), at(*second)),
        }
    }
    liveness.standing(&location(), at(5300))
}

proptest! {
    #[test]
    fn silence_is_a_write_that_no_event_followed(
        mut happenings in proptest::collection::vec(happening(), 0..30),
    ) {
        let events = happenings.iter().filter(|one| matches!(one, Happening::Event(_)));
        let last = events.map(|event| second(*event)).max();
        let unfollowed = happenings.iter().any(|one| matches!(one, Happening::Write(at) if Some(*at) > last));
        let standing = after(&happenings);
        prop_assert_eq!(standing == Standing::None, last.is_none());
        prop_assert!(standing != Standing::Silent || unfollowed, "whatever the order they became known in");
        happenings.sort_by_key(|one| second(*one));
        prop_assert!(!unfollowed || last.is_none() || after(&happenings) == Standing::Silent);
    }
}

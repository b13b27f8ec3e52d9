//! What the inbox must do, in memory and in a file.

use super::*;
use crate::{
    domain::webhook::EventKind,
    store::tests::{On, Rig, note},
};

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn new(id: &str, ms: i64) -> NewEvent {
    NewEvent {
        webhook_id: WebhookId::parse(id).unwrap(),
        kind: "ContactUpdate".to_owned(),
        location: Some(LocationId::parse("loc").unwrap()),
        contact: Some(ContactId::parse("c1").unwrap()),
        subject: None,
        event_at: Some(at(ms - 5)),
        received_at: at(ms),
        body: b"{}".to_vec(),
    }
}

fn fate(seq: i64, fate: FateOf, detail: &str) -> Settlement {
    Settlement { seq, end: EventEnd::Fate { fate, detail: Some(detail.to_owned()) }, contact: None }
}

fn these(seqs: Vec<i64>) -> PassedOver {
    PassedOver { seqs, ..PassedOver::default() }
}

async fn ids(store: &SqliteStore) -> Vec<String> {
    store.arrived(at(0), 100).await.unwrap().events.into_iter().map(|one| one.event.webhook_id.to_string()).collect()
}

#[tokio::test]
async fn an_event_is_taken_once_and_has_one_fate() {
    for rig in [Rig::memory().await, Rig::file().await] {
        let store = &rig.store;
        for (id, expected) in [("a", Received::New), ("b", Received::New), ("a", Received::Before)] {
            assert_eq!(store.receive(new(id, 1_000)).await, Ok(expected));
        }
        let arrived = store.arrived(at(0), 100).await.unwrap().events;
        assert_eq!(ids(store).await, ["a", "b"]);
        let (a, b) = (arrived[0].event.seq, arrived[1].event.seq);
        let wait = Settlement { seq: b, end: EventEnd::Wait(at(2_000)), contact: None };
        store.settle(vec![fate(a, FateOf::Applied, "first"), wait], at(1_500), false).await.unwrap();
        store.settle(vec![fate(a, FateOf::Failed, "second")], at(1_600), false).await.unwrap();
        let settled = store.event(WebhookId::parse("a").unwrap()).await.unwrap().unwrap();
        assert_eq!((settled.fate, settled.detail.as_deref()), (EventFate::Applied, Some("first")));
        assert_eq!((settled.duplicates, settled.replayable, settled.fate_at), (1, true, Some(at(1_500))));
        assert!(ids(store).await.is_empty());
        assert_eq!(store.due(at(1_999), 10, PassedOver::default()).await.unwrap(), []);
        assert_eq!(store.due(at(2_000), 10, PassedOver::default()).await.unwrap().len(), 1);
        assert_eq!(store.due(at(2_000), 10, these(vec![b])).await.unwrap(), []);
        assert_eq!(store.next_waiting(PassedOver::default()).await.unwrap(), Some(at(2_000)));
        let later = EventEnd::Later { due_at: at(9_000), detail: "why".to_owned() };
        store.settle(vec![Settlement { seq: b, end: later, contact: None }], at(2_100), false).await.unwrap();
        let waiting = store.event(WebhookId::parse("b").unwrap()).await.unwrap().unwrap();
        assert_eq!((waiting.fate, waiting.attempts, waiting.replayable), (EventFate::Pending, 1, false));
        assert_eq!(store.inbox_depth().await.unwrap(), InboxDepth { pending: 1, oldest: Some(at(1_000)) });
        rig.store.close().await;
    }
}

#[tokio::test]
async fn a_replay_needs_a_fate_and_a_body() {
    let rig = Rig::memory().await;
    let (store, id) = (&rig.store, WebhookId::parse("a").unwrap());
    assert_eq!(store.replay(id.clone(), at(1)).await, Ok(Replayed::Unknown));
    store.receive(new("a", 1_000)).await.unwrap();
    assert!(matches!(store.replay(id.clone(), at(1)).await, Ok(Replayed::No(_))));
    let seq = store.arrived(at(0), 1).await.unwrap().events[0].event.seq;
    store.settle(vec![fate(seq, FateOf::Failed, "x")], at(1_500), true).await.unwrap();
    let Ok(Replayed::Yes(event)) = store.replay(id.clone(), at(2_000)).await else { panic!("its body is kept") };
    assert_eq!((event.fate, event.replays), (EventFate::Pending, 1));
    store.settle(vec![fate(seq, FateOf::Applied, "y")], at(2_500), true).await.unwrap();
    assert!(matches!(store.replay(id, at(3_000)).await, Ok(Replayed::No(event)) if !event.replayable));
}

#[tokio::test]
async fn what_is_old_goes_bodies_first() {
    let rig = Rig::memory().await;
    let store = &rig.store;
    for id in ["a", "b", "c"] {
        store.receive(new(id, 1_000)).await.unwrap();
    }
    let seqs: Vec<i64> = store.arrived(at(0), 9).await.unwrap().events.iter().map(|one| one.event.seq).collect();
    let ends = vec![fate(seqs[0], FateOf::Applied, "x"), fate(seqs[1], FateOf::Failed, "x")];
    store.settle(ends, at(2_000), false).await.unwrap();
    assert_eq!(store.prune_inbox(at(2_000), at(3_000)).await, Ok(1), "that of the failed one stays");
    let list = || store.events(EventFilter::default(), None, 10);
    let replayable: Vec<bool> = list().await.unwrap().items.iter().map(|one| one.replayable).collect();
    assert_eq!(replayable, [false, true, false]);
    assert_eq!(store.prune_inbox(at(2_001), at(3_000)).await, Ok(2));
    let left: Vec<String> = list().await.unwrap().items.iter().map(|one| one.webhook_id.to_string()).collect();
    assert_eq!(left, ["c"], "what has no fate stays");
    let last = store.last_received().await.unwrap();
    assert_eq!(last, [(LocationId::parse("loc").unwrap(), at(1_000))]);
}

#[tokio::test]
async fn what_cannot_be_read_fails_and_can_be_replayed_once_it_can() {
    let rig = Rig::file().await;
    let store = &rig.store;
    for id in ["a", "b", "c"] {
        store.receive(new(id, 1_000)).await.unwrap();
    }
    rig.damage("UPDATE inbox SET contact = 'no id' WHERE webhook_id = 'a'").await;
    let first = store.arrived(at(1_500), 2).await.unwrap();
    assert_eq!((first.events.len(), first.unreadable, first.more), (1, 1, true));
    assert_eq!(ids(store).await, ["b", "c"]);
    assert_eq!(store.inbox_depth().await.unwrap().pending, 2);
    // The same of one whose rest is due.
    let seqs: Vec<i64> = store.arrived(at(0), 9).await.unwrap().events.iter().map(|one| one.event.seq).collect();
    let wait = |seq| Settlement { seq, end: EventEnd::Wait(at(2_000)), contact: None };
    store.settle(vec![wait(seqs[0]), wait(seqs[1])], at(1_600), false).await.unwrap();
    rig.damage("UPDATE inbox SET body = 7 WHERE webhook_id = 'b'").await;
    let due = store.due(at(2_500), 9, PassedOver::default()).await.unwrap();
    assert_eq!(due.iter().map(|one| one.event.webhook_id.as_str()).collect::<Vec<_>>(), ["c"]);
    // Nor does it hide when each location was last heard of.
    rig.damage("UPDATE inbox SET location = 'no id' WHERE webhook_id = 'b'").await;
    assert_eq!(store.last_received().await.unwrap(), [(LocationId::parse("loc").unwrap(), at(1_000))]);
    // By a version that can read it, so to speak.
    let id = WebhookId::parse("a").unwrap();
    assert!(matches!(store.replay(id.clone(), at(3_000)).await, Err(StoreError::Corrupt(_))));
    rig.damage("UPDATE inbox SET contact = 'c1' WHERE webhook_id = 'a'").await;
    let failed = store.event(id.clone()).await.unwrap().unwrap();
    assert_eq!((failed.fate, failed.detail.as_deref()), (EventFate::Failed, Some("unreadable")));
    assert_eq!((failed.fate_at, failed.replayable), (Some(at(1_500)), true));
    assert!(matches!(store.replay(id, at(3_000)).await, Ok(Replayed::Yes(_))));
    assert_eq!(ids(store).await, ["a"]);
}

#[tokio::test]
async fn what_is_in_hand_hides_nothing_that_waits_behind_it() {
    let rig = Rig::file().await;
    let store = &rig.store;
    let of = |id: &str, kind: EventKind, location: &str, contact: Option<&str>| NewEvent {
        kind: kind.as_str().to_owned(),
        location: Some(LocationId::parse(location).unwrap()),
        contact: contact.map(|id| ContactId::parse(id).unwrap()),
        ..new(id, 1_000)
    };
    for number in 0..30 {
        store.receive(of(&format!("t{number}"), EventKind::TaskCreate, "busy", None)).await.unwrap();
        store.receive(of(&format!("u{number}"), EventKind::ContactUpdate, "busy", Some("c1"))).await.unwrap();
    }
    store.receive(of("task", EventKind::TaskCreate, "idle", None)).await.unwrap();
    store.receive(of("rules", EventKind::ContactUpdate, "busy", Some("c2"))).await.unwrap();
    let anywhere = NewEvent { location: None, ..of("agency", EventKind::Install, "busy", None) };
    store.receive(anywhere).await.unwrap();
    store.receive(of("gone", EventKind::ContactDelete, "busy", Some("c3"))).await.unwrap();
    let all = store.arrived(at(0), 100).await.unwrap().events;
    let wait = |one: &PendingEvent| Settlement { seq: one.event.seq, end: EventEnd::Wait(at(1_000)), contact: None };
    store.settle(all.iter().map(wait).collect(), at(1_000), false).await.unwrap();
    let due = async |passed: PassedOver| -> Vec<String> {
        let due = store.due(at(2_000), 10, passed).await.unwrap();
        due.into_iter().map(|one| one.event.webhook_id.to_string()).collect()
    };
    let mut passed = PassedOver {
        contacts: vec![ContactId::parse("c1").unwrap()],
        tasks_of: vec![LocationId::parse("busy").unwrap()],
        ..PassedOver::default()
    };
    assert_eq!(due(passed.clone()).await, ["task", "rules", "agency", "gone"]);
    passed.all_but = Some(&[EventKind::ContactDelete, EventKind::Install]);
    assert_eq!(due(passed.clone()).await, ["agency", "gone"]);
    passed.contacts.push(ContactId::parse("c3").unwrap());
    passed.seqs = all.iter().filter(|one| one.event.webhook_id.as_ref() == "agency").map(|one| one.event.seq).collect();
    assert_eq!(due(passed.clone()).await, Vec::<String>::new());
    assert_eq!(store.next_waiting(passed).await.unwrap(), None);
    assert_eq!(store.next_waiting(PassedOver::default()).await.unwrap(), Some(at(1_000)));
}

#[tokio::test]
async fn what_events_of_a_location_said_goes_page_by_page_and_an_installation_keeps_its_ids() {
    let rig = Rig::memory().await;
    let store = &rig.store;
    let many = usize::try_from(BATCH).unwrap() * 4 + 10;
    for number in 0..many {
        store.receive(new(&format!("e{number}"), 1_000)).await.unwrap();
    }
    let ids = br#"{"companyId":"a"}"#.to_vec();
    let install = NewEvent { kind: "UNINSTALL".to_owned(), contact: None, body: ids.clone(), ..new("un", 1_000) };
    store.receive(install).await.unwrap();
    let fates = |all: Vec<PendingEvent>| -> Vec<Settlement> {
        let told = all.iter().filter(|one| one.event.kind != "UNINSTALL");
        told.map(|one| fate(one.event.seq, FateOf::Applied, "x")).collect()
    };
    let all = store.arrived(at(0), 10_000).await.unwrap().events;
    store.settle(fates(all), at(2_000), false).await.unwrap();
    let scope = ErasureScope { location: LocationId::parse("loc").unwrap(), contact: None };
    assert_eq!(store.erase_bodies(scope.clone()).await, Ok(u64::try_from(many).unwrap()));
    assert_eq!(store.erase_bodies(scope).await, Ok(0));
    let left = store.arrived(at(0), 10).await.unwrap().events;
    assert_eq!((left.len(), &left[0].body), (1, &ids), "it is carried out by what it says");
}

#[tokio::test]
async fn a_location_is_known_by_what_the_log_tells_of_it() {
    let rig = Rig::memory().await;
    On(&rig.store).accept("o1", note("c1")).await;
    let asked = ["nobody", "location1"].map(|id| LocationId::parse(id).unwrap());
    let known = rig.store.locations_known(asked.to_vec()).await.unwrap();
    assert_eq!(known, [LocationId::parse("location1").unwrap()]);
}

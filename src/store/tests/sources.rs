//! Sources: taking in, laying over, lanes, steps, forgetting.

use super::{On, Rig, at, contact, done, entry, location, note, on_every_store, problem};
use crate::{
    domain::{
        erasure::ErasureScope,
        ids::{LocationId, OperationId},
        operation::{AttemptEnd, AuditEvent},
        source::{
            Change, Delivered, ExternalId, Intent, NewSourceEvent, RecordCounts, RecordKey, RecordKind, RecordState,
            RecordStatus, SourceEventFilter, SourceEventId, SourceEventKind, SourceFate, SourceName, SourceRecord,
            TagChange, Version,
        },
    },
    store::{
        EventsEnd, LaidOver, Lane, OperationStore as _, RecordStep, ReplayedSource, SourceMark, SourceStore, TakenIn,
        sqlite::SqliteStore,
    },
};
use serde_json::json;
use std::collections::BTreeMap;

mod waking;

on_every_store! {
    an_event_is_taken_once_and_all_of_a_request_or_nothing,
    what_is_laid_over_is_read_back_and_due,
    lanes_come_longest_due_first_and_one_at_a_time,
    a_lane_has_its_contact_first_and_then_what_is_open,
    a_step_ends_the_events_it_has_seen,
    a_record_that_waits_tells_so_and_settles_later,
    more_that_was_laid_over_stays_due,
    who_was_retried_is_stirred_with_the_events_that_failed,
    a_replay_arrives_anew,
    events_are_listed_by_what_is_asked,
    how_a_source_fares_is_counted,
    ids_of_what_is_not_deleted_come_page_by_page,
    what_is_old_goes_bodies_first,
    a_contact_is_forgotten_with_its_tasks_and_events,
    a_location_is_forgotten_page_by_page,
    what_was_begun_before_it_was_forgotten_does_not_come_back,
}

fn source() -> SourceName {
    SourceName::parse("insurgo").unwrap()
}

fn external(id: &str) -> ExternalId {
    ExternalId::parse(id).unwrap()
}

fn event_id(id: &str) -> SourceEventId {
    SourceEventId::parse(id).unwrap()
}

fn key(kind: RecordKind, id: &str) -> RecordKey {
    RecordKey { source: source(), kind, id: external(id) }
}

fn of(id: &str) -> Lane {
    Lane { source: source(), contact: Some(external(id)), alone: None }
}

/// An event that tells of contact `p1`.
fn told_of(id: &str, second: i64, kind: SourceEventKind, record: &str) -> NewSourceEvent {
    NewSourceEvent {
        source: source(),
        event_id: event_id(id),
        kind: Some(kind),
        location: location(),
        external_id: Some(external(record)),
        contact_external_id: Some(external("p1")),
        event_at: Some(at(second - 1)),
        received_at: at(second),
        body: br#"{"firstName":"Eve"}"#.to_vec(),
        listed: false,
        fate: None,
    }
}

pub(crate) fn told(id: &str, second: i64) -> NewSourceEvent {
    told_of(id, second, SourceEventKind::ContactUpdated, "p1")
}

/// What a record is after one change.
fn state(kind: RecordKind, id: &str, parent: Option<&str>) -> RecordState {
    let mut state = RecordState::default();
    state.merge(&Change {
        kind,
        id: external(id),
        version: Version { order: 1, tie: 2, at_ms: 3 },
        parent: parent.map(external),
        fields: BTreeMap::from([("firstName".to_owned(), json!("Eve"))]),
        tags: TagChange::default(),
        deleted: false,
    });
    state
}

fn laid(kind: RecordKind, id: &str, parent: Option<&str>, seq: i64) -> LaidOver {
    let state = state(kind, id, parent);
    LaidOver { key: key(kind, id), location: location(), state, merged_seq: seq, due: true, verify: false }
}

fn mark(seq: i64, kind: RecordKind, id: &str) -> SourceMark {
    SourceMark { seq, settled_by: Some((kind, external(id))), fate: None }
}

fn step(record: &SourceRecord, status: RecordStatus, events: Option<SourceFate>) -> RecordStep {
    RecordStep {
        key: record.key.clone(),
        seen_seq: record.merged_seq,
        ghl_id: record.ghl_id.clone(),
        ghl_contact: record.ghl_contact.clone(),
        delivered: record.delivered.clone(),
        intent: record.intent.clone(),
        awaited: None,
        status,
        due_at: at(900),
        tries: 3,
        verify: false,
        problem: None,
        bared: None,
        events: events.map(|fate| EventsEnd { fate, detail: Some("why".to_owned()), operations: Vec::new() }),
    }
}

/// Takes one event in, and says at which position.
async fn take(store: &SqliteStore, event: NewSourceEvent) -> i64 {
    let id = event.event_id.clone();
    assert_eq!(store.take_in(vec![event], 9999).await.unwrap(), TakenIn::Yes(vec![true]));
    store.source_event(source(), id).await.unwrap().unwrap().seq
}

/// The same, laid over its record, of which it is the only event.
async fn take_and_lay(store: &SqliteStore, id: &str, kind: RecordKind, record: &str, parent: Option<&str>) -> i64 {
    let of = match kind {
        RecordKind::Contact => SourceEventKind::ContactUpdated,
        RecordKind::Task => SourceEventKind::TaskUpdated,
        RecordKind::Note => SourceEventKind::NoteAdded,
    };
    let contact = if kind == RecordKind::Contact { Some(record) } else { parent };
    let event = NewSourceEvent { contact_external_id: contact.map(external), ..told_of(id, 1, of, record) };
    let seq = take(store, event).await;
    store.lay(vec![laid(kind, record, parent, seq)], vec![mark(seq, kind, record)], at(2)).await.unwrap();
    seq
}

async fn record(store: &SqliteStore, kind: RecordKind, id: &str) -> Option<SourceRecord> {
    store.records(vec![key(kind, id)]).await.unwrap().pop()
}

async fn fate(store: &SqliteStore, id: &str) -> SourceFate {
    store.source_event(source(), event_id(id)).await.unwrap().unwrap().fate
}

async fn due(store: &SqliteStore, second: i64, in_hand: Vec<Lane>) -> Vec<Lane> {
    store.due_lanes(at(second), 100, in_hand, Vec::new()).await.unwrap()
}

async fn an_event_is_taken_once_and_all_of_a_request_or_nothing(store: &SqliteStore) {
    let bad = NewSourceEvent { fate: Some((SourceFate::Failed, "no date".to_owned())), kind: None, ..told("bad", 1) };
    let events = vec![told("a", 1), told("b", 1), told("a", 1), bad];
    assert_eq!(store.take_in(events, 2).await.unwrap(), TakenIn::Yes(vec![true, true, false, true]));
    assert_eq!(store.take_in(vec![told("c", 1)], 2).await.unwrap(), TakenIn::Full, "two wait");
    assert_eq!(store.take_in(vec![told("c", 1), told("d", 1)], 3).await.unwrap(), TakenIn::Yes(vec![true, true]));
    let other = NewSourceEvent { source: SourceName::parse("other").unwrap(), ..told("a", 1) };
    assert_eq!(store.take_in(vec![other], 1).await.unwrap(), TakenIn::Yes(vec![true]), "another source's");
    let arrived = store.arrived_from_sources(2).await.unwrap();
    assert!(arrived.more);
    let ids: Vec<&str> = arrived.events.iter().map(|event| event.event_id.as_str()).collect();
    assert_eq!(ids, ["a", "b"], "in the order of their arrival, and they stay so");
    assert_eq!(store.arrived_from_sources(9).await.unwrap().events.len(), 5);
    let bad = store.source_event(source(), event_id("bad")).await.unwrap().unwrap();
    assert_eq!((bad.fate, bad.detail.as_deref(), bad.replayable), (SourceFate::Failed, Some("no date"), true));
    let first = store.source_event(source(), event_id("a")).await.unwrap().unwrap();
    assert_eq!((first.duplicates, first.event_at, first.received_at), (1, Some(at(0)), at(1)));
}

async fn what_is_laid_over_is_read_back_and_due(store: &SqliteStore) {
    let seq = take_and_lay(store, "a", RecordKind::Contact, "p1", None).await;
    let expected = SourceRecord {
        key: key(RecordKind::Contact, "p1"),
        location: location(),
        state: state(RecordKind::Contact, "p1", None),
        merged_seq: seq,
        ghl_id: None,
        ghl_contact: None,
        delivered: Delivered::default(),
        intent: None,
        status: RecordStatus::Due,
        due_at: at(2),
        tries: 0,
        verify: false,
        problem: None,
    };
    assert_eq!(record(store, RecordKind::Contact, "p1").await, Some(expected));
    assert_eq!(record(store, RecordKind::Task, "p1").await, None);
    assert!(store.arrived_from_sources(9).await.unwrap().events.is_empty());
    assert_eq!(fate(store, "a").await, SourceFate::Pending);
    let again = take(store, told("b", 3)).await;
    let same = LaidOver { due: false, verify: true, ..laid(RecordKind::Contact, "p1", None, again) };
    let passed =
        SourceMark { fate: Some((SourceFate::Ignored, "known".to_owned())), ..mark(again, RecordKind::Contact, "p1") };
    store.lay(vec![same], vec![passed], at(5)).await.unwrap();
    let now = record(store, RecordKind::Contact, "p1").await.unwrap();
    assert_eq!((now.merged_seq, now.status, now.due_at, now.verify), (again, RecordStatus::Due, at(2), true));
    let ended = store.source_event(source(), event_id("b")).await.unwrap().unwrap();
    assert_eq!((ended.fate, ended.fate_at, ended.detail.as_deref()), (SourceFate::Ignored, Some(at(5)), Some("known")));
}

async fn lanes_come_longest_due_first_and_one_at_a_time(store: &SqliteStore) {
    for (event, second, record) in [("a", 5, "p1"), ("b", 3, "p2"), ("c", 4, "p3")] {
        let seq = take(store, told_of(event, 1, SourceEventKind::ContactUpdated, record)).await;
        let marks = vec![mark(seq, RecordKind::Contact, record)];
        store.lay(vec![laid(RecordKind::Contact, record, None, seq)], marks, at(second)).await.unwrap();
    }
    take_and_lay(store, "d", RecordKind::Task, "t1", None).await;
    let alone = Lane { source: source(), contact: None, alone: Some((RecordKind::Task, external("t1"))) };
    assert_eq!(due(store, 9, vec![]).await, [alone.clone(), of("p2"), of("p3"), of("p1")]);
    assert_eq!(due(store, 4, vec![]).await, [alone.clone(), of("p2"), of("p3")]);
    assert_eq!(due(store, 9, vec![of("p2"), alone.clone()]).await, [of("p3"), of("p1")]);
    assert_eq!(store.due_lanes(at(9), 2, vec![of("p2")], Vec::new()).await.unwrap(), [alone.clone(), of("p3")]);
    assert_eq!(store.due_lanes(at(9), 9, Vec::new(), vec![source()]).await.unwrap(), []);
    assert_eq!(store.next_lane_due(vec![alone.clone()], Vec::new()).await.unwrap(), Some(at(3)));
    assert_eq!(store.next_lane_due(Vec::new(), vec![source()]).await.unwrap(), None);
    // Once its contact is known, the task is in the contact's lane.
    let seq = take(store, told_of("e", 1, SourceEventKind::TaskUpdated, "t1")).await;
    store
        .lay(vec![laid(RecordKind::Task, "t1", Some("p1"), seq)], vec![mark(seq, RecordKind::Task, "t1")], at(6))
        .await
        .unwrap();
    assert_eq!(due(store, 9, vec![]).await, [of("p1"), of("p2"), of("p3")]);
}

async fn a_lane_has_its_contact_first_and_then_what_is_open(store: &SqliteStore) {
    take_and_lay(store, "a", RecordKind::Task, "t1", Some("p1")).await;
    take_and_lay(store, "b", RecordKind::Note, "n1", Some("p1")).await;
    take_and_lay(store, "c", RecordKind::Task, "t2", Some("p1")).await;
    take_and_lay(store, "d", RecordKind::Contact, "p1", None).await;
    take_and_lay(store, "e", RecordKind::Task, "t3", Some("p2")).await;
    let lane = store.lane(of("p1"), at(3)).await.unwrap();
    let ids = |lane: &[SourceRecord]| lane.iter().map(|record| record.key.id.to_string()).collect::<Vec<_>>();
    assert_eq!(ids(&lane), ["p1", "t1", "n1", "t2"]);
    let ends = vec![
        step(&lane[0], RecordStatus::Settled, None),
        step(&lane[1], RecordStatus::Failed, None),
        step(&lane[2], RecordStatus::Settled, None),
    ];
    assert_eq!(store.step(ends, at(3)).await.unwrap(), [true, true, true]);
    assert_eq!(ids(&store.lane(of("p1"), at(3)).await.unwrap()), ["p1", "t2"], "the contact, whatever its status");
    assert_eq!(due(store, 9, vec![]).await, [of("p1"), of("p2")]);
    store.step(vec![step(&lane[3], RecordStatus::Settled, None)], at(3)).await.unwrap();
    assert_eq!(due(store, 999, vec![]).await, [of("p2")], "what failed is due no more");
    let alone = Lane { source: source(), contact: None, alone: Some((RecordKind::Task, external("t9"))) };
    assert_eq!(store.lane(alone, at(3)).await.unwrap(), []);
}

async fn a_step_ends_the_events_it_has_seen(store: &SqliteStore) {
    take_and_lay(store, "a", RecordKind::Contact, "p1", None).await;
    let seen = record(store, RecordKind::Contact, "p1").await.unwrap();
    let operation = OperationId::parse("op1").unwrap();
    let delivered =
        Delivered { fields: BTreeMap::from([("firstName".to_owned(), json!("Eve"))]), ..Delivered::default() };
    let intent = Intent { write: note("c1"), key: "k".to_owned(), operation: None, then: delivered.clone() };
    let begun = RecordStep { intent: Some(intent.clone()), due_at: at(2), ..step(&seen, RecordStatus::Due, None) };
    store.step(vec![begun], at(3)).await.unwrap();
    let now = record(store, RecordKind::Contact, "p1").await.unwrap();
    assert_eq!((now.intent, now.tries, fate(store, "a").await), (Some(intent), 3, SourceFate::Pending));
    let end = EventsEnd { fate: SourceFate::Applied, detail: None, operations: vec![operation.clone()] };
    let settled = RecordStep {
        ghl_id: Some("c1".to_owned()),
        ghl_contact: Some(contact("c1")),
        delivered: delivered.clone(),
        events: Some(end),
        problem: Some(problem()),
        ..step(&seen, RecordStatus::Settled, None)
    };
    store.step(vec![settled], at(4)).await.unwrap();
    let now = record(store, RecordKind::Contact, "p1").await.unwrap();
    assert_eq!((now.ghl_id.as_deref(), now.ghl_contact, now.intent), (Some("c1"), Some(contact("c1")), None));
    assert_eq!((now.delivered, now.status, now.problem), (delivered, RecordStatus::Settled, Some(problem())));
    let event = store.source_event(source(), event_id("a")).await.unwrap().unwrap();
    assert_eq!((event.fate, event.fate_at, event.operations), (SourceFate::Applied, Some(at(4)), vec![operation]));
    assert!(due(store, 9999, vec![]).await.is_empty());
    let unknown = SourceRecord { key: key(RecordKind::Note, "n9"), ..seen };
    assert_eq!(store.step(vec![step(&unknown, RecordStatus::Due, None)], at(5)).await.unwrap(), [false]);
    assert_eq!(record(store, RecordKind::Note, "n9").await, None, "one that is not known is passed over");
}

async fn a_record_that_waits_tells_so_and_settles_later(store: &SqliteStore) {
    take_and_lay(store, "a", RecordKind::Task, "t1", None).await;
    let seen = record(store, RecordKind::Task, "t1").await.unwrap();
    store.step(vec![step(&seen, RecordStatus::Waiting, Some(SourceFate::Waiting))], at(3)).await.unwrap();
    let event = store.source_event(source(), event_id("a")).await.unwrap().unwrap();
    assert_eq!((event.fate, event.detail.as_deref(), event.replayable), (SourceFate::Waiting, Some("why"), false));
    assert!(due(store, 899, vec![]).await.is_empty());
    assert_eq!(due(store, 900, vec![]).await.len(), 1, "it has waited long enough");
    assert_eq!(store.next_lane_due(Vec::new(), Vec::new()).await.unwrap(), Some(at(900)));
    let task = told_of("t", 1, SourceEventKind::TaskCreated, "t2");
    assert_eq!(store.take_in(vec![told("b", 1), task.clone()], 1).await.unwrap(), TakenIn::Full, "another would wait");
    assert_eq!(store.take_in(vec![told("b", 1)], 1).await.unwrap(), TakenIn::Yes(vec![true]), "others wait for it");
    assert_eq!(store.take_in(vec![told("c", 1)], 1).await.unwrap(), TakenIn::Full, "that one has no fate yet");
    store.step(vec![step(&seen, RecordStatus::Failed, Some(SourceFate::Failed))], at(901)).await.unwrap();
    let event = store.source_event(source(), event_id("a")).await.unwrap().unwrap();
    assert_eq!((event.fate, event.replayable), (SourceFate::Failed, true));
    assert_eq!(store.take_in(vec![task], 2).await.unwrap(), TakenIn::Yes(vec![true]));
}

async fn more_that_was_laid_over_stays_due(store: &SqliteStore) {
    take_and_lay(store, "a", RecordKind::Contact, "p1", None).await;
    let seen = record(store, RecordKind::Contact, "p1").await.unwrap();
    let seq = take(store, told("b", 3)).await;
    let more = LaidOver { verify: true, ..laid(RecordKind::Contact, "p1", None, seq) };
    store.lay(vec![more], vec![mark(seq, RecordKind::Contact, "p1")], at(4)).await.unwrap();
    let settled =
        RecordStep { ghl_id: Some("c1".into()), ..step(&seen, RecordStatus::Settled, Some(SourceFate::Applied)) };
    store.step(vec![settled], at(5)).await.unwrap();
    let now = record(store, RecordKind::Contact, "p1").await.unwrap();
    assert_eq!((now.ghl_id.as_deref(), now.status, now.due_at), (Some("c1"), RecordStatus::Due, at(2)));
    assert_eq!((now.merged_seq, now.tries, now.verify), (seq, 0, true));
    assert_eq!((fate(store, "a").await, fate(store, "b").await), (SourceFate::Applied, SourceFate::Pending));
    assert_eq!(due(store, 5, vec![]).await, [of("p1")]);
    // And what failed is due again once more is laid over it.
    store.step(vec![step(&now, RecordStatus::Failed, Some(SourceFate::Failed))], at(6)).await.unwrap();
    assert!(due(store, 999, vec![]).await.is_empty());
    let seq = take(store, told("c", 7)).await;
    store
        .lay(vec![laid(RecordKind::Contact, "p1", None, seq)], vec![mark(seq, RecordKind::Contact, "p1")], at(8))
        .await
        .unwrap();
    assert_eq!(due(store, 8, vec![]).await, [of("p1")]);
    assert_eq!(fate(store, "b").await, SourceFate::Failed, "it has its fate");
}

async fn who_was_retried_is_stirred_with_the_events_that_failed(store: &SqliteStore) {
    let on = On(store);
    take_and_lay(store, "a", RecordKind::Contact, "p1", None).await;
    take_and_lay(store, "b", RecordKind::Contact, "p2", None).await;
    on.accept("op1", note("c1")).await;
    on.claim(3).await;
    assert!(on.end("op1", 1, AttemptEnd::Failed(problem()), 4).await);
    for id in ["p1", "p2"] {
        let seen = record(store, RecordKind::Contact, id).await.unwrap();
        let operation = (id == "p1").then(|| OperationId::parse("op1").unwrap());
        let intent = Intent { write: note("c1"), key: "k".into(), operation, then: Delivered::default() };
        let failed = RecordStep { intent: Some(intent), ..step(&seen, RecordStatus::Failed, Some(SourceFate::Failed)) };
        store.step(vec![failed], at(5)).await.unwrap();
    }
    assert_eq!(store.stir(at(6)).await.unwrap(), 0, "it failed, and stays so");
    store.retry(OperationId::parse("op1").unwrap(), entry("op1", AuditEvent::Retried), at(7)).await.unwrap();
    assert_eq!(store.stir(at(8)).await.unwrap(), 1);
    assert_eq!(store.stir(at(8)).await.unwrap(), 0);
    assert_eq!(due(store, 8, vec![]).await, [of("p1")]);
    assert_eq!((fate(store, "a").await, fate(store, "b").await), (SourceFate::Pending, SourceFate::Failed));
    on.claim(9).await;
    assert!(on.end("op1", 1, done("n1"), 10).await);
    let seen = record(store, RecordKind::Contact, "p1").await.unwrap();
    assert_eq!((seen.status, seen.tries), (RecordStatus::Due, 0));
    store.step(vec![step(&seen, RecordStatus::Settled, Some(SourceFate::Applied))], at(11)).await.unwrap();
    assert_eq!(fate(store, "a").await, SourceFate::Applied);
}

async fn a_replay_arrives_anew(store: &SqliteStore) {
    let first = take_and_lay(store, "a", RecordKind::Contact, "p1", None).await;
    let later = take(store, told("b", 3)).await;
    let replay = |id: &str| store.replay_source_event(source(), event_id(id), at(9));
    assert_eq!(replay("nobody").await.unwrap(), ReplayedSource::Unknown);
    assert!(matches!(replay("a").await.unwrap(), ReplayedSource::No(event) if event.fate == SourceFate::Pending));
    let seen = record(store, RecordKind::Contact, "p1").await.unwrap();
    store.step(vec![step(&seen, RecordStatus::Failed, Some(SourceFate::Failed))], at(4)).await.unwrap();
    let ReplayedSource::Yes(again) = replay("a").await.unwrap() else { panic!("it failed") };
    assert_eq!((again.fate, again.replays, again.detail), (SourceFate::Pending, 1, None));
    assert!(again.seq > later && again.seq > first);
    let arrived = store.arrived_from_sources(9).await.unwrap().events;
    let told: Vec<_> = arrived.iter().map(|event| (event.event_id.as_str(), event.replayed)).collect();
    assert_eq!(told, [("b", false), ("a", true)]);
    let next = take(store, super::told("c", 3)).await;
    assert!(next > again.seq);
}

async fn events_are_listed_by_what_is_asked(store: &SqliteStore) {
    let elsewhere = LocationId::parse("location2").unwrap();
    let other = SourceName::parse("other").unwrap();
    take(store, told("a", 1)).await;
    take(store, told_of("b", 2, SourceEventKind::TaskCreated, "t1")).await;
    let events = [
        NewSourceEvent { location: elsewhere.clone(), ..told("c", 3) },
        NewSourceEvent { source: other.clone(), contact_external_id: None, external_id: None, ..told("d", 4) },
        NewSourceEvent {
            fate: Some((SourceFate::Failed, "x".into())),
            ..told_of("e", 5, SourceEventKind::NoteAdded, "n1")
        },
    ];
    assert!(matches!(store.take_in(events.to_vec(), 9).await.unwrap(), TakenIn::Yes(_)));
    let list = async |filter: SourceEventFilter| -> String {
        let page = store.source_events(filter, None, 10).await.unwrap();
        page.items.iter().map(|event| event.event_id.as_str()).collect()
    };
    let all = SourceEventFilter::default;
    assert_eq!(list(all()).await, "edcba");
    assert_eq!(list(SourceEventFilter { locations: Some(vec![location()]), ..all() }).await, "edba");
    assert_eq!(list(SourceEventFilter { locations: Some(vec![]), ..all() }).await, "");
    assert_eq!(list(SourceEventFilter { source: Some(other), ..all() }).await, "d");
    assert_eq!(list(SourceEventFilter { kind: Some(SourceEventKind::TaskCreated), ..all() }).await, "b");
    assert_eq!(list(SourceEventFilter { fates: vec![SourceFate::Failed], ..all() }).await, "e");
    assert_eq!(
        list(SourceEventFilter { fates: vec![SourceFate::Failed, SourceFate::Pending], ..all() }).await,
        "edcba"
    );
    assert_eq!(list(SourceEventFilter { external_id: Some(external("t1")), ..all() }).await, "b");
    assert_eq!(list(SourceEventFilter { external_id: Some(external("p1")), ..all() }).await, "ecba");
    assert_eq!(list(SourceEventFilter { since: Some(at(2)), until: Some(at(4)), ..all() }).await, "cb");
    let page = store.source_events(all(), None, 2).await.unwrap();
    let rest = store.source_events(all(), page.next, 9).await.unwrap();
    assert_eq!((page.items.len(), rest.items.len(), rest.next), (2, 3, None));
}

async fn how_a_source_fares_is_counted(store: &SqliteStore) {
    assert!(store.source_counts().await.unwrap().is_empty());
    take_and_lay(store, "a", RecordKind::Contact, "p1", None).await;
    take_and_lay(store, "b", RecordKind::Task, "t1", None).await;
    take(store, told("c", 7)).await;
    let seen = record(store, RecordKind::Task, "t1").await.unwrap();
    store.step(vec![step(&seen, RecordStatus::Waiting, Some(SourceFate::Waiting))], at(3)).await.unwrap();
    let failed = NewSourceEvent { fate: Some((SourceFate::Failed, "x".into())), ..told("d", 6) };
    store.take_in(vec![failed], 9).await.unwrap();
    let counts = store.source_counts().await.unwrap().pop().unwrap();
    assert_eq!((counts.pending, counts.waiting, counts.failed), (2, 1, 1));
    assert_eq!((counts.oldest_pending_at, counts.last_received_at), (Some(at(1)), Some(at(7))));
    assert_eq!(counts.records, RecordCounts { contacts: 1, tasks: 1, notes: 0 });
}

async fn ids_of_what_is_not_deleted_come_page_by_page(store: &SqliteStore) {
    for (event, id) in [("a", "p2"), ("b", "p1"), ("c", "p3")] {
        take_and_lay(store, event, RecordKind::Contact, id, None).await;
    }
    let mut gone = laid(RecordKind::Contact, "p2", None, 9);
    gone.state.deleted.as_mut().unwrap().value = true;
    store.lay(vec![gone], Vec::new(), at(3)).await.unwrap();
    let ids = async |after: Option<&str>, limit| {
        store.record_ids(source(), RecordKind::Contact, after.map(external), limit).await.unwrap()
    };
    assert_eq!(ids(None, 1).await, [external("p1")]);
    assert_eq!(ids(Some("p1"), 9).await, [external("p3")]);
    assert_eq!(store.record_ids(source(), RecordKind::Task, None, 9).await.unwrap(), []);
}

async fn what_is_old_goes_bodies_first(store: &SqliteStore) {
    for (event, record_id, end) in [("a", "p1", SourceFate::Applied), ("b", "p2", SourceFate::Failed)] {
        take_and_lay(store, event, RecordKind::Contact, record_id, None).await;
        let seen = record(store, RecordKind::Contact, record_id).await.unwrap();
        store.step(vec![step(&seen, RecordStatus::Settled, Some(end))], at(5)).await.unwrap();
    }
    take(store, told("c", 1)).await;
    assert_eq!(store.prune_sources(at(5), at(6)).await.unwrap(), 1, "that of a dead letter stays");
    let list = || store.source_events(SourceEventFilter::default(), None, 10);
    let replayable: Vec<bool> = list().await.unwrap().items.iter().map(|event| event.replayable).collect();
    assert_eq!(replayable, [false, true, false]);
    assert_eq!(store.prune_sources(at(6), at(6)).await.unwrap(), 2);
    assert_eq!(list().await.unwrap().items.len(), 1, "what has no fate stays");
    assert!(record(store, RecordKind::Contact, "p1").await.is_some(), "who is who is not forgotten");
    let counts = store.source_counts().await.unwrap().pop().unwrap();
    assert_eq!((counts.pending, counts.failed), (1, 0));
}

fn scope(of: Option<&str>) -> ErasureScope {
    ErasureScope { location: location(), contact: of.map(contact) }
}

async fn stand_at(store: &SqliteStore, kind: RecordKind, id: &str, ghl: &str) {
    let seen = record(store, kind, id).await.unwrap();
    let settled =
        RecordStep { ghl_contact: Some(contact(ghl)), ..step(&seen, RecordStatus::Settled, Some(SourceFate::Applied)) };
    store.step(vec![settled], at(5)).await.unwrap();
}

async fn a_contact_is_forgotten_with_its_tasks_and_events(store: &SqliteStore) {
    take_and_lay(store, "a", RecordKind::Contact, "p1", None).await;
    take_and_lay(store, "b", RecordKind::Task, "t1", Some("p1")).await;
    take_and_lay(store, "c", RecordKind::Contact, "p2", None).await;
    // Another contact's task has the same id as this contact.
    take_and_lay(store, "d", RecordKind::Task, "p1", Some("p2")).await;
    stand_at(store, RecordKind::Contact, "p1", "c1").await;
    stand_at(store, RecordKind::Contact, "p2", "c2").await;
    take(store, told("late", 6)).await;
    let bad = NewSourceEvent {
        kind: None,
        external_id: None,
        fate: Some((SourceFate::Failed, "x".into())),
        ..told("bad", 6)
    };
    store.take_in(vec![bad], 9).await.unwrap();
    assert_eq!(store.forget_sources(scope(Some("c1")), at(9)).await.unwrap(), 2 + 4);
    assert_eq!(store.forget_sources(scope(Some("c1")), at(9)).await.unwrap(), 0);
    for (kind, id, left) in [
        (RecordKind::Contact, "p1", false),
        (RecordKind::Task, "t1", false),
        (RecordKind::Contact, "p2", true),
        (RecordKind::Task, "p1", true),
    ] {
        assert_eq!(record(store, kind, id).await.is_some(), left, "{kind:?} {id}");
    }
    let fates = [
        ("a", SourceFate::Applied),
        ("b", SourceFate::Ignored),
        ("late", SourceFate::Ignored),
        ("bad", SourceFate::Failed),
    ];
    for (id, fate) in fates {
        let event = store.source_event(source(), event_id(id)).await.unwrap().unwrap();
        assert_eq!(
            (event.fate, event.replayable, event.external_id, event.contact_external_id),
            (fate, false, None, None),
            "{id}"
        );
    }
    assert!(store.arrived_from_sources(9).await.unwrap().events.is_empty());
    let other = store.source_event(source(), event_id("d")).await.unwrap().unwrap();
    assert_eq!((other.fate, other.external_id), (SourceFate::Pending, Some(external("p1"))));
    assert_eq!(due(store, 9, vec![]).await, [of("p2")]);
    assert_eq!(store.take_in(vec![told("a", 9)], 9).await.unwrap(), TakenIn::Yes(vec![false]), "it is known still");
}

async fn a_location_is_forgotten_page_by_page(store: &SqliteStore) {
    let many: Vec<NewSourceEvent> = (0..2100).map(|number| told(&format!("e{number}"), 1)).collect();
    store.take_in(many, 9999).await.unwrap();
    for number in 0..130 {
        take_and_lay(store, &format!("t{number}"), RecordKind::Task, &format!("t{number}"), Some("p1")).await;
    }
    let elsewhere = NewSourceEvent { location: LocationId::parse("location2").unwrap(), ..told("other", 1) };
    store.take_in(vec![elsewhere], 9999).await.unwrap();
    assert_eq!(store.forget_sources(scope(None), at(9)).await.unwrap(), 2100 + 130 + 130);
    let left = store.arrived_from_sources(9).await.unwrap().events;
    assert_eq!(left.iter().map(|event| event.event_id.as_str()).collect::<Vec<_>>(), ["other"]);
    assert!(due(store, 99, vec![]).await.is_empty());
    assert_eq!(store.source_counts().await.unwrap()[0].records, RecordCounts::default());
    assert_eq!(store.forget_sources(scope(None), at(9)).await.unwrap(), 0);
}

async fn what_was_begun_before_it_was_forgotten_does_not_come_back(store: &SqliteStore) {
    take_and_lay(store, "a", RecordKind::Contact, "p1", None).await;
    stand_at(store, RecordKind::Contact, "p1", "c1").await;
    let carried = record(store, RecordKind::Contact, "p1").await.unwrap();
    let seq = take(store, told("b", 6)).await;
    store.forget_sources(scope(Some("c1")), at(7)).await.unwrap();
    // Somebody was laying the event over what was known then.
    store
        .lay(vec![laid(RecordKind::Contact, "p1", None, seq)], vec![mark(seq, RecordKind::Contact, "p1")], at(8))
        .await
        .unwrap();
    assert_eq!(record(store, RecordKind::Contact, "p1").await, None);
    assert_eq!(fate(store, "b").await, SourceFate::Ignored);
    // And somebody else was carrying it out, and ends after something new was told.
    take_and_lay(store, "c", RecordKind::Contact, "p1", None).await;
    let late =
        RecordStep { ghl_id: Some("c1".into()), ..step(&carried, RecordStatus::Settled, Some(SourceFate::Applied)) };
    store.step(vec![late], at(9)).await.unwrap();
    let new = record(store, RecordKind::Contact, "p1").await.unwrap();
    assert_eq!((new.ghl_id, new.status, fate(store, "c").await), (None, RecordStatus::Due, SourceFate::Pending));
}

#[tokio::test]
async fn all_of_it_is_there_after_a_restart() {
    let rig = Rig::file().await;
    take_and_lay(&rig.store, "a", RecordKind::Contact, "p1", None).await;
    take(&rig.store, told("b", 3)).await;
    let before = record(&rig.store, RecordKind::Contact, "p1").await;
    rig.store.close().await;
    let (url, _folder) = rig.end().await;
    let rig = Rig::open(url).await;
    assert_eq!(record(&rig.store, RecordKind::Contact, "p1").await, before);
    assert_eq!(rig.store.arrived_from_sources(9).await.unwrap().events.len(), 1);
    assert_eq!(due(&rig.store, 9, vec![]).await, [of("p1")]);
    assert_eq!(rig.store.take_in(vec![told("b", 3)], 9).await.unwrap(), TakenIn::Yes(vec![false]));
}

#[tokio::test]
async fn what_cannot_be_read_fails_and_holds_up_nobody() {
    let rig = Rig::file().await;
    let store = &rig.store;
    for id in ["a", "b"] {
        take(store, told(id, 1)).await;
    }
    take_and_lay(store, "c", RecordKind::Task, "t1", Some("p1")).await;
    take_and_lay(store, "d", RecordKind::Task, "t2", Some("p1")).await;
    rig.damage(
        "UPDATE source_events SET body = 7 WHERE event_id = 'a';
         UPDATE source_records SET state_json = '{' WHERE id = 't1'",
    )
    .await;
    let arrived = store.arrived_from_sources(9).await.unwrap().events;
    assert_eq!(arrived.iter().map(|event| event.event_id.as_str()).collect::<Vec<_>>(), ["b"]);
    assert_eq!(fate(store, "a").await, SourceFate::Failed);
    assert!(store.records(vec![key(RecordKind::Task, "t1")]).await.is_err());
    let lane = store.lane(of("p1"), at(3)).await.unwrap();
    assert_eq!(lane.iter().map(|record| record.key.id.as_str()).collect::<Vec<_>>(), ["t2"]);
    assert_eq!((fate(store, "c").await, fate(store, "d").await), (SourceFate::Failed, SourceFate::Pending));
}

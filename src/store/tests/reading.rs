//! Lists, the log, and what the worker and readiness ask.

use super::{On, at, contact, done, entry, later, location, new, new_contact, note, on_every_store};
use crate::{
    domain::{
        ids::{LocationId, OperationId},
        operation::{AuditEntry, AuditEvent, AuditFilter, NewOperation, OperationFilter, OperationState},
        write::WriteKind,
    },
    store::{Depth, OperationStore, sqlite::SqliteStore},
};
use serde_json::json;

on_every_store! {
    operations_are_listed_newest_first,
    operations_are_filtered,
    the_log_is_paged,
    a_page_of_large_entries_ends_early,
    the_log_is_filtered,
    an_entry_is_read_back_as_it_was_written,
    ids_that_were_told_are_known,
    the_next_one_due_is_known,
    how_many_stand_where_is_known,
}

async fn ids(store: &SqliteStore, filter: OperationFilter) -> Vec<String> {
    let page = store.operations(filter, None, 100).await.unwrap();
    page.items.iter().map(|operation| operation.id.to_string()).collect()
}

async fn operations_are_listed_newest_first(store: &SqliteStore) {
    for number in 0..5 {
        On(store).accept(&format!("o{number}"), note("c1")).await;
    }
    let (mut before, mut seen, mut pages) = (None, Vec::new(), 0);
    loop {
        let page = store.operations(OperationFilter::default(), before, 2).await.unwrap();
        seen.extend(page.items.iter().map(|operation| operation.id.to_string()));
        pages += 1;
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["o4", "o3", "o2", "o1", "o0"]);
    assert_eq!(pages, 3);
    let exact = store.operations(OperationFilter::default(), None, 5).await.unwrap();
    assert_eq!((exact.items.len(), exact.next), (5, None), "nothing follows");
    assert_eq!(store.operations(OperationFilter::default(), None, u32::MAX).await.unwrap().items.len(), 5);
}

async fn operations_are_filtered(store: &SqliteStore) {
    let on = On(store);
    let elsewhere = LocationId::parse("location2").unwrap();
    on.accept("a", note("c1")).await;
    on.accept("b", new_contact(None)).await;
    let foreign = NewOperation { location: elsewhere.clone(), ..new("c", note("c3")) };
    store.accept(foreign, entry("c", AuditEvent::Accepted)).await.unwrap();
    on.claim(1).await;
    on.end("b", 1, done("madeContact"), 2).await;
    let all = OperationFilter::default;
    assert_eq!(ids(store, all()).await, ["c", "b", "a"]);
    assert_eq!(ids(store, OperationFilter { locations: Some(vec![location()]), ..all() }).await, ["b", "a"]);
    let both = Some(vec![elsewhere, location()]);
    assert_eq!(ids(store, OperationFilter { locations: both, ..all() }).await, ["c", "b", "a"]);
    assert!(ids(store, OperationFilter { locations: Some(vec![]), ..all() }).await.is_empty(), "no location is none");
    let made = OperationFilter { contact: Some(contact("madeContact")), ..all() };
    assert_eq!(ids(store, made).await, ["b"]);
    let states = vec![OperationState::Running, OperationState::Dead];
    assert_eq!(ids(store, OperationFilter { states, ..all() }).await, ["c", "a"]);
    let kind = Some(WriteKind::CreateNote);
    let here = OperationFilter { kind, locations: Some(vec![location()]), ..all() };
    assert_eq!(ids(store, here).await, ["a"]);
}

async fn outcomes(store: &SqliteStore, filter: AuditFilter) -> Vec<String> {
    let page = store.audit(filter, None, 100).await.unwrap();
    page.items.into_iter().map(|entry| entry.outcome).collect()
}

async fn the_log_is_paged(store: &SqliteStore) {
    for number in 0..3 {
        let entry = AuditEntry { outcome: number.to_string(), ..entry("a", AuditEvent::Refused) };
        store.append(entry).await.unwrap();
    }
    let first = store.audit(AuditFilter::default(), None, 2).await.unwrap();
    assert_eq!(first.items.iter().map(|entry| entry.outcome.as_str()).collect::<Vec<_>>(), ["2", "1"]);
    let second = store.audit(AuditFilter::default(), first.next, 2).await.unwrap();
    assert_eq!(second.items.iter().map(|entry| entry.outcome.as_str()).collect::<Vec<_>>(), ["0"]);
    assert_eq!(second.next, None);
}

async fn a_page_of_large_entries_ends_early(store: &SqliteStore) {
    for _ in 0..5 {
        let payload = Some(json!("x".repeat(900_000)));
        store.append(AuditEntry { payload, ..entry("a", AuditEvent::Accepted) }).await.unwrap();
    }
    let first = store.audit(AuditFilter::default(), None, 100).await.unwrap();
    let second = store.audit(AuditFilter::default(), first.next, 100).await.unwrap();
    assert_eq!((first.items.len(), second.items.len(), second.next), (3, 2, None));
}

async fn the_log_is_filtered(store: &SqliteStore) {
    let plain = |outcome: &str, second| AuditEntry {
        outcome: outcome.into(),
        at: at(second),
        ..entry("a", AuditEvent::Refused)
    };
    let entries = [
        AuditEntry { location_id: None, operation_id: None, ..plain("nowhere", 0) },
        AuditEntry { contact_id: Some(contact("c1")), ..plain("contact", 10) },
        AuditEntry { event: AuditEvent::Look, operation_id: OperationId::parse("b").ok(), ..plain("look", 20) },
    ];
    for entry in entries {
        store.append(entry).await.unwrap();
    }
    let all = AuditFilter::default;
    assert_eq!(outcomes(store, all()).await, ["look", "contact", "nowhere"]);
    assert_eq!(outcomes(store, AuditFilter { locations: Some(vec![location()]), ..all() }).await, ["look", "contact"]);
    assert!(outcomes(store, AuditFilter { locations: Some(vec![]), ..all() }).await.is_empty());
    assert_eq!(outcomes(store, AuditFilter { contact: Some(contact("c1")), ..all() }).await, ["contact"]);
    assert_eq!(outcomes(store, AuditFilter { operation: OperationId::parse("b").ok(), ..all() }).await, ["look"]);
    assert_eq!(outcomes(store, AuditFilter { event: Some(AuditEvent::Look), ..all() }).await, ["look"]);
    let between = AuditFilter { since: Some(at(10)), until: Some(at(20)), ..all() };
    assert_eq!(outcomes(store, between).await, ["contact"], "from, and up to but not including");
}

async fn an_entry_is_read_back_as_it_was_written(store: &SqliteStore) {
    let full = AuditEntry {
        contact_id: Some(contact("c1")),
        kind: Some(WriteKind::AddTags),
        attempt: Some(3),
        payload: Some(json!({ "tags": ["vip"] })),
        ..entry("a", AuditEvent::Attempt)
    };
    let empty = AuditEntry {
        location_id: None,
        operation_id: None,
        key: None,
        request_id: None,
        upstream_status: None,
        duration_ms: None,
        ..entry("a", AuditEvent::Refused)
    };
    for entry in [full.clone(), empty.clone()] {
        store.append(entry).await.unwrap();
    }
    let read = store.audit(AuditFilter::default(), None, 10).await.unwrap().items;
    assert!(read[0].seq > read[1].seq);
    let numbered = [AuditEntry { seq: read[0].seq, ..empty }, AuditEntry { seq: read[1].seq, ..full }];
    assert_eq!(read, numbered);
}

async fn ids_that_were_told_are_known(store: &SqliteStore) {
    let on = On(store);
    for (id, write) in [("a", note("c1")), ("b", note("c2")), ("c", new_contact(None)), ("d", note("c3"))] {
        on.accept(id, write).await;
    }
    on.claim(1).await;
    for (id, made, second) in [("a", "note1", 10), ("b", "note2", 20), ("c", "contact1", 30)] {
        assert!(on.end(id, 1, done(made), second).await);
    }
    let told =
        async |on: Option<&str>, kind, second| store.claimed_ids(on.map(contact), kind, at(second)).await.unwrap();
    assert_eq!(told(Some("c1"), WriteKind::CreateNote, 10).await, ["note1"]);
    assert!(told(Some("c1"), WriteKind::CreateNote, 11).await.is_empty());
    assert!(told(Some("c1"), WriteKind::CreateTask, 0).await.is_empty());
    assert!(told(Some("c3"), WriteKind::CreateNote, 0).await.is_empty(), "it is not done");
    assert_eq!(told(None, WriteKind::CreateContact, 0).await, ["contact1"]);
}

async fn the_next_one_due_is_known(store: &SqliteStore) {
    let on = On(store);
    assert_eq!(store.next_due(vec![]).await.unwrap(), None);
    on.accept("a", note("c1")).await;
    on.accept("b", note("c2")).await;
    on.claim(1).await;
    on.end("a", 1, later(50, None), 2).await;
    on.end("b", 1, later(40, None), 2).await;
    assert_eq!(store.next_due(vec![]).await.unwrap(), Some(at(40)));
    assert_eq!(store.next_due(vec![location()]).await.unwrap(), None, "it waits for its location");
}

async fn how_many_stand_where_is_known(store: &SqliteStore) {
    let on = On(store);
    assert_eq!(store.depth().await.unwrap(), Depth::default());
    for (id, second) in [("a", 0), ("b", 5), ("c", 7)] {
        let new = NewOperation { created_at: at(second), ..new(id, note(id)) };
        store.accept(new, entry(id, AuditEvent::Accepted)).await.unwrap();
    }
    assert_eq!(on.claim(5).await, ["a", "b"]);
    on.end("a", 1, done("n"), 6).await;
    let mut depth = store.depth().await.unwrap();
    depth.by_state.sort_by_key(|(state, _)| state.as_str());
    let expected = [(OperationState::Done, 1), (OperationState::Pending, 1), (OperationState::Running, 1)];
    assert_eq!(depth, Depth { by_state: expected.into(), oldest_open: Some(at(5)) });
}

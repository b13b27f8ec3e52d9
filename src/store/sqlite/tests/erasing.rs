//! What was forgotten is nowhere in the files.

use super::{foreign, path, say};
use crate::{
    domain::{
        erasure::ErasureScope,
        ids::OperationId,
        operation::{AttemptEnd, AuditEntry, AuditEvent, Idempotency, NewOperation, Written},
        problem::{Problem, ProblemKind},
        source::{Delivered, Intent},
        write::Write,
    },
    store::{
        OperationStore as _, StoreError,
        sqlite::SqliteStore,
        tests::{On, Rig, at, contact, entry, key, location, new, new_contact, note},
    },
};
use serde_json::json;
use std::path::Path;

/// A text that nothing else holds.
const MARK: &str = "Zaphenath-Paaneah";

/// How often the files beside a store hold the mark, by their names.
fn found(store: &Path) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(store.parent().unwrap()).unwrap() {
        let file = file.unwrap();
        let bytes = std::fs::read(file.path()).unwrap();
        let times = bytes.windows(MARK.len()).filter(|window| *window == MARK.as_bytes()).count();
        found.push((file.file_name().into_string().unwrap(), times));
    }
    found.retain(|(_, times)| *times > 0);
    found
}

fn marked(on: &str, bytes: usize) -> Write {
    let fields = json!({ "body": format!("{MARK}{}", "x".repeat(bytes)) });
    Write::CreateNote { contact: contact(on), fields: serde_json::from_value(fields).unwrap() }
}

fn scope(of: Option<&str>) -> ErasureScope {
    ErasureScope { location: location(), contact: of.map(contact) }
}

fn log() -> AuditEntry {
    AuditEntry { operation_id: None, ..entry("o", AuditEvent::Erased) }
}

/// Operations of every end and of sizes that fill, split and leave pages, all of them marked.
async fn fill(store: &SqliteStore, of: &str) {
    for number in 0..120 {
        let id = format!("{of}-{number}");
        let payload = Some(json!({ "body": MARK, "number": number }));
        let accepted = AuditEntry { payload, contact_id: Some(contact(of)), ..entry(&id, AuditEvent::Accepted) };
        let keyed = NewOperation { idempotency: Some(key(&id, 1)), ..new(&id, marked(of, number * 97 % 9000)) };
        store.accept(keyed, accepted).await.unwrap();
        let bystander = format!("by-{id}");
        store.accept(new(&bystander, note(&bystander)), entry(&bystander, AuditEvent::Accepted)).await.unwrap();
        if number < 80 {
            let on = On(store);
            on.claim(1).await;
            let written = Written { status: 201, body: json!({ "body": MARK.repeat(number) }), id: Some(id.clone()) };
            let failed = Problem::new(ProblemKind::ValidationFailed, format!("{MARK} is no name"));
            let end = if number % 2 == 0 { AttemptEnd::Done(written) } else { AttemptEnd::Failed(failed) };
            assert!(on.end(&id, 1, end, 2).await);
        }
    }
    let report = Idempotency { scope: "location1:anonymous".into(), ..key(&format!("r-{of}"), 1) };
    store.reserve(report.clone(), at(0)).await.unwrap();
    store.answer(report, Some(json!({ "contactId": of, "set": MARK }))).await.unwrap();
}

#[tokio::test]
async fn of_a_contact() {
    let rig = Rig::file().await;
    fill(&rig.store, "c1").await;
    assert!(!found(path(&rig)).is_empty(), "it is there before");
    let erasure = rig.store.erase(scope(Some("c1")), log(), at(5)).await.unwrap();
    assert_eq!(erasure.counts.operations.erased, 120);
    assert_eq!(found(path(&rig)), [], "while it is open");
    let path = path(&rig).to_owned();
    rig.store.close().await;
    let (_, _folder) = rig.end().await;
    assert_eq!(found(&path), [], "and closed");
}

#[tokio::test]
async fn of_a_location_and_of_one_to_be_made() {
    let rig = Rig::file().await;
    fill(&rig.store, "c1").await;
    On(&rig.store).accept("c2-1", marked("c2", 6000)).await;
    let person =
        NewOperation { idempotency: Some(key("new", 1)), ..new("new", new_contact(Some(&format!("{MARK}@x.y")))) };
    rig.store.accept(person, entry("new", AuditEvent::Accepted)).await.unwrap();
    let operations = rig.store.erase(scope(None), log(), at(5)).await.unwrap().counts.operations;
    assert_eq!(operations.erased + operations.running, 242);
    assert_eq!(found(path(&rig)), []);
}

#[tokio::test]
async fn of_what_was_under_way_once_it_has_ended() {
    let rig = Rig::file().await;
    let on = On(&rig.store);
    for id in ["a", "b"] {
        on.accept(id, marked(id, 3000)).await;
    }
    on.claim(1).await;
    assert_eq!(rig.store.erase(scope(None), log(), at(2)).await.unwrap().counts.operations.running, 2);
    let written = Written { status: 201, body: json!({ "body": MARK }), id: Some("n1".into()) };
    assert!(on.end("a", 1, AttemptEnd::Done(written), 3).await);
    rig.store.recover(at(4)).await.unwrap();
    assert_eq!(found(path(&rig)), []);
}

#[tokio::test]
async fn of_one_that_a_newer_version_wrote() {
    let rig = Rig::file().await;
    On(&rig.store).accept("a", marked("c1", 10)).await;
    say(
        &mut foreign(path(&rig)).await,
        r#"UPDATE operations SET write_json = replace(write_json, 'create-note', 'invented-later')"#,
    )
    .await;
    rig.store.erase(scope(Some("c1")), log(), at(5)).await.unwrap();
    assert_eq!(found(path(&rig)), []);
    let id = OperationId::parse("a").unwrap();
    assert!(matches!(rig.store.operation(id).await, Err(StoreError::Corrupt(_))), "as unreadable as before");
}

#[tokio::test]
async fn it_is_not_answered_while_somebody_reads_the_journal() {
    let rig = Rig::file().await;
    On(&rig.store).accept("a", marked("c1", 10)).await;
    let mut reader = foreign(path(&rig)).await;
    say(&mut reader, "BEGIN; SELECT count(*) FROM operations").await;
    let refused = rig.store.erase(scope(Some("c1")), log(), at(5)).await;
    assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
    say(&mut reader, "COMMIT").await;
    rig.store.erase(scope(Some("c1")), log(), at(6)).await.unwrap();
    assert_eq!(found(path(&rig)), [], "repeated, it is complete");
}

/// A write of a source's that says [`MARK`].
fn under_way(then: Delivered) -> Intent {
    Intent { write: marked("c1", 10), key: MARK.to_owned(), operation: None, then }
}

#[tokio::test]
async fn of_what_a_source_told() {
    use crate::{
        domain::source::{
            Change, ExternalId, NewSourceEvent, RecordKey, RecordKind, RecordState, RecordStatus, TagChange, Version,
        },
        store::{LaidOver, RecordStep, SourceMark, SourceStore as _, tests::told},
    };
    let rig = Rig::file().await;
    let store = &rig.store;
    let id = |number: i64| ExternalId::parse(&format!("{MARK}-{number}")).unwrap();
    for number in 0..120_i64 {
        let kind = if number == 0 { RecordKind::Contact } else { RecordKind::Note };
        let body = json!({ "text": MARK.repeat(usize::try_from(number * 7 % 300).unwrap()) });
        let event = NewSourceEvent {
            external_id: Some(id(number)),
            contact_external_id: Some(id(0)),
            kind: None,
            body: body.to_string().into_bytes(),
            ..told(&format!("e{number}"), 1)
        };
        store.take_in(vec![event], 999).await.unwrap();
        let seq = store.arrived_from_sources(1).await.unwrap().events[0].seq;
        let mut state = RecordState::default();
        state.merge(&Change {
            kind,
            id: id(number),
            version: Version { order: 1, tie: 1, at_ms: 1 },
            parent: (number > 0).then(|| id(0)),
            fields: [("body".to_owned(), body.clone())].into(),
            tags: TagChange::default(),
            deleted: false,
        });
        let key = RecordKey { source: told("x", 1).source, kind, id: id(number) };
        let laid =
            LaidOver { key: key.clone(), location: location(), state, merged_seq: seq, due: true, verify: false };
        let mark = SourceMark { seq, settled_by: Some((kind, id(number))), fate: None };
        store.lay(vec![laid], vec![mark], at(2)).await.unwrap();
        let known = store.records(vec![key.clone()]).await.unwrap().remove(0);
        let step = RecordStep {
            key,
            seen_seq: seq,
            ghl_id: Some(MARK.to_owned()),
            ghl_contact: (number == 0).then(|| contact("c1")),
            delivered: known.delivered.clone(),
            intent: Some(under_way(known.delivered)),
            awaited: None,
            status: RecordStatus::Failed,
            due_at: at(3),
            tries: 1,
            verify: false,
            problem: Some(Problem::new(ProblemKind::ValidationFailed, format!("{MARK} is no name"))),
            bared: None,
            events: None,
        };
        store.step(vec![step], at(3)).await.unwrap();
    }
    assert!(!found(path(&rig)).is_empty(), "it is there before");
    assert!(store.forget_sources(scope(Some("c1")), at(5)).await.unwrap() >= 240);
    store.erase(scope(Some("c1")), log(), at(5)).await.unwrap();
    assert_eq!(found(path(&rig)), []);
}

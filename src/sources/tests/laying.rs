//! What becomes of events and records in the laying, without a store.

use super::super::{laying::Batch, stored::Meaning};
use crate::{
    domain::{
        ids::LocationId,
        source::{
            Change, ExternalId, RecordKind, SourceEvent, SourceEventId, SourceEventKind, SourceFate, SourceName,
            TagChange, Version,
        },
    },
    store::PendingSourceEvent,
};
use jiff::Timestamp;
use serde_json::json;

fn pending(seq: i64, replayed: bool) -> PendingSourceEvent {
    PendingSourceEvent {
        seq,
        source: SourceName::parse("crm").unwrap(),
        event_id: SourceEventId::parse(&format!("e{seq}")).unwrap(),
        received_at: Timestamp::UNIX_EPOCH,
        listed: false,
        replayed,
        body: Vec::new(),
    }
}

fn change(kind: RecordKind, order: i64, name: &str, value: &str) -> Change {
    Change {
        kind,
        id: ExternalId::parse("1").unwrap(),
        version: Version { order, tie: 0, at_ms: order },
        parent: None,
        fields: [(name.to_owned(), json!(value))].into(),
        tags: TagChange::default(),
        deleted: false,
    }
}

fn event(seq: i64, changes: Vec<Change>) -> Meaning {
    let id = SourceEventId::parse(&format!("e{seq}")).unwrap();
    let told = SourceEvent { id, kind: SourceEventKind::ContactUpdated, at: Timestamp::UNIX_EPOCH, changes };
    Meaning::Event(told, false)
}

#[test]
fn an_older_event_and_a_repeated_one_change_nothing() {
    let (location, mut batch) = (LocationId::parse("loc").unwrap(), Batch::over(Vec::new()));
    let contact = |order, value| vec![change(RecordKind::Contact, order, "firstName", value)];
    let first = batch.lay(&pending(1, false), &event(1, contact(5, "Rosa")), &location);
    assert_eq!((first.fate, first.settled_by.unwrap().0), (None, RecordKind::Contact));
    for (seq, order, value) in [(2, 4, "Older"), (3, 5, "Rosa"), (4, 6, "Rosa")] {
        let mark = batch.lay(&pending(seq, false), &event(seq, contact(order, value)), &location);
        assert_eq!(mark.fate.unwrap().0, SourceFate::Ignored, "event {seq}");
    }
    let laid = batch.laid();
    assert_eq!(laid.len(), 1);
    assert!(laid[0].due && !laid[0].verify && laid[0].merged_seq == 4, "{laid:?}");
    assert_eq!(laid[0].state.fields["firstName"].version.order, 6, "the newest of the same words is kept");
}

#[test]
fn a_replayed_event_is_carried_out_though_it_changes_nothing_and_keeps_its_place() {
    let (location, mut batch) = (LocationId::parse("loc").unwrap(), Batch::over(Vec::new()));
    let contact = || vec![change(RecordKind::Contact, 5, "firstName", "Rosa")];
    batch.lay(&pending(8, false), &event(8, contact()), &location);
    let Meaning::Event(told, _) = event(3, contact()) else { panic!("an event") };
    let mark = batch.lay(&pending(3, true), &Meaning::Event(told, true), &location);
    assert_eq!(mark.fate, None);
    let laid = batch.laid();
    assert!(laid[0].verify && laid[0].merged_seq == 8, "{laid:?}");
}

#[test]
fn a_form_is_settled_by_the_last_of_its_records_that_has_something_to_do() {
    let (location, mut batch) = (LocationId::parse("loc").unwrap(), Batch::over(Vec::new()));
    let form = |email: &str, body: &str| {
        vec![change(RecordKind::Contact, 5, "email", email), change(RecordKind::Note, 5, "body", body)]
    };
    let mark = batch.lay(&pending(1, false), &event(1, form("rosa@example.com", "answers")), &location);
    assert_eq!(mark.settled_by.unwrap().0, RecordKind::Note);
    let changed = vec![
        change(RecordKind::Contact, 6, "email", "marin@example.com"),
        change(RecordKind::Note, 6, "body", "answers"),
    ];
    let mark = batch.lay(&pending(2, false), &event(2, changed), &location);
    assert_eq!(mark.settled_by.unwrap().0, RecordKind::Contact, "the note says what it said");
}

#[test]
fn what_cannot_be_understood_any_more_is_a_dead_letter() {
    let (location, mut batch) = (LocationId::parse("loc").unwrap(), Batch::over(Vec::new()));
    let mark = batch.lay(&pending(1, false), &Meaning::Unclear("/email: must be one".to_owned()), &location);
    assert_eq!(mark.fate.unwrap(), (SourceFate::Failed, "/email: must be one".to_owned()));
    let mark = batch.lay(&pending(2, false), &Meaning::PassedOver("of type x".to_owned()), &location);
    assert_eq!(mark.fate.unwrap().0, SourceFate::Ignored);
    assert!(batch.laid().is_empty());
}

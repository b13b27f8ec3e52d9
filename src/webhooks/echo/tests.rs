//! Which events tell of our own writes.

use super::*;
use crate::domain::{
    ids::{LocationId, NoteId, OperationId, WebhookId},
    operation::{Requester, Written},
    webhook::EventFate,
    write::Fields,
};
use serde_json::json;

const T0: &str = "2026-11-22T08:00:00Z";

fn at(seconds: i64) -> Timestamp {
    T0.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn key() -> ContactKey {
    ContactKey { location: LocationId::parse("loc").unwrap(), contact: ContactId::parse("c1").unwrap() }
}

/// A write that was accepted at 0 s and done at 1 s.
fn done(write: Write, id: &str, body: Value) -> Operation {
    let written = Written { status: 200, body, id: Some(id.to_owned()) };
    Operation {
        id: OperationId::parse("op1").unwrap(),
        seq: 1,
        location: key().location,
        contact: Some(key().contact),
        order_key: "loc/c1".to_owned(),
        write,
        state: OperationState::Done,
        requester: Requester { key: None, request_id: "r".to_owned() },
        idempotency_key: None,
        created_at: at(0),
        updated_at: at(1),
        due_at: at(0),
        attempts: 1,
        uncertain_since: None,
        settles_at: None,
        written: Some(written),
        problem: None,
        erased_at: None,
    }
}

fn is_echo(kind: EventKind, seconds: i64, said: &Value, own: &Operation) -> bool {
    let Value::Object(said) = said else { panic!("an object") };
    let event = WebhookEvent {
        seq: 1,
        webhook_id: WebhookId::parse("w1").unwrap(),
        kind: kind.as_str().to_owned(),
        location_id: Some(key().location),
        contact_id: Some(key().contact),
        subject_id: said.get("id").and_then(Value::as_str).map(str::to_owned),
        event_at: Some(at(seconds)),
        received_at: at(seconds),
        fate: EventFate::Pending,
        fate_at: None,
        detail: None,
        attempts: 0,
        duplicates: 0,
        replays: 0,
        replayable: false,
    };
    find(kind, &event, &key(), said, std::slice::from_ref(own)).is_some()
}

fn tags_written() -> Operation {
    done(Write::AddTags { contact: key().contact, tags: Vec::new() }, "c1", json!({"tags": ["vip", "geo:au"]}))
}

#[test]
fn tags_are_compared_as_ghl_keeps_them() {
    let own = tags_written();
    let told = |tags: Value, seconds| is_echo(EventKind::ContactTagUpdate, seconds, &json!({"tags": tags}), &own);
    assert!(told(json!(["GEO:au", "vip"]), 2));
    assert!(!told(json!(["vip"]), 2) && !told(json!(["vip", "geo:au", "hot"]), 2) && !told(json!(null), 2));
    assert!(!told(json!(["vip", "geo:au"]), 60), "somebody put it back later");
    assert!(!told(json!(["vip", "geo:au"]), -60), "it was so before");
}

#[test]
fn a_note_is_known_by_its_id_and_what_it_says() {
    let note = |body: &str, id: &str| json!({"id": id, "body": body, "contactId": "c1"});
    let fields = Fields::default();
    let own = done(Write::CreateNote { contact: key().contact, fields }, "n1", note("Called.", "n1"));
    assert!(is_echo(EventKind::NoteCreate, 500, &note("Called. ", "n1"), &own), "made once, told late");
    assert!(!is_echo(EventKind::NoteCreate, 2, &note("Called.", "n2"), &own));
    assert!(!is_echo(EventKind::NoteCreate, 2, &note("Other", "n1"), &own));
    assert!(!is_echo(EventKind::NoteUpdate, 2, &note("Called.", "n1"), &own));
    let gone = Write::DeleteNote { contact: key().contact, note: NoteId::parse("n1").unwrap() };
    let own = done(gone, "n1", json!({"succeeded": true}));
    assert!(is_echo(EventKind::NoteDelete, 2, &json!({"id": "n1"}), &own));
    assert!(!is_echo(EventKind::NoteDelete, 2, &json!({"id": "n2"}), &own));
}

#[test]
fn a_contact_is_compared_in_all_that_its_event_says() {
    let written = json!({"id": "c1", "firstName": "Dana", "email": null, "dnd": null, "tags": ["a"],
        "customFields": [{"id": "f1", "value": "x"}], "timezone": "Europe/Berlin",
        "dateOfBirth": "1990-09-25T00:00:00.000Z"});
    let own = done(Write::UpdateContact { contact: key().contact, fields: Fields::default() }, "c1", written);
    let said = json!({"id": "c1", "firstName": "Dana", "email": "", "dnd": false, "tags": ["A"],
        "customFields": [{"id": "f1", "value": "x"}, {"id": "f2", "value": ""}], "dateOfBirth": "1990-09-25"});
    assert!(is_echo(EventKind::ContactUpdate, 2, &said, &own));
    for (name, other) in [
        ("firstName", json!("Dan")),
        ("tags", json!([])),
        ("customFields", json!([])),
        ("city", json!("Ulm")),
        ("dateOfBirth", json!("1991-09-25")),
    ] {
        let mut said = said.clone();
        said[name] = other;
        assert!(!is_echo(EventKind::ContactUpdate, 2, &said, &own), "{name}");
    }
    assert!(!is_echo(EventKind::ContactCreate, 2, &said, &own));
}

#[test]
fn who_does_not_want_to_be_disturbed_is_compared_by_channel() {
    let own = |settings: Value| {
        let written = json!({"id": "c1", "dnd": false, "dndSettings": settings});
        done(Write::UpdateContact { contact: key().contact, fields: Fields::default() }, "c1", written)
    };
    let said = json!({"id": "c1", "dnd": false, "dndSettings": {
        "SMS": {"status": "active", "message": "m", "code": ""},
        "Email": {"status": "inactive", "message": "", "code": ""}}});
    let told = |written: Value| is_echo(EventKind::ContactDndUpdate, 2, &said, &own(written));
    assert!(told(json!({"sms": {"status": "active", "message": "m"}, "call": {"status": "inactive"}})));
    for other in [
        json!(null),
        json!({}),
        json!({"sms": {"status": "inactive"}}),
        json!({"sms": {"status": "permanent", "message": "m"}}),
        json!({"sms": {"status": "active", "message": "m"}, "email": {"status": "active"}}),
    ] {
        assert!(!told(other.clone()), "{other}");
    }
}

#[test]
fn a_write_under_way_may_be_what_is_told_of() {
    let mut own = tags_written();
    let under_way = |own: &Operation| is_under_way(EventKind::ContactTagUpdate, &key(), std::slice::from_ref(own));
    assert!(!under_way(&own));
    own.state = OperationState::Running;
    assert!(under_way(&own) && !is_under_way(EventKind::NoteCreate, &key(), &[own.clone()]));
    own.state = OperationState::Pending;
    assert!(!under_way(&own));
    own.uncertain_since = Some(at(0));
    assert!(under_way(&own));
}

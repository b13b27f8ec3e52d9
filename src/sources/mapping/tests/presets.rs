//! What the presets make of what their systems send.

use super::{arrival, event, mapping, only, preset};
use crate::{
    domain::{
        source::{ExternalId, Owner, RecordKind, SourceEventKind, TagChange},
        write::Tag,
    },
    sources::mapping::{Arrival, Mapped},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn insurgo(kind: &str, data: &Value) -> Value {
    json!({"id": format!("evt-{kind}"), "type": kind, "occurredAt": "2026-11-22T10:00:00.5+01:00", "data": data})
}

fn tags(words: &[&str]) -> BTreeSet<Tag> {
    words.iter().map(|word| Tag::parse(word).unwrap()).collect()
}

fn id(text: &str) -> ExternalId {
    ExternalId::parse(text).unwrap()
}

#[test]
fn insurgos_contact_becomes_ghls_fields() {
    let mapping = preset("insurgo");
    let data = json!({
        "contactId": 17, "email": " Rosa@Example.COM ", "firstName": "Rosa", "lastName": "", "phone": "(415) 555-0142",
        "tagNames": ["VIP ", "vip", "New"], "unknown": {"a": [1]},
    });
    let read = event(&mapping, &insurgo("contact.updated", &data));
    assert_eq!((read.id.as_str(), read.kind), ("evt-contact.updated", SourceEventKind::ContactUpdated));
    assert_eq!(read.at.to_string(), "2026-11-22T09:00:00.5Z");
    let change = only(read);
    assert_eq!((change.kind, &change.id, change.deleted), (RecordKind::Contact, &id("17"), false));
    assert_eq!(change.version.order, 1_795_338_000_500_000);
    assert_eq!(change.version.at_ms, 1_795_338_000_500);
    let expected = json!({"email": "rosa@example.com", "firstName": "Rosa", "phone": "+14155550142"});
    assert_eq!(json!(change.fields), expected, "an empty text is not mentioned");
    assert_eq!(change.tags, TagChange { added: tags(&["vip", "new"]), ..TagChange::default() });
}

#[test]
fn insurgos_tasks_and_notes_and_tags() {
    let mapping = preset("insurgo");
    let data = json!({"taskId": "t-1", "contactId": "c-1", "title": " Call ", "dueDate": "2026-12-01 09:30", "status": "In-Progress"});
    let change = only(event(&mapping, &insurgo("task.created", &data)));
    assert_eq!((change.kind, change.parent), (RecordKind::Task, Some(id("c-1"))));
    assert_eq!(
        json!(change.fields),
        json!({"title": "Call", "dueDate": "2026-12-01T08:30:00.000Z", "completed": false})
    );
    let change = only(event(&mapping, &insurgo("task.completed", &json!({"taskId": "t-1"}))));
    assert_eq!((json!(change.fields), change.parent), (json!({"completed": true}), None));
    let change = only(event(&mapping, &insurgo("task.updated", &json!({"taskId": "t-1", "status": "DONE"}))));
    assert_eq!(json!(change.fields), json!({"completed": true}));
    let change = only(event(&mapping, &insurgo("task.deleted", &json!({"taskId": "t-1", "title": "x"}))));
    assert!(change.deleted && change.fields.is_empty());

    let change = only(event(&mapping, &insurgo("note.added", &json!({"contactId": "c-1", "notes": "<p>Hi</p>"}))));
    assert_eq!((change.kind, change.id), (RecordKind::Note, id("event:evt-note.added")));
    assert_eq!((json!(change.fields), change.parent), (json!({"body": "<p>Hi</p>"}), Some(id("c-1"))));

    let change = only(event(
        &mapping,
        &insurgo("tags.added", &json!({"contactId": "c-1", "tagNames": ["a"], "email": "x@y.z"})),
    ));
    assert_eq!((change.tags.added, change.fields.len()), (tags(&["a"]), 0));
    let change = only(event(&mapping, &insurgo("tags.removed", &json!({"contactId": "c-1", "tagNames": "a, b"}))));
    assert_eq!(change.tags, TagChange { removed: tags(&["a", "b"]), ..TagChange::default() });
    let change = only(event(&mapping, &insurgo("contact.deleted", &json!({"contactId": "c-1"}))));
    assert!(change.deleted && !mapping.deletes_contacts());
}

#[test]
fn a_form_is_a_contact_and_a_note_of_its_answers() {
    let data = json!({
        "formName": "Quote", "email": "Rosa@example.com", "tagNames": ["lead"],
        "answers": {"Which car?": "Red", "And why?": ["fast", "red"]},
    });
    let read = event(&preset("insurgo"), &insurgo("form.submitted", &data));
    let [contact, note] = &read.changes[..] else { panic!("{read:?}") };
    let person = format!("email:{}", crate::sources::hashed(&["rosa@example.com"]));
    assert_eq!((contact.id.as_str(), &contact.tags.added), (person.as_str(), &tags(&["lead"])));
    assert_eq!((note.kind, note.id.as_str()), (RecordKind::Note, "event:evt-form.submitted"));
    assert_eq!(note.parent, Some(contact.id.clone()));
    assert_eq!(note.fields["body"], "Quote\n\nWhich car?: Red\nAnd why?: [\"fast\", \"red\"]", "in the form's order");

    let payload = json!({"Phone": "415 555 0142", "name": "Rosa Diaz", "tags": "a; b", "zip": 12345, "Message": "Hi", "none": null});
    let read = event(&preset("form"), &payload);
    let [contact, note] = &read.changes[..] else { panic!("{read:?}") };
    assert_eq!(contact.id.as_str(), format!("phone:{}", crate::sources::hashed(&["+14155550142"])));
    assert_eq!(json!(contact.fields), json!({"name": "Rosa Diaz", "phone": "+14155550142"}));
    assert_eq!(contact.tags.added, tags(&["a", "b"]));
    assert_eq!(note.fields["body"], "Form submitted\n\nzip: 12345\nMessage: Hi");
    assert_eq!(read.id.as_str(), "msg_1");
}

#[test]
fn the_generic_preset_takes_our_own_words() {
    let mapping = preset("generic");
    let payload = json!({
        "id": "e", "type": "contact-created", "time": 1_795_338_000, "data": {"id": "c", "country": "de", "companyName": "X"},
    });
    let change = only(event(&mapping, &payload));
    assert_eq!((change.id, json!(change.fields)), (id("c"), json!({"country": "DE", "companyName": "X"})));
    let payload = json!({"type": "task-updated", "data": {"id": "t", "contactId": "c", "completed": true}});
    let change = only(event(&mapping, &payload));
    assert_eq!((change.id, change.parent, json!(change.fields)), (id("t"), Some(id("c")), json!({"completed": true})));
    let payload = json!({"type": "tags-added", "data": {"contactId": "c", "id": "other", "tags": ["x"]}});
    assert_eq!(only(event(&mapping, &payload)).id, id("c"));
}

#[test]
fn an_event_is_known_by_its_id_the_requests_or_its_content() {
    let mapping = preset("insurgo");
    let payload = json!({"type": "contact.updated", "data": {"contactId": "c"}});
    let id = |header_id: Option<&'static str>, index: Option<usize>| {
        mapping.id_of(&payload, Arrival { header_id, index, ..arrival() }).to_string()
    };
    assert_eq!((id(Some("m"), None), id(Some("m"), Some(3))), ("m".to_owned(), "m/3".to_owned()));
    let made = id(None, Some(3));
    assert!(made.starts_with("content:") && made.len() == 40, "{made}");
    assert_eq!(id(Some("\n"), None), made, "a header that is no id counts as none");
    for payload in [json!([]), json!("x"), json!({"id": {}}), json!({"id": "x".repeat(300)})] {
        assert!(!mapping.id_of(&payload, arrival()).as_str().is_empty());
    }
    let Mapped::Event(read) = mapping.read(&payload, Arrival { header_id: None, ..arrival() }).unwrap() else {
        panic!()
    };
    assert_eq!((read.id.as_str(), read.at), (made.as_str(), arrival().received_at));
}

#[test]
fn types_that_are_not_known_are_passed_over() {
    let mapping = mapping("preset = 'insurgo'\n[sources.systems.mapping.types]\n'contact.deleted' = 'ignore'");
    for (kind, says) in [
        ("contact.deleted", "passes over events of type \"contact.deleted\""),
        ("x\ny", "does not know events of type \"x\\ny\""),
    ] {
        let payload = json!({"id": "evt-1", "type": kind, "data": 5});
        match mapping.read(&payload, arrival()).unwrap() {
            Mapped::PassedOver { id, why } => assert!(why.contains(says) && id.as_str() == "evt-1", "{why}"),
            other @ Mapped::Event(_) => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_mapping_is_laid_over_its_preset_key_by_key() {
    let mapping = mapping(
        "preset = 'insurgo'\ntag_prefix = 'ins:'\non_contact_deleted = 'delete'\n[sources.systems.mapping]\nsequence = \
         'payload.seq'\n[sources.systems.mapping.contact]\nall_tags = true\n[sources.systems.mapping.contact.fields]\nphone \
         = { owner = 'if-empty' }\nlastName = ''\ncustomFields.policy = { value = 'data.policy', owner = 'ghl' }\n",
    );
    let data = json!({"contactId": "c", "phone": "+49 30 901820", "lastName": "Diaz", "policy": 12, "tagNames": []});
    let mut payload = insurgo("contact.updated", &data);
    payload["seq"] = json!("7");
    let change = only(event(&mapping, &payload));
    assert_eq!(json!(change.fields), json!({"phone": "+4930901820", "customFields.policy": 12}));
    assert_eq!((change.version.order, change.version.at_ms), (7, 1_795_338_000_500));
    assert_eq!(change.tags.all, Some(BTreeSet::new()), "the list is complete, and empty");
    payload["data"]["tagNames"] = json!(["A"]);
    assert_eq!(only(event(&mapping, &payload)).tags.all, Some(tags(&["ins:a"])));
    let owner = |field| mapping.owner(RecordKind::Contact, field);
    assert_eq!(
        ["phone", "customFields.policy", "email", "x"].map(owner),
        [Owner::IfEmpty, Owner::Ghl, Owner::Source, Owner::Source]
    );
    assert_eq!(mapping.owner(RecordKind::Note, "body"), Owner::Source);
    assert!(mapping.deletes_contacts());
}

#[test]
fn a_listing_holds_events_or_records() {
    let mapping = preset("insurgo");
    let as_of = arrival().received_at;
    let read = |line: &Value, kind: Option<&str>| {
        mapping.read_listed(line, kind, as_of, as_of).map(|mapped| match mapped {
            Mapped::Event(event) => event,
            Mapped::PassedOver { why, .. } => panic!("{why}"),
        })
    };
    let record = json!({"contactId": "c", "type": "lead", "email": "a@b.example"});
    let bare = read(&record, Some("contact.updated")).unwrap();
    assert_eq!((bare.at, bare.kind), (as_of, SourceEventKind::ContactUpdated));
    assert_eq!(json!(bare.changes[0].fields), json!({"email": "a@b.example"}));
    assert!(bare.id.as_str().starts_with("listed:"));
    let whole = read(&insurgo("contact.updated", &record), None).unwrap();
    assert_eq!(
        (whole.at.to_string().as_str(), &whole.changes[0].fields),
        ("2026-11-22T09:00:00.5Z", &bare.changes[0].fields)
    );
    assert_ne!(whole.id, bare.id);
    assert_eq!(read(&record, Some("contact.updated")).unwrap().id, bare.id, "of the same the same");
    let later =
        mapping.read_listed(&record, Some("contact.updated"), as_of + jiff::SignedDuration::from_secs(1), as_of);
    assert!(matches!(later, Ok(Mapped::Event(event)) if event.id != bare.id));
    let errors = read(&json!({"contactId": "c", "email": 5}), Some("contact.updated")).unwrap_err();
    assert_eq!(errors[0].pointer, "/email");
    assert_eq!(read(&json!({"contactId": "c"}), None).unwrap_err()[0].pointer, "/type");
    let flat = preset("form");
    let line = json!({"email": "a@b.example"});
    let read = |line: &Value| flat.read_listed(line, Some("form"), as_of, as_of);
    assert!(matches!(read(&line), Err(errors) if errors[0].pointer == "/submission_id"));
    let line = json!({"email": "a@b.example", "submission_id": "s-1", "event_id": "webinar-7"});
    let Ok(Mapped::Event(read)) = read(&line) else { panic!("{:?}", read(&line)) };
    assert_eq!(read.changes[1].id, id("event:s-1"));
    assert_eq!(read.changes[1].fields["body"], "Form submitted\n\nevent_id: webinar-7", "another's id is an answer");
    assert_eq!(read.changes, read_again(&flat, &line).changes, "as of the event itself");
}

fn read_again(mapping: &super::Mapping, payload: &Value) -> crate::domain::source::SourceEvent {
    let mut read = event(mapping, payload);
    let listed = mapping.read_listed(payload, None, arrival().received_at, arrival().received_at);
    let Ok(Mapped::Event(listed)) = listed else { panic!("{listed:?}") };
    for (change, listed) in read.changes.iter_mut().zip(listed.changes) {
        change.version = listed.version;
    }
    read
}

#[test]
fn a_note_stands_in_a_listing_with_an_id_or_as_its_event() {
    let mapping = preset("insurgo");
    let as_of = arrival().received_at;
    let read = |line: &Value| mapping.read_listed(line, Some("note.added"), as_of, as_of);
    let bare = json!({"contactId": "c-1", "notes": "Hi", "id": "n"});
    assert!(
        matches!(read(&bare), Err(errors) if errors[0].pointer == "/noteId" && errors[0].message.starts_with("is required"))
    );
    let id_of = |line: &Value| match read(line) {
        Ok(Mapped::Event(event)) => only(event).id,
        other => panic!("{other:?}"),
    };
    assert_eq!(id_of(&json!({"contactId": "c-1", "notes": "Hi", "noteId": "n-1"})), id("n-1"));
    let whole = insurgo("note.added", &json!({"contactId": "c-1", "notes": "Hi"}));
    assert_eq!(id_of(&whole), only(event(&mapping, &whole)).id, "the note that its event made");
}

#[test]
fn a_line_of_the_future_is_refused_whatever_the_listing_says() {
    let mapping = preset("insurgo");
    let now = arrival().received_at;
    let line = json!({"type": "contact.updated", "occurredAt": "2026-11-25T09:00:00Z", "data": {"contactId": "c"}});
    let read = mapping.read_listed(&line, None, now + jiff::SignedDuration::from_hours(72), now);
    assert!(matches!(read, Err(errors) if errors[0].pointer == "/occurredAt"));
}

#[test]
fn a_body_holds_one_event_or_several() {
    let mapping = preset("insurgo");
    assert_eq!(mapping.split(&json!({"a": 1})).unwrap().len(), 1);
    assert_eq!(mapping.split(&json!([{}, {}])).unwrap().len(), 2);
    assert_eq!(mapping.split(&json!([{}, 5])).unwrap_err()[0].pointer, "/1");
    assert_eq!(mapping.split(&json!("x")).unwrap_err()[0].pointer, "");
    let mapping = super::mapping("preset = 'insurgo'\nmapping = { each = 'payload.batch[\"a/b\"]' }");
    assert_eq!(mapping.split(&json!({"batch": {"a/b": [{}, {}]}})).unwrap().len(), 2);
    for (body, pointer) in [
        (json!({"batch": {"a/b": {}}}), "/batch/a~1b"),
        (json!({"batch": {"a/b": [1]}}), "/batch/a~1b/0"),
        (json!([{}]), "/batch/a~1b"),
    ] {
        assert_eq!(mapping.split(&body).unwrap_err()[0].pointer, pointer);
    }
}

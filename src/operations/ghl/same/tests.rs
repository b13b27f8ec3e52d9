//! Records of GHL's that are, and are not, what a write would have made.

use super::*;
use crate::ghl::model::{self, Reading};
use serde_json::json;

const SINCE: &str = "2026-11-25T10:00:00Z";

fn search(taken: &[String]) -> Search<'_> {
    Search { since: SINCE.parse().unwrap(), taken }
}

fn fields(value: Value) -> Fields {
    serde_json::from_value(value).unwrap()
}

fn note(value: Value) -> Note {
    model::note(value, &Reading::default()).unwrap()
}

fn task(value: Value) -> Task {
    model::task(value, &Reading::default()).unwrap()
}

fn contact(value: Value) -> Contact {
    model::contact(value, &Reading::default()).unwrap()
}

#[test]
fn a_note_is_known_again_by_its_text() {
    let wanted = fields(json!({"body": "Called <b>twice</b> &amp; left", "title": "Call"}));
    for (body, title, same) in [
        ("Called <b>twice</b> &amp; left", "Call", true),
        ("<p>Called <strong>twice</strong>  &amp; left</p>", "call ", true),
        ("Called twice & left.", "Call", false),
        ("Called <b>twice</b> &amp; left", "Other", false),
    ] {
        let notes = [note(json!({"id": "n1", "body": body, "title": title, "dateAdded": SINCE}))];
        assert_eq!(search(&[]).note(&wanted, &notes).is_some(), same, "{body} {title}");
    }
}

#[test]
fn notes_without_text_are_compared_to_the_letter() {
    let wanted = fields(json!({"body": "<img src=\"a\">"}));
    let notes = [
        note(json!({"id": "n1", "body": "<img src=\"b\">", "dateAdded": SINCE})),
        note(json!({"id": "n2", "body": "<img src=\"a\">", "dateAdded": SINCE})),
    ];
    assert_eq!(search(&[]).note(&wanted, &notes).unwrap().id.as_str(), "n2");
    assert!(search(&[]).note(&wanted, &notes[..1]).is_none());
}

#[test]
fn what_is_older_or_anothers_is_not_ours() {
    let wanted = fields(json!({"body": "x"}));
    let at = |id: &str, at: &str| note(json!({"id": id, "body": "x", "dateAdded": at}));
    let notes =
        [at("late", "2026-11-25T10:00:09Z"), at("near", "2026-11-25T10:00:02Z"), at("old", "2026-11-25T09:57:59Z")];
    assert_eq!(search(&[]).note(&wanted, &notes).unwrap().id.as_str(), "near", "the nearest of several");
    assert_eq!(search(&["near".into()]).note(&wanted, &notes).unwrap().id.as_str(), "late");
    assert!(search(&["near".into(), "late".into()]).note(&wanted, &notes).is_none());
    let skewed = [at("skewed", "2026-11-25T09:58:01Z")];
    assert!(search(&[]).note(&wanted, &skewed).is_some(), "clocks may differ by two minutes");
}

#[test]
fn a_task_is_known_again_by_content_and_due_instant() {
    let wanted = json!({"title": "Call", "dueDate": "2026-12-01T09:00:00+01:00", "completed": false, "body": "a  b"});
    let held =
        json!({"id": "t1", "title": "Call", "dueDate": "2026-12-01T08:00:00.000Z", "completed": false, "body": "a b"});
    assert!(search(&[]).task(&fields(wanted.clone()), &[task(held.clone())]).is_some());
    assert!(search(&["t1".into()]).task(&fields(wanted.clone()), &[task(held.clone())]).is_none());
    for (name, other) in [
        ("title", json!("Mail")),
        ("dueDate", json!("2026-12-01T09:00:00.000Z")),
        ("completed", json!(true)),
        ("body", json!("c")),
        ("dateAdded", json!("2026-11-01T00:00:00Z")),
    ] {
        let mut held = held.clone();
        held[name] = other;
        assert!(search(&[]).task(&fields(wanted.clone()), &[task(held)]).is_none(), "{name}");
    }
}

#[test]
fn a_contact_is_known_again_by_who_it_is() {
    let wanted = fields(json!({
        "firstName": "Dana", "email": "Dana@Example.test", "phone": "(415) 555-0142", "tags": ["vip"], "city": "Reno",
    }));
    let held = json!({
        "id": "c1", "firstName": "dana", "email": "dana@example.test", "phone": "+14155550142", "tags": [],
        "city": "Reno", "assignedTo": "somebody", "dateAdded": "2026-11-25T10:00:01Z",
    });
    assert!(search(&[]).is_contact(&wanted, &contact(held.clone())));
    assert!(!search(&["c1".into()]).is_contact(&wanted, &contact(held.clone())));
    for (name, other) in [
        ("email", json!("other@example.test")),
        ("phone", json!("+14155550143")),
        ("firstName", json!("Dora")),
        ("city", json!(null)),
        ("dateAdded", json!("2026-11-24T10:00:00Z")),
        ("dateAdded", json!(null)),
    ] {
        let mut held = held.clone();
        held[name] = other;
        assert!(!search(&[]).is_contact(&wanted, &contact(held)), "{name}");
    }
}

#[test]
fn phones_are_the_same_with_and_without_the_countrys_code() {
    assert!(same_phone("+1 (415) 555-0142", Some("+14155550142")));
    assert!(same_phone("0415 555 0142", Some("+14155550142")));
    assert!(!same_phone("+4155550142", Some("+14155550142")), "a whole number is another one");
    assert!(!same_phone("42", Some("+14155550142")));
    assert!(!same_phone("", Some("")));
    assert!(!same_phone("4155550142", None));
}

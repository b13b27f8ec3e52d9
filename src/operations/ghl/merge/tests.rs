//! What of an upsert is written, and what is left.

use super::*;
use crate::ghl::model::{self, Reading};

fn held() -> Contact {
    let record = json!({
        "id": "c1", "firstName": "Dana", "lastName": "Ortiz", "email": "dana@example.test", "phone": "+14155550142",
        "additionalEmails": [{"email": "second@example.test"}], "city": "Reno", "tags": ["Newsletter"],
        "companyName": "Acme", "dateOfBirth": "1990-09-25T00:00:00.000Z", "dnd": false,
        "dndSettings": {"SMS": {"status": "active", "message": "m"}},
        "customFields": [{"id": "f1", "value": "red"}, {"id": "f2", "value": 7}, {"id": "f3", "value": ["a", "b"]}],
    });
    model::contact(record, &Reading::default()).unwrap()
}

fn compared(fields: Value) -> (Value, Vec<String>, Vec<&'static str>) {
    let found = changes(&serde_json::from_value(fields).unwrap(), &held());
    (json!(found.put), found.tags.into_iter().map(|tag| tag.as_str().to_owned()).collect(), found.kept)
}

fn put(fields: Value) -> Value {
    compared(fields).0
}

#[test]
fn what_is_as_asked_is_not_written() {
    let same = json!({
        "firstName": " Dana", "lastName": "Ortiz", "email": "DANA@example.test", "phone": "+1 415 555 0142",
        "city": "Reno", "tags": ["NEWSLETTER"], "companyName": "Acme", "dateOfBirth": "09/25/1990", "dnd": false,
        "state": "", "website": null, "dndSettings": {"SMS": {"status": "active"}},
        "customFields": [{"id": "f1", "field_value": "red"}, {"id": "f2", "field_value": "7"},
            {"id": "f3", "fieldValue": ["a", "b"]}],
    });
    assert_eq!(compared(same), (json!({}), vec![], vec![]));
}

#[test]
fn what_differs_is() {
    assert_eq!(put(json!({"city": "Sparks", "state": "NV"})), json!({"city": "Sparks", "state": "NV"}));
    assert_eq!(put(json!({"city": null})), json!({"city": null}));
    assert_eq!(put(json!({"dateOfBirth": "1990-09-26"})), json!({"dateOfBirth": "1990-09-26"}));
    let off = json!({"dndSettings": {"SMS": {"status": "inactive"}}});
    assert_eq!(put(off.clone()), off);
    let fields = json!({"customFields": [{"id": "f1", "field_value": "blue"}, {"id": "f2", "field_value": 7},
        {"key": "k", "field_value": 1}]});
    let written = json!({"customFields": [{"id": "f1", "field_value": "blue"}, {"key": "k", "field_value": 1}]});
    assert_eq!(put(fields), written);
}

#[test]
fn no_address_and_no_number_is_lost() {
    for asked in ["dana@example.test", "Second@example.test"] {
        assert_eq!(compared(json!({"email": asked})), (json!({}), vec![], vec![]), "{asked}");
    }
    let other = json!({"email": "third@example.test", "phone": "+14155550199"});
    assert_eq!(compared(other), (json!({}), vec![], vec!["email", "phone"]));
    assert_eq!(put(json!({"email": null, "phone": ""})), json!({}));
    let without = Contact { email: None, ..held() };
    let found = changes(&serde_json::from_value(json!({"email": "third@example.test"})).unwrap(), &without);
    assert_eq!(json!(found.put), json!({"email": "third@example.test"}));
}

#[test]
fn names_go_together_so_that_ghl_splits_none() {
    let both = json!({"name": "Dr Dana Ortiz", "firstName": "Dana", "lastName": "Ortiz"});
    assert_eq!(put(both), json!({}));
    let last = json!({"name": "Dana Otis", "firstName": "Dana", "lastName": "Otis"});
    assert_eq!(put(last), json!({"firstName": "Dana", "lastName": "Otis"}));
    assert_eq!(put(json!({"name": "Dana Otis"})), json!({"name": "Dana Otis"}));
}

#[test]
fn tags_are_added_and_what_a_put_does_not_take_is_told() {
    let asked = json!({"tags": ["newsletter", " VIP ", "vip", ""], "companyName": "Other", "gender": "f"});
    assert_eq!(compared(asked), (json!({}), vec!["vip".to_owned()], vec!["companyName", "gender"]));
}

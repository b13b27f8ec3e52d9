//! The fixtures, one leniency each, and what no JSON value may do.

use super::*;
use crate::{
    domain::{
        appointment::{Appointment, EventTime},
        contact::Contact,
        ids::MAX_ID_BYTES,
    },
    ghl::{
        decode,
        tests::{CONTACT, LOCATION, fixture, fixtures},
    },
};
use jiff::civil;
use proptest::prelude::*;
use serde::Serialize;
use serde_json::json;

mod any_value;

fn record(name: &str, key: &str) -> Value {
    decode::record(decode::envelope(&fixture(name)).unwrap(), key).unwrap()
}

fn entries(name: &str, key: &str) -> Vec<Value> {
    decode::list(&mut decode::envelope(&fixture(name)).unwrap(), key).unwrap()
}

fn contact_of(name: &str) -> Contact {
    contact(record(name, "contact"), &Reading::default()).unwrap()
}

fn json_of(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

fn events(name: &str, zone: Option<&str>) -> Vec<Appointment> {
    let timezone = zone.map(|zone| TimeZone::get(zone).unwrap());
    let reading = Reading { timezone, ..Reading::default() };
    entries(name, "events").into_iter().map(|entry| event(entry, &reading).unwrap()).collect()
}

/// Every key of a JSON text, doubled ones included, at any depth.
fn assert_clean(text: &str) {
    for word in ["LowerCase\"", "\"traceId\"", "appoinment", "000-00-0000", "\"_id\"", "\"searchAfter\"", "Raw\""] {
        assert!(!text.contains(word), "{word} in {text}");
    }
    let again: Value = serde_json::from_str(text).unwrap();
    assert_eq!(again.to_string().len(), text.len(), "a doubled key: {text}");
}

#[test]
fn every_contact_fixture_is_a_contact() {
    for name in fixtures("contact_") {
        let contact = contact_of(&name);
        assert_eq!(contact.id.as_str(), CONTACT, "{name}");
        assert_clean(&serde_json::to_string(&contact).unwrap());
    }
}

#[test]
fn a_full_contact_keeps_everything() {
    let contact = json_of(&contact_of("contact_full.json"));
    assert_eq!(contact["locationId"], LOCATION);
    assert_eq!(contact["name"], "Mira O'Sullivan");
    assert_eq!(contact["dateAdded"], "2026-03-02T17:04:11.52Z");
    assert_eq!(contact["lastActivity"], "2026-03-02T17:04:11.52Z");
    assert_eq!(contact["additionalEmails"], json!(["mira.o@example.test"]));
    assert_eq!(contact["customFields"][0], json!({"id": "f1XyZ0aBcDeFgHiJkLmN", "value": ["a", "b"]}));
    let first = &contact["attribution"]["first"];
    assert_eq!((&first["ip"], &first["gclid"]), (&json!("58.111.106.198"), &json!("x1")));
    assert_eq!(contact["attribution"]["last"]["ip"], "203.0.113.9");
    assert_eq!(contact["dndSettings"]["Email"]["status"], "active");
    assert_eq!(contact["createdBy"]["channel"], "OAUTH");
    assert_eq!(contact.get("unparsed"), None);
}

#[test]
fn nulls_and_empty_texts_are_not_known() {
    for name in ["contact_minimal.json", "contact_null_tags.json", "contact_empty_strings.json"] {
        let contact = contact_of(name);
        assert_eq!((&contact.first_name, &contact.email, contact.dnd), (&None, &None, None), "{name}");
        assert_eq!((contact.tags.len(), contact.date_added), (0, None), "{name}");
        assert_eq!(contact.extra.len(), 0, "{name}: {:?}", contact.extra);
    }
}

#[test]
fn one_value_is_a_list_of_one() {
    let contact = contact_of("contact_single_tag.json");
    assert_eq!((contact.tags, contact.followers.len()), (vec!["newsletter".to_owned()], 1));
    assert_eq!(json_of(&contact.custom_fields), json!([{"id": "f1", "value": "x"}]));
}

#[test]
fn numbers_for_texts_and_texts_for_flags() {
    let contact = contact_of("contact_number_phone.json");
    assert_eq!((contact.phone.as_deref(), contact.postal_code.as_deref()), (Some("61255501234"), Some("2000")));
    assert_eq!((contact.tags, contact.dnd), (vec!["a".to_owned(), "7".to_owned()], Some(true)));
}

#[test]
fn dates_of_several_shapes() {
    let epoch = contact_of("contact_dates_epoch.json");
    let shown = [epoch.date_added, epoch.date_updated, epoch.last_activity].map(|at| at.unwrap().to_string());
    assert_eq!(shown, ["2026-03-02T17:04:11.52Z", "2026-03-02T17:04:12.031Z", "2026-03-02T17:04:11Z"]);
    assert_eq!(epoch.date_of_birth.as_deref(), Some("1988-04-17"));
    let day = contact_of("contact_dates_day_only.json");
    let shown = [day.date_added, day.date_updated, day.last_activity].map(|at| at.unwrap().to_string());
    assert_eq!(shown, ["2026-03-02T00:00:00Z", "2026-03-02T17:04:12Z", "2026-03-02T17:04:12Z"]);
    assert_eq!(day.date_of_birth.as_deref(), Some("1988-04-17"));
}

#[test]
fn what_has_no_reading_is_kept_aside() {
    let contact = contact_of("contact_impossible_types.json");
    assert_eq!((contact.first_name, contact.date_added, contact.dnd), (None, None, None));
    assert_eq!(contact.tags, ["kept"]);
    assert_eq!(json_of(&contact.custom_fields), json!([{"id": "f1", "value": 2}]));
    let unparsed = json!({
        "firstName": {"first": "Mira"}, "additionalEmails": [{"mail": "x"}], "businessId": "../x", "dnd": "perhaps",
        "tags": [["deep", "er"]], "customFields": [{"value": 1}, "f3"], "attributionSource": 7, "attributions": ["x"],
        "dateAdded": "the other day", "attribution": {"theirs": true},
    });
    assert_eq!(contact.extra["unparsed"], unparsed);
}

#[test]
fn custom_fields_and_further_addresses_in_all_shapes() {
    let fields = json_of(&contact_of("contact_custom_field_field_value.json").custom_fields);
    assert_eq!(fields[0], json!({"id": "f1", "value": "x"}));
    assert_eq!((&fields[1]["value"], &fields[2]["id"]), (&json!([1]), &json!("3")));
    assert_eq!(fields[3]["value"]["u1"]["meta"]["size"], 3);
    let contact = contact_of("contact_additional_emails_strings.json");
    assert_eq!(contact.additional_emails, ["a@example.test", "b@example.test"]);
    assert_eq!(contact.additional_phones, ["+61255500001", "+61255500002"]);
}

#[test]
fn three_shapes_give_one_contact() {
    let (by_id, hit, entry) = (
        contact_of("contact_full.json"),
        contact_of("contact_search_shape.json"),
        contact_of("contact_list_shape.json"),
    );
    for contact in [&by_id, &hit, &entry] {
        assert_eq!(contact.name.as_deref(), Some("Mira O'Sullivan"));
        assert_eq!(contact.first_name.as_deref(), Some("Mira"));
        assert_eq!(contact.attribution.first.as_ref().unwrap().ip.as_deref(), Some("58.111.106.198"));
    }
    assert_eq!((hit.address1, hit.company_name), (by_id.address1, by_id.company_name));
    assert_eq!(hit.attribution.last, None);
    let [first, last] = [entry.attribution.first, entry.attribution.last].map(Option::unwrap);
    assert_eq!((first.session_source.as_deref(), first.url.is_some()), (Some("Paid Search"), true));
    assert_eq!((last.ip.as_deref(), entry.attribution.further.len()), (Some("203.0.113.9"), 1));
}

#[test]
fn an_empty_touch_is_none() {
    let attribution = contact_of("contact_empty_attribution.json").attribution;
    assert_eq!(attribution.first.unwrap().session_source.as_deref(), Some("CRM UI"));
    assert_eq!(attribution.last, None);
}

#[test]
fn redacted_fields_are_nowhere() {
    let contact = serde_json::to_string(&contact_of("contact_ssn.json")).unwrap();
    assert!(!contact.to_lowercase().contains("ssn"), "{contact}");
    let reading = Reading { redact: Redaction::new(["NAME", "ip", "firstName", "gclid"]), timezone: None };
    let contact = super::contact(record("contact_full.json", "contact"), &reading).unwrap();
    assert_eq!((contact.name, contact.first_name), (None, None));
    let first = contact.attribution.first.unwrap();
    assert_eq!((first.ip, first.extra.get("gclid")), (None, None));
}

#[test]
fn unknown_fields_pass_through() {
    let extra = contact_of("contact_unknown_fields.json").extra;
    assert_eq!(
        Value::Object(extra),
        json!({"loyaltyTier": "gold", "scores": [1, 2], "nested": {"a": null}, "nothing": null})
    );
}

#[test]
fn broken_json_of_a_kind_is_read() {
    let contact = contact_of("contact_duplicate_keys.json");
    assert_eq!((contact.first_name.as_deref(), contact.tags), (Some("Mira"), vec!["b".to_owned()]));
    assert_eq!(contact_of("contact_half_surrogate.json").first_name.as_deref(), Some("Mira \u{fffd}"));
}

#[test]
fn a_note_has_a_plain_twin() {
    let note = note(record("note_html.json", "note"), &Reading::default()).unwrap();
    assert!(note.body.contains("<script>"));
    assert_eq!(note.text, "Called & left a message\nasks for a quote\nagain Monday");
    assert_eq!((note.pinned, note.extra.len()), (Some(true), 1));
    let empty = super::note(record("note_null_body.json", "note"), &Reading::default()).unwrap();
    assert_eq!((empty.body.as_str(), empty.text.as_str(), empty.pinned), ("", "", Some(false)));
    assert_clean(&serde_json::to_string(&empty).unwrap());
}

#[test]
fn one_broken_note_does_not_cost_the_others() {
    let (notes, skipped) =
        list(entries("notes_broken_entry.json", "notes"), |note| super::note(note, &Reading::default()));
    assert_eq!((notes.len(), skipped), (2, 3));
    assert_eq!(notes[1].extra["unparsed"], json!({"body": ["x", "y"], "dateAdded": {"seconds": 1}}));
}

#[test]
fn tasks() {
    let reading = Reading::default();
    let full = task(record("task_full.json", "task"), &reading).unwrap();
    assert_eq!(full.due_date.unwrap().to_string(), "2026-12-01T09:00:00Z");
    let found = task(record("task_underscore_id.json", "task"), &reading).unwrap();
    assert_eq!((found.id.as_str(), found.completed), ("64a1b2c3d4e5f60718293a4b", true));
    assert_clean(&serde_json::to_string(&found).unwrap());
    let (tasks, _) = list(entries("tasks_lenient.json", "tasks"), |entry| task(entry, &reading));
    assert_eq!((tasks[0].title.as_deref(), tasks[0].completed, tasks[1].completed), (Some("5"), false, true));
}

#[test]
fn an_appointment_without_a_zone_is_marked_or_given_the_locations() {
    let marked = events("appointments_zoneless.json", None).remove(0);
    assert_eq!(marked.start_time, Some(EventTime::Zoneless(civil::date(2026, 12, 1).at(9, 0, 0, 0))));
    assert_eq!((marked.status.as_deref(), marked.date_added), (Some("confirmed"), None));
    assert_eq!(marked.extra["unparsed"], json!({"dateAdded": "2026-11-01 10:00:00"}));
    let placed = events("appointments_zoneless.json", Some("Australia/Sydney")).remove(0);
    let shown = json_of(&placed);
    assert_eq!(shown["startTime"], json!({"at": "2026-12-01T09:00:00+11:00", "zoneless": false}));
    assert_eq!(shown["dateAdded"], "2026-10-31T23:00:00Z");
}

#[test]
fn an_appointment_with_an_offset_is_an_instant() {
    let own = json_of(&events("appointments_offset.json", None));
    assert_eq!(own[0]["startTime"]["at"], "2026-12-01T09:00:00+11:00");
    assert_eq!(own[0]["endTime"]["at"], "2026-11-30T22:30:00+00:00");
    assert_eq!(own[1]["startTime"], json!({"at": "2026-12-01T00:00:00", "zoneless": true}));
    assert_eq!((&own[2]["startTime"], &own[2]["unparsed"]["startTime"]), (&Value::Null, &json!("soon")));
    let placed = json_of(&events("appointments_offset.json", Some("Australia/Sydney")));
    assert_eq!(placed[0]["endTime"]["at"], "2026-12-01T09:30:00+11:00");
}

#[test]
fn the_misspelt_status_does_not_reach_us() {
    let events = events("appointments_misspelt_status.json", None);
    let statuses: Vec<_> = events.iter().map(|event| event.status.as_deref()).collect();
    assert_eq!(statuses, [Some("noshow"), Some("showed"), Some("booked"), None]);
    for event in &events {
        assert_clean(&serde_json::to_string(event).unwrap());
    }
}

//! Whatever is sent, a payload is read whole or refused with reasons.

use super::{arrival, preset};
use crate::sources::mapping::{Mapped, Mapping};
use proptest::prelude::*;
use serde_json::{Map, Value};
use std::sync::LazyLock;

static PRESETS: LazyLock<[Mapping; 3]> = LazyLock::new(|| ["insurgo", "form", "generic"].map(preset));

/// Names that the presets read, and others.
fn name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "id",
        "type",
        "time",
        "occurredAt",
        "data",
        "contactId",
        "email",
        "firstName",
        "phone",
        "tagNames",
        "tags",
        "taskId",
        "title",
        "dueDate",
        "status",
        "completed",
        "notes",
        "body",
        "noteId",
        "answers",
        "formName",
        "name",
        "country",
    ]);
    prop_oneof![4 => known.prop_map(str::to_owned), 1 => ".{0,12}"]
}

fn text() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "contact.updated",
        "contact-updated",
        "task.created",
        "task-created",
        "note.added",
        "tags-added",
        "form.submitted",
        "form-submitted",
        "rosa@example.com",
        "+1 415 555 0142",
        "(030) 901820",
        "2026-02-30",
        "2026-11-22",
        "done",
        "",
        "2026-11-22T09:00:00Z",
        "99999999999999999999",
        "+",
        "+1",
        "DE",
        "a, b",
    ]);
    prop_oneof![3 => known.prop_map(str::to_owned), 1 => ".{0,30}", 1 => "[+0-9 ().-]{0,24}", 1 => "[0-9TZ:+ -]{0,28}"]
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..10)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_json_is_read_or_refused(payload in json(), data in json(), kind in text()) {
        let mut envelope = payload.clone();
        if let Value::Object(map) = &mut envelope {
            map.insert("type".to_owned(), Value::from(kind.clone()));
            map.insert("data".to_owned(), data);
        }
        for mapping in &*PRESETS {
            let _ = mapping.split(&payload);
            for payload in [&payload, &envelope] {
                let id = mapping.id_of(payload, arrival());
                let listed = mapping.read_listed(payload, Some(&kind), arrival().received_at, arrival().received_at);
                for (read, named) in [(mapping.read(payload, arrival()), true), (listed, false)] {
                    match read {
                        Ok(Mapped::Event(event)) => {
                            prop_assert!(!event.changes.is_empty());
                            prop_assert!(!named || event.id == id);
                        }
                        Ok(Mapped::PassedOver { why, .. }) => prop_assert!(!why.is_empty()),
                        Err(errors) => {
                            prop_assert!(!errors.is_empty() && errors.len() <= 51);
                            prop_assert!(errors.iter().all(|error| !error.message.is_empty()));
                        }
                    }
                }
            }
        }
    }
}

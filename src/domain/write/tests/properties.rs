//! Whatever comes: no panic, nothing unknown passes, and what passed once passes unchanged.

use super::super::{Fields, Intent, MAX_TAG_CHARS, Tag, completion, tags};
use crate::domain::problem::FieldError;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const INTENTS: [Intent; 3] = [Intent::Create, Intent::Update, Intent::Upsert];

/// Names that some write knows, and what the sandbox of GHL takes beside `locationId`.
const KNOWN: &[&str] = &[
    "firstName",
    "lastName",
    "name",
    "email",
    "phone",
    "address1",
    "city",
    "state",
    "postalCode",
    "website",
    "timezone",
    "dnd",
    "dndSettings",
    "inboundDndSettings",
    "tags",
    "customFields",
    "source",
    "dateOfBirth",
    "country",
    "companyName",
    "assignedTo",
    "gender",
    "createNewIfDuplicateAllowed",
    "title",
    "body",
    "userId",
    "color",
    "pinned",
    "dueDate",
    "completed",
];

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        "[a-z]{1,8}@[a-z]{1,8}\\.[a-z]{2,3}".prop_map(Value::from),
        "\\+?[0-9 ().-]{5,18}".prop_map(Value::from),
        "[0-9]{2,4}[-/._][0-9]{2}[-/._][0-9]{2,4}".prop_map(Value::from),
        "[0-9]{4}-[01][0-9]-[0-3][0-9][Tt][0-9:.]{5,14}(Z|[+-][0-9:]{5})".prop_map(Value::from),
        prop_oneof![Just("US"), Just("au"), Just("active"), Just("Europe/Berlin"), Just("#fff")].prop_map(Value::from),
    ]
}

/// Names near enough to the known ones for a body to pass now and then.
fn name() -> impl Strategy<Value = String> {
    let within =
        ["id", "key", "value", "field_value", "fieldValue", "SMS", "email", "status", "message", "all", "code"];
    prop_oneof![
        6 => prop::sample::select(KNOWN.to_vec()).prop_map(str::to_owned),
        3 => prop::sample::select(within.to_vec()).prop_map(str::to_owned),
        1 => ".{0,12}",
    ]
}

fn json_value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(name(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// An object of few properties: one with many has something wrong almost surely.
fn body() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(name(), json_value(), 0..4)
        .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>()))
}

type Read = (&'static str, Intent, Result<Fields, Vec<FieldError>>);

fn all(value: &Value) -> Vec<Read> {
    let each = |intent| {
        [
            ("contact", intent, Fields::contact(value, intent)),
            ("note", intent, Fields::note(value, intent)),
            ("task", intent, Fields::task(value, intent)),
        ]
    };
    INTENTS.into_iter().flat_map(each).collect()
}

fn again(what: &str, fields: &Fields, intent: Intent) -> Fields {
    let value = json!(fields);
    match what {
        "contact" => Fields::contact(&value, intent),
        "note" => Fields::note(&value, intent),
        _ => Fields::task(&value, intent),
    }
    .unwrap_or_else(|errors| panic!("{what} {value}: {errors:?}"))
}

proptest! {
    #[test]
    fn nothing_panics_and_a_refusal_says_why(value in json_value()) {
        for (what, intent, outcome) in all(&value) {
            prop_assert!(outcome.is_ok() || outcome.is_err_and(|errors| !errors.is_empty()), "{what} {intent:?}");
        }
        let _ = (tags(&value), completion(&value));
    }

    #[test]
    fn what_passes_holds_known_names_alone_and_passes_again_unchanged(value in body()) {
        for (what, intent, outcome) in all(&value) {
            let Ok(fields) = outcome else { continue };
            for name in fields.as_map().keys() {
                prop_assert!(KNOWN.contains(&name.as_str()), "{name}");
            }
            prop_assert_eq!(&again(what, &fields, intent), &fields);
        }
    }

    #[test]
    fn a_tag_folded_twice_is_folded_once(text in ".{0,300}") {
        let Ok(tag) = Tag::parse(&text) else { return Ok(()) };
        prop_assert_eq!(Tag::parse(tag.as_str()).unwrap(), tag.clone());
        prop_assert!(!tag.as_str().is_empty() && tag.as_str().chars().count() <= MAX_TAG_CHARS);
        prop_assert_eq!(tag.as_str().trim(), tag.as_str());
    }

    #[test]
    fn no_pointer_breaks_out_of_its_property(name in "[a-z~/]{1,8}") {
        prop_assume!(!KNOWN.contains(&name.as_str()));
        let errors = Fields::note(&json!({"body": "x", &*name: 1}), Intent::Create).unwrap_err();
        let document = json!({&*name: "here"});
        prop_assert_eq!(document.pointer(&errors[0].pointer), Some(&json!("here")));
    }
}

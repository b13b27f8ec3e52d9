//! The table of paths against the document of the API, which is itself checked against the types.

use super::super::known::{CONTACT, OTHERS, Path, judge, may_be_shown};
use serde_json::Value;
use std::collections::BTreeSet;

fn document() -> Value {
    serde_json::from_str(include_str!("../../../openapi/openapi.json")).expect("JSON")
}

/// Every path of a schema's properties, lists not entered.
fn collect(document: &Value, schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = document.pointer(reference.trim_start_matches('#')).expect("a schema");
        collect(document, target, path, found);
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        let parts = schema.get(choice).and_then(Value::as_array);
        parts.into_iter().flatten().for_each(|part| collect(document, part, path, found));
    }
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let inner = format!("{path}.{name}");
        collect(document, property, &inner, found);
        found.insert(inner);
    }
}

fn paths_of(schema: &str, root: &str) -> BTreeSet<String> {
    let document = document();
    let mut found = BTreeSet::from([root.to_owned()]);
    collect(&document, &document["components"]["schemas"][schema], root, &mut found);
    assert!(found.len() > 5, "{schema} has properties");
    found
}

#[test]
fn the_table_is_what_a_profile_has() {
    let mut expected = paths_of("IpIntelligence", "ip");
    expected.extend(paths_of("Insights", "insights"));
    assert_eq!(OTHERS.iter().map(|&path| path.to_owned()).collect::<BTreeSet<_>>(), expected);
    let contact = paths_of("Contact", "contact");
    let names: BTreeSet<_> = contact.iter().filter_map(|path| path.split('.').nth(1)).collect();
    assert_eq!(CONTACT.iter().copied().collect::<BTreeSet<_>>(), names);
}

#[test]
fn slips_are_caught_and_further_fields_of_ghl_are_not() {
    for known in ["contact", "contact.visitorId", "contact.attribution.last.ip", "ip.geo.inEu", "undecided"] {
        assert_eq!(judge(known), Path::Known, "{known}");
    }
    assert_eq!(judge("contact.time_zone"), Path::Unknown { meant: Some("timezone") });
    assert_eq!(judge("contract"), Path::Unknown { meant: Some("contact") });
    assert_eq!(judge("ip.geo.inEu.x"), Path::Unknown { meant: Some("ip.geo.inEu") });
    assert_eq!(judge("sky"), Path::Unknown { meant: None });
}

#[test]
fn what_tells_of_a_person_is_not_shown() {
    for personal in ["contact.email", "contact.tags", "contact.firstName", "contact.anything", "ip.address"] {
        assert!(!may_be_shown(personal), "{personal}");
    }
    assert!(may_be_shown("ip.geo.countryCode") && may_be_shown("contact.country"));
}

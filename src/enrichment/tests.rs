//! Tests of the rules: what compiles, what is yielded, what is written, and the rules that the defaults propose.

mod compiling;
mod deciding;
mod defaults;
mod paths;
mod properties;
mod running;
#[cfg(feature = "demo")]
mod sandbox;

use super::{RuleSet, document::Document, plan::plan};
use crate::{
    domain::rules::{EnrichmentPlan, RuleOutcome, RuleVerdict},
    settings::RuleSettings,
};
use serde_json::{Value, json};

/// A rule from its name, condition, managed prefix and tags.
fn rule(name: &str, when: &str, managed_prefix: &str, tags: &[&str]) -> RuleSettings {
    RuleSettings {
        name: name.to_owned(),
        when: when.to_owned(),
        managed_prefix: managed_prefix.to_owned(),
        tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
        fields: std::collections::BTreeMap::new(),
    }
}

/// A rule that fills one field.
fn filling(name: &str, when: &str, field: &str, value: &str) -> RuleSettings {
    let fields = std::collections::BTreeMap::from([(field.to_owned(), value.to_owned())]);
    RuleSettings { fields, ..rule(name, when, "", &[]) }
}

/// `geo:` and the country of a usable address.
fn country() -> RuleSettings {
    rule("country", "ip.usable or undecided", "geo:", &["geo:{{ ip.geo.countryCode }}"])
}

fn compiled(rules: &[RuleSettings]) -> RuleSet {
    match RuleSet::compile(rules) {
        Ok(rules) => rules,
        Err(errors) => panic!("{errors:#?}"),
    }
}

/// A profile with an Australian address and everything known.
fn profile() -> Value {
    json!({
        "id": "seD4PfOuKoVMLkEZqohJ",
        "locationId": "ve9EPM428h8vShlRW1KT",
        "contact": {
            "id": "seD4PfOuKoVMLkEZqohJ", "firstName": "Ada", "email": "ada@example.com", "country": "US",
            "timezone": null, "city": "Springfield", "tags": ["newsletter"], "customFields": [], "attribution": {},
        },
        "notes": [], "tasks": [], "appointments": null,
        "ip": {
            "address": "58.111.106.198", "usable": true, "unusableBecause": [],
            "geo": { "city": "Sydney", "country": "Australia", "countryCode": "AU", "continentCode": "OC",
                     "timezone": "Australia/Sydney", "inEu": false, "postalCode": null },
            "asn": { "asn": "AS4804", "name": "Microplex PTY LTD", "domain": null, "type": "isp" },
            "company": null, "carrier": null,
            "privacy": { "vpn": false, "service": null },
            "traits": { "hosting": false, "mobile": true, "anycast": null },
        },
        "insights": { "country": { "crm": "US", "ip": "AU", "agreement": "mismatch" }, "risk": null },
        "sections": {
            "contact": { "status": "fresh" }, "notes": { "status": "fresh" }, "tasks": { "status": "fresh" },
            "appointments": { "status": "excluded" }, "ip": { "status": "fresh" },
        },
    })
}

/// The profile with one value changed, by JSON pointer.
fn with(mut profile: Value, pointer: &str, value: Value) -> Value {
    *profile.pointer_mut(pointer).expect("a place in the profile") = value;
    profile
}

/// The profile whose address could not be looked up.
fn without_ip(profile: Value) -> Value {
    with(with(profile, "/ip", Value::Null), "/sections/ip/status", json!("unavailable"))
}

fn outcomes(rules: &[RuleSettings], profile: &Value) -> Vec<RuleOutcome> {
    compiled(rules).evaluate(profile).unwrap()
}

fn verdict(rule: RuleSettings, profile: &Value) -> (RuleVerdict, Vec<String>) {
    let outcome = outcomes(&[rule], profile).remove(0);
    (outcome.verdict, outcome.tags)
}

fn planned(rules: &[RuleSettings], profile: &Value) -> EnrichmentPlan {
    planned_for(rules, profile, |_| true)
}

fn planned_for(rules: &[RuleSettings], profile: &Value, asked: impl Fn(&str) -> bool) -> EnrichmentPlan {
    let rules = compiled(rules);
    let document = Document::read(profile, &rules.inner.owned).unwrap();
    plan(&rules.inner, &rules.inner.outcomes(&document), asked, &document)
}

/// Whether nothing is to be written.
fn is_empty(plan: &EnrichmentPlan) -> bool {
    plan.add_tags.is_empty() && plan.remove_tags.is_empty() && plan.set_fields.is_empty()
}

/// What GHL makes of a plan: tags as deltas, folded; fields set; custom fields merged by id.
fn carry_out(profile: &mut Value, plan: &EnrichmentPlan) {
    let tags = profile.pointer_mut("/contact/tags").unwrap().as_array_mut().unwrap();
    tags.retain(|tag| !plan.remove_tags.contains(&tag.as_str().unwrap().trim().to_lowercase()));
    tags.extend(plan.add_tags.iter().map(|tag| Value::from(tag.trim().to_lowercase())));
    let contact = profile.get_mut("contact").unwrap().as_object_mut().unwrap();
    for change in &plan.set_fields {
        if change.field.len() < 16 {
            contact.insert(change.field.clone(), change.value.clone());
        } else {
            let custom = contact.get_mut("customFields").unwrap().as_array_mut().unwrap();
            custom.retain(|field| field["id"] != *change.field);
            custom.push(json!({ "id": change.field, "value": change.value }));
        }
    }
}

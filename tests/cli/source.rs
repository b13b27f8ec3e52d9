//! `source`: what is configured, and what a payload would come to.

use super::{at_sandbox, sandbox};
use crate::support::{LOCATION, finished, scratch};
use serde_json::{Value, json};
use std::{fs, path::Path};

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/insurgo").join(name);
    path.to_str().expect("text").to_owned()
}

/// Without GHL: exit code and what was printed.
fn tried(test: &str, payload: &Value) -> (i32, Value) {
    let file = scratch(test).join("payload.json");
    fs::write(&file, payload.to_string()).expect("writes");
    let settings = example("settings.toml");
    let (code, printed, said) =
        finished(&["--config", &settings, "source", "test", "insurgo", file.to_str().expect("text")], &[]);
    (code, serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}{said}")))
}

#[test]
fn sources_are_listed_without_their_secrets() {
    let settings = example("settings.toml");
    let (code, printed, said) = finished(&["--config", &settings, "source", "list"], &[]);
    assert_eq!(code, 0, "{said}");
    assert!(
        printed.starts_with("insurgo  insurgo  -> sandboxLocation00001  by Standard Webhooks (1 secrets)"),
        "{printed}"
    );
    assert!(!printed.contains("whsec_"), "{printed}");
    assert!(finished(&["source", "list"], &[]).1.contains("no sources"));
}

#[test]
fn every_example_is_understood_without_a_token() {
    let mut kinds = Vec::new();
    for file in fs::read_dir(example("events")).expect("a folder") {
        let payload = fs::read(file.expect("a file").path()).expect("bytes");
        let payload: Value = serde_json::from_slice(&payload).expect("JSON");
        let (code, found) = tried("source-examples", &payload);
        assert_eq!((code, &found["events"][0]["understood"]), (0, &json!("event")), "{found}");
        assert_eq!(found["events"][0]["eventId"], payload["id"]);
        assert!(found["plan"].is_null() && found["noPlanBecause"].as_str().unwrap().contains("GHL_TOKEN"), "{found}");
        kinds.push(found["events"][0]["kind"].as_str().unwrap().to_owned());
    }
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds.len(), 11, "{kinds:?}");
}

#[test]
fn what_would_be_refused_is_pointed_at() {
    let bad = json!([
        {"id": "e1", "type": "contact.created", "data": {"contactId": "c", "email": "a@b.example", "phone": "none"}},
        {"id": "e2", "type": "policy.renewed", "data": {}},
    ]);
    let (code, found) = tried("source-refused", &bad);
    assert_eq!(code, 1, "{found}");
    assert_eq!(found["events"][0]["understood"], "refused", "{found}");
    assert_eq!(found["events"][0]["errors"][0]["pointer"], "/0/data/phone", "{found}");
    assert_eq!(found["events"][1]["understood"], "passed-over", "{found}");
    let (code, found) = tried("source-twice", &json!([{}, 5]));
    assert_eq!((code, &found["errors"][0]["pointer"]), (1, &json!("/1")), "{found}");
    let many: Vec<Value> = (0..1001).map(|_| json!({})).collect();
    let (code, found) = tried("source-many", &json!(many));
    assert!(code == 1 && found["errors"][0]["message"].as_str().unwrap().contains("sources.max_events"), "{found}");
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    let (code, found) = tried("source-deep", &json!({"id": "e", "type": "contact.created", "data": deep}));
    assert!(code == 1 && !found["errors"].as_array().unwrap().is_empty(), "as the service refuses it: {found}");
    let (code, _, said) = finished(&["source", "test", "nobody", "/dev/null"], &[]);
    assert!(code == 1 && said.contains("nobody"), "{said}");
}

#[actix_web::test]
async fn with_a_token_the_plan_is_made_by_what_ghl_holds() {
    let sandbox = sandbox().await;
    let base = sandbox.base_url();
    let known = ghl_sandbox::ContactSeed::new().name("Rosa", "Known").email("rosa.exemplar@example.com");
    let id = sandbox.add_contact(known);
    let (settings, payload) = (example("settings.toml"), example("events/01-contact-created.json"));
    let arguments = ["--config", &settings, "source", "test", "insurgo", &payload];
    let (code, printed, said) = finished(&arguments, &at_sandbox(&base));
    assert_eq!(code, 0, "{printed}{said}");
    let found: Value = serde_json::from_str(&printed).expect("JSON");
    let planned = &found["plan"]["events"][0];
    assert_eq!((&found["plan"]["locationId"], &planned["contactId"]), (&json!(LOCATION), &json!(id)), "{found}");
    let calls = planned["calls"].as_array().expect("calls").iter();
    let writes: Vec<_> = calls.map(|call| &call["method"]).filter(|method| *method != "GET").collect();
    assert_eq!((&planned["outcome"], writes), (&json!("apply"), vec![&json!("PUT"), &json!("POST")]), "{found}");
    assert!(sandbox.writes().is_empty());
}

#[test]
fn the_examples_settings_say_what_the_preset_says() {
    let written: toml::Table = fs::read_to_string(example("settings.toml")).expect("a file").parse().expect("TOML");
    let preset = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sources/presets/insurgo.toml");
    let preset: toml::Table = fs::read_to_string(preset).expect("a file").parse().expect("TOML");
    assert_eq!(written["sources"]["systems"][0]["mapping"].as_table(), Some(&preset));
}

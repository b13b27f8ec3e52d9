//! Rules on the sandbox's contacts: what a dry run plans is what is written, once.

use super::of_showcase;
use crate::support::{SHOWCASE, TestApp};
use serde_json::{Value, json};

const RULES: &str = r#"[
  { name = "country", when = "ip.geo.countryCode", managed_prefix = "geo:", tags = ["geo:{{ ip.geo.countryCode }}"] },
  { name = "eu", when = "ip.geo.inEu", managed_prefix = "eu:", tags = ["eu:yes"] },
]"#;

/// Contact ids of the sandbox's first location.
async fn contacts(app: &TestApp) -> Vec<String> {
    let url = format!("{}/__sandbox/contacts?locationId=sandboxLocation00001", app.sandbox.base_url());
    let listed: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    listed["contacts"].as_array().unwrap().iter().filter_map(|one| one["id"].as_str().map(str::to_owned)).collect()
}

async fn enrich(app: &TestApp, contact: &str, body: Value) -> Value {
    let reply = app.client.post(&format!("/v1/contacts/{contact}/enrichment"), &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

async fn tags(app: &TestApp, contact: &str) -> Vec<String> {
    let held = app.get(&format!("/v1/contacts/{contact}")).await.json();
    held["tags"].as_array().unwrap().iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect()
}

#[actix_web::test]
async fn a_dry_run_plans_what_is_written_and_a_second_run_writes_nothing() {
    let app = TestApp::with(&[("enrichment.rules", RULES)]).await;
    let mut written = 0;
    for contact in contacts(&app).await.iter().take(25) {
        let before = tags(&app, contact).await;
        let dry = enrich(&app, contact, json!({"dryRun": true})).await;
        assert_eq!((tags(&app, contact).await, &dry["operations"]), (before.clone(), &json!([])));
        let run = enrich(&app, contact, json!({})).await;
        assert_eq!(run["plan"], dry["plan"]);
        assert!(run["operations"].as_array().unwrap().iter().all(|one| one["state"] == "done"), "{run}");
        let mut expected = before;
        expected.extend(dry["plan"]["addTags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()));
        assert_eq!(tags(&app, contact).await, expected);
        written += run["operations"].as_array().unwrap().len();
        let again = enrich(&app, contact, json!({})).await;
        assert_eq!((&again["plan"]["addTags"], &again["operations"]), (&json!([]), &json!([])), "{again}");
    }
    assert!(written >= 5, "only {written} writes");
}

#[actix_web::test]
async fn a_moved_contact_loses_its_old_managed_tag_and_keeps_a_persons_own() {
    let app = TestApp::with(&[("enrichment.rules", RULES)]).await;
    let own = ["geology", "Europe trip"];
    app.client.post(&of_showcase("/tags"), &json!({"tags": ["geo:zz", "eu:yes", own[0], own[1]]})).await;
    let run = enrich(&app, SHOWCASE, json!({})).await;
    assert_eq!(run["plan"]["removeTags"], json!(["eu:yes", "geo:zz"]), "{run}");
    let held = tags(&app, SHOWCASE).await;
    assert!(held.contains(&"geo:au".to_owned()) && !held.contains(&"geo:zz".to_owned()), "{held:?}");
    assert!(own.iter().all(|tag| held.contains(&tag.to_lowercase())), "{held:?}");
    let explained = app.get(&of_showcase("/explain")).await.json();
    let country = explained["rules"].as_array().unwrap().iter().find(|rule| rule["name"] == "country").unwrap();
    assert_eq!((&country["verdict"], &country["tags"]), (&json!("matched"), &json!(["geo:au"])), "{country}");
    assert!(country["why"].as_str().unwrap().contains("ip.geo.countryCode"), "{country}");
}

#[actix_web::test]
async fn an_unknown_rule_is_named() {
    let app = TestApp::with(&[("enrichment.rules", RULES)]).await;
    let body = json!({"rules": ["country", "contry"]});
    let problem = app.client.post(&of_showcase("/enrichment"), &body).await.assert_problem(422, "validation-failed");
    assert_eq!(problem["errors"][0]["pointer"], "/rules/1", "{problem}");
}

//! The rules over HTTP: the request that evaluates them, and what the explanation says of them.

use super::{Answer, CONTACT, LOCATION, Setup, double::Double, op_double::Writes, post};
use crate::settings::Role;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

fn serving() -> (Setup, Arc<Writes>) {
    let writes = Arc::new(Writes::default());
    (Setup { writes: Arc::clone(&writes) as Arc<_>, ..Setup::new() }, writes)
}

fn path() -> String {
    format!("/v1/contacts/{CONTACT}/enrichment")
}

async fn ask(setup: &Setup, key: &'static str, query: &str) -> Answer {
    let request = post().uri(&format!("{}{query}", path())).insert_header(("x-api-key", key));
    setup.ask(request.insert_header(("content-type", "application/json")).set_payload("{}")).await
}

#[actix_web::test]
async fn an_empty_object_runs_all_rules_and_says_what_came_of_it() {
    let (setup, writes) = serving();
    let answer = setup.post(&path(), "{}").await;
    assert_eq!((answer.header("cache-control"), answer.header("etag")), ("no-store", ""));
    assert_eq!(
        answer.json(),
        json!({
            "locationId": LOCATION, "contactId": CONTACT, "dryRun": false,
            "plan": {"addTags": ["geo:eu"], "removeTags": [], "setFields": [], "kept": []},
            "rules": [{"name": "eu", "verdict": "matched", "tags": ["geo:eu"], "why": "ip.geo.inEu is true"}],
            "operations": []
        })
    );
    let asked = writes.enrichments.lock().unwrap();
    assert_eq!((asked[0].dry_run, &asked[0].rules, &asked[0].requester.key), (false, &None, &None));
    assert_eq!(asked[0].requester.request_id, answer.header("x-request-id"));
}

#[actix_web::test]
async fn a_dry_run_of_some_rules_is_passed_on_as_asked() {
    let (setup, writes) = serving();
    let answer = setup.post(&path(), r#"{"dryRun": true, "rules": ["eu"]}"#).await;
    assert_eq!(answer.json()["dryRun"], true);
    let strange = setup.post(&path(), r#"{"rules": ["eu", "nonsense"]}"#).await;
    assert_eq!((strange.problem().as_str(), strange.pointer().as_str()), ("validation-failed", "/rules/1"));
    let asked = writes.enrichments.lock().unwrap();
    assert_eq!((asked[0].dry_run, asked[0].rules.as_deref()), (true, Some(&["eu".to_owned()][..])));
}

#[actix_web::test]
async fn an_answer_that_was_given_before_says_so() {
    let (setup, _) = serving();
    for (key, said) in [("new", false), ("before", true)] {
        let request = post().uri(&path()).insert_header(("idempotency-key", key));
        let answer = setup.ask(request.insert_header(("content-type", "application/json")).set_payload("{}")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers.contains_key("idempotency-replayed"), said, "{key}");
    }
}

#[actix_web::test]
async fn a_body_of_another_shape_is_pointed_at_and_nothing_is_run() {
    let (setup, writes) = serving();
    let many = json!({"rules": vec!["eu"; 101]}).to_string();
    for (body, kind, pointer) in [
        ("", "malformed-body", ""),
        ("{", "malformed-body", ""),
        ("[]", "validation-failed", ""),
        (r#"{"dryrun": true}"#, "validation-failed", "/dryrun"),
        (r#"{"dryRun": "yes"}"#, "validation-failed", "/dryRun"),
        (r#"{"dryRun": null}"#, "validation-failed", "/dryRun"),
        (r#"{"rules": "eu"}"#, "validation-failed", "/rules"),
        (r#"{"rules": [1]}"#, "validation-failed", "/rules/0"),
        (r#"{"rules": []}"#, "validation-failed", "/rules"),
        (&many, "validation-failed", "/rules"),
    ] {
        let answer = setup.post(&path(), body).await;
        assert_eq!((answer.problem().as_str(), answer.pointer().as_str()), (kind, pointer), "{body}");
    }
    assert_eq!(setup.ask(post().uri(&path())).await.problem(), "unsupported-media-type", "a body says what it wants");
    assert_eq!(setup.post("/v1/contacts/a%2Fb/enrichment", "{}").await.pointer(), "contactId");
    assert!(writes.enrichments.lock().unwrap().is_empty());
    let refused = writes.refused();
    assert_eq!(refused.len(), 12, "each is in the log");
    assert_eq!(refused[11], ["invalid-parameter", "-", "-", "-", "-"]);
    assert_eq!(refused[9], ["validation-failed", "-", "-", CONTACT, "-"]);
}

#[actix_web::test]
async fn an_idempotency_key_stands_for_what_was_asked() {
    let (setup, writes) = serving();
    let ask = async |key: &'static str, body: &'static str| {
        let request = post().uri(&path()).insert_header(("content-type", "application/json"));
        setup.ask(request.insert_header(("idempotency-key", key)).set_payload(body)).await
    };
    for body in ["{}", r#"{ "rules": null, "dryRun": false }"#, r#"{"rules": ["eu"]}"#, r#"{"dryRun": true}"#] {
        assert_eq!(ask("\"run-1\"", body).await.status, 200, "{body}");
    }
    let keys: Vec<_> = writes.enrichments.lock().unwrap().iter().map(|one| one.idempotency.clone().unwrap()).collect();
    assert!(keys.iter().all(|key| key.key == "run-1" && key.scope == keys[0].scope));
    assert_eq!(keys[0], keys[1], "the same request, in other words");
    assert!(keys[0].fingerprint != keys[2].fingerprint && keys[2].fingerprint != keys[3].fingerprint);
    let refused = ask("run 1", "{}").await;
    assert_eq!((refused.problem().as_str(), refused.pointer().as_str()), ("invalid-parameter", "Idempotency-Key"));
    assert_eq!(writes.refused(), [["invalid-parameter", "-", "-", CONTACT, "-"]]);
    let document = serde_json::to_value(crate::http::openapi()).unwrap();
    let parameters = &document["paths"]["/v1/contacts/{contactId}/enrichment"]["post"]["parameters"];
    assert!(parameters.as_array().unwrap().iter().any(|parameter| parameter["name"] == "Idempotency-Key"));
}

#[actix_web::test]
async fn what_could_not_be_told_is_not_done() {
    let (setup, writes) = serving();
    let deaf = |path: &str| post().uri(path).insert_header(("accept-encoding", "identity;q=0, *;q=0"));
    let rules = deaf(&path()).insert_header(("content-type", "application/json")).set_payload("{}");
    for request in [rules, deaf("/v1/operations/op1/retry"), deaf("/v1/operations/op1/cancel")] {
        assert_eq!(setup.ask(request).await.problem(), "not-acceptable");
    }
    assert!(writes.enrichments.lock().unwrap().is_empty());
    assert_eq!(writes.refused().len(), 3);
}

#[actix_web::test]
async fn to_run_the_rules_takes_the_role_and_the_location() {
    let (setup, writes) = serving();
    let setup =
        setup.with_key("reader", &[Role::Read], None).with_key("writer", &[Role::Write], Some(&["tenantLocation"]));
    assert_eq!(ask(&setup, "reader", "").await.problem(), "forbidden");
    assert_eq!(ask(&setup, "writer", &format!("?locationId={LOCATION}")).await.problem(), "forbidden");
    assert_eq!(ask(&setup, "writer", "").await.json()["locationId"], "tenantLocation");
    assert_eq!(ask(&setup, "nobody", "").await.problem(), "unauthenticated");
    assert_eq!(
        writes.refused(),
        [["forbidden", "reader", "-", CONTACT, "-"], ["forbidden", "writer", "-", CONTACT, "-"]],
        "no line in the log of a location that the key may not see"
    );
    let asked = writes.enrichments.lock().unwrap();
    assert_eq!((asked.len(), asked[0].requester.key.as_deref()), (1, Some("writer")));
}

#[actix_web::test]
async fn without_a_store_rules_are_not_run() {
    assert_eq!(Setup::new().post(&path(), "{}").await.problem(), "store-unavailable");
}

#[actix_web::test]
async fn the_explanation_says_how_each_rule_came_out() {
    let (setup, writes) = serving();
    let setup = Setup { api: Arc::new(Double::warm()), ..setup };
    let explained = setup.get(&format!("/v1/contacts/{CONTACT}/explain?maxAge=0&ip=8.8.8.8")).await.json();
    assert_eq!(explained["id"], CONTACT);
    assert_eq!(explained["rules"][0]["why"], "ip.geo.inEu is true");
    let read = setup.api.requests.lock().unwrap();
    let judged = writes.explained.lock().unwrap();
    assert_eq!((read[0].max_age, judged[0].max_age), (Some(Duration::ZERO), None), "fetched anew once");
    assert_eq!((&judged[0].key, judged[0].ip), (&read[0].key, read[0].ip));
}

#[actix_web::test]
async fn without_rules_there_is_an_explanation_all_the_same() {
    let setup = Setup { api: Arc::new(Double::warm()), ..Setup::new() };
    let explained = setup.get(&format!("/v1/contacts/{CONTACT}/explain")).await.json();
    assert_eq!((&explained["rules"], &explained["address"]["outcome"]), (&json!([]), &Value::from("missing")));
}

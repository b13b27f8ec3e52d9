//! GHL's records in one spelling: contacts, notes, tasks, appointments, businesses.

use crate::support::{LOCATION, SHOWCASE, TestApp};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const BUSINESS: &str = "63771dcac1116f0e21de8e12";

/// Every id of a listing, page by page; `next` gives the page at a cursor.
async fn walk<F: Future<Output = Value>>(next: impl Fn(Option<String>) -> F) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), None);
    loop {
        let page = next(cursor).await;
        let items = page["items"].as_array().unwrap_or_else(|| panic!("{page}"));
        ids.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        cursor = page["nextCursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return ids;
        }
        assert!(ids.len() < 1000, "the listing has an end");
    }
}

fn assert_all(app: &TestApp, walked: &[String]) {
    let all: BTreeSet<String> = app.sandbox.contact_ids(LOCATION).into_iter().collect();
    let distinct: BTreeSet<String> = walked.iter().cloned().collect();
    assert_eq!(distinct.len(), walked.len(), "no contact comes twice");
    assert_eq!(distinct, all);
}

#[actix_web::test]
async fn contacts_are_listed_to_the_last() {
    let app = TestApp::start().await;
    let client = app.client.clone();
    let page = |cursor: Option<String>| {
        let cursor = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let client = client.clone();
        async move { client.get(&format!("/v1/contacts?limit=37{cursor}")).await.json() }
    };
    assert_all(&app, &walk(page).await);
    let first = app.get("/v1/contacts?limit=1").await.json();
    assert_eq!(first["total"], app.sandbox.contact_ids(LOCATION).len());
}

#[actix_web::test]
async fn a_search_is_walked_likewise() {
    let app = TestApp::start().await;
    let client = app.client.clone();
    let page = |cursor: Option<String>| {
        let mut body = json!({"limit": 60, "sort": [{"field": "firstNameLowerCase", "direction": "asc"}]});
        if let Some(cursor) = cursor {
            body["cursor"] = cursor.into();
        }
        let client = client.clone();
        async move { client.post("/v1/contacts/search", &body).await.json() }
    };
    assert_all(&app, &walk(page).await);
}

#[actix_web::test]
async fn a_cursor_that_was_tampered_with_or_is_anothers_is_refused() {
    let app = TestApp::start().await;
    let cursor = app.get("/v1/contacts?limit=5").await.json()["nextCursor"].as_str().unwrap().to_owned();
    let swapped = if cursor.starts_with('e') { cursor.replacen('e', "f", 1) } else { cursor.replacen('f', "e", 1) };
    let mut middle = cursor.clone().into_bytes();
    middle[cursor.len() / 2] ^= 1;
    let middle = String::from_utf8(middle).unwrap();
    for bad in [&*swapped, &middle, &cursor[..cursor.len() / 2], "", &"A".repeat(2000)] {
        let problem = app.get(&format!("/v1/contacts?limit=5&cursor={bad}")).await;
        let problem = problem.assert_problem(400, "invalid-parameter");
        assert_eq!(problem["errors"][0]["pointer"], "cursor", "{bad}");
    }
    for other in
        [format!("/v1/contacts?query=a&cursor={cursor}"), format!("/v1/businesses/{BUSINESS}/contacts?cursor={cursor}")]
    {
        app.get(&other).await.assert_problem(400, "invalid-parameter");
    }
    app.client.post("/v1/contacts/search", &json!({"cursor": cursor})).await.assert_problem(400, "invalid-parameter");
    assert_eq!(app.get(&format!("/v1/contacts?limit=5&cursor={cursor}")).await.status, 200);
}

#[actix_web::test]
async fn a_search_has_ghls_filters() {
    let app = TestApp::start().await;
    let email = json!({"field": "email", "operator": "eq", "value": "olivia.hartley@example.com"});
    let found = app.client.post("/v1/contacts/search", &json!({"filters": [email]})).await.json();
    assert_eq!((&found["total"], &found["items"][0]["id"]), (&1.into(), &SHOWCASE.into()), "{found}");
    let tag = json!({"group": "OR", "filters": [
        {"field": "tags", "operator": "contains", "value": "hot lead"},
        {"field": "email", "operator": "not_exists"},
    ]});
    let found = app.client.post("/v1/contacts/search", &json!({"filters": [tag], "limit": 500})).await;
    assert_eq!(found.status, 200, "{found:?}");
    assert!(found.text().contains(SHOWCASE));
    let found = app.get("/v1/contacts?query=Olivia%20Hartley").await.json();
    assert!(found["items"].as_array().unwrap().iter().any(|item| item["id"] == SHOWCASE), "{found}");
    let wrong = json!({"filters": [{"field": "email", "operator": "resembles", "value": "x"}]});
    let problem = app.client.post("/v1/contacts/search", &wrong).await.assert_problem(422, "validation-failed");
    assert_eq!(problem["errors"][0]["pointer"], "/filters/0/operator");
}

#[actix_web::test]
async fn what_belongs_to_a_contact_is_listed_and_shown_one_by_one() {
    let app = TestApp::start().await;
    let contact = app.get(&format!("/v1/contacts/{SHOWCASE}")).await.json();
    assert_eq!((&contact["id"], &contact["firstName"]), (&SHOWCASE.into(), &"Olivia".into()));
    assert!(contact.get("ssn").is_none());
    for kind in ["notes", "tasks"] {
        let items = app.get(&format!("/v1/contacts/{SHOWCASE}/{kind}")).await.json()["items"].clone();
        let id = items[0]["id"].as_str().unwrap_or_else(|| panic!("{items}"));
        let one = app.get(&format!("/v1/contacts/{SHOWCASE}/{kind}/{id}")).await;
        assert_eq!((one.status, &one.json()["id"]), (200, &id.into()), "{one:?}");
        assert_eq!(one.json()["contactId"], SHOWCASE);
    }
    let appointments = app.get(&format!("/v1/contacts/{SHOWCASE}/appointments")).await.json();
    assert!(appointments["items"][0]["startTime"]["zoneless"].is_boolean(), "{appointments}");
}

#[actix_web::test]
async fn what_does_not_exist_is_told_from_who_does_not() {
    let app = TestApp::start().await;
    for kind in ["notes", "tasks"] {
        app.get(&format!("/v1/contacts/{SHOWCASE}/{kind}/noSuchThing000000001")).await.assert_problem(404, "not-found");
        app.get(&format!("/v1/contacts/noSuchContact0000001/{kind}")).await.assert_problem(404, "contact-not-found");
    }
    for path in ["/v1/contacts/noSuchContact0000001", "/v1/contacts/noSuchContact0000001/appointments"] {
        app.get(path).await.assert_problem(404, "contact-not-found");
    }
}

#[actix_web::test]
async fn contacts_of_a_business_are_listed_to_the_last() {
    let app = TestApp::start().await;
    let client = app.client.clone();
    let page = |cursor: Option<String>| {
        let cursor = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let client = client.clone();
        async move { client.get(&format!("/v1/businesses/{BUSINESS}/contacts?limit=2{cursor}")).await.json() }
    };
    let walked = walk(page).await;
    let distinct: BTreeSet<&String> = walked.iter().collect();
    assert_eq!(distinct.len(), walked.len());
    assert!(walked.len() > 2 && walked.contains(&SHOWCASE.to_owned()), "{walked:?}");
}

#[actix_web::test]
async fn a_note_is_data_with_its_plain_text_beside_it() {
    let app = TestApp::start().await;
    let seed =
        ghl_sandbox::ContactSeed::new().location(LOCATION).note("<p>Rosa &amp; <b>Ed</b></p><script>alert(1)</script>");
    let id = app.sandbox.add_contact(seed);
    let note = app.get(&format!("/v1/contacts/{id}/notes")).await.json()["items"][0].clone();
    assert!(note["body"].as_str().unwrap().contains("<script>"), "passed through: {note}");
    let text = note["text"].as_str().unwrap();
    assert!(text.contains("Rosa & Ed") && !text.contains('<'), "{text}");
}

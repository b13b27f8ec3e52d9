//! What is no place for an id and could tell something all the same: idempotency keys, cursors, tokens, caches, the way to
//! GHL and back, and the routes that the document does not list.

use super::{
    table::UNDOCUMENTED,
    verdict::told,
    worlds::{Things, World},
};
use crate::{
    oauth::{begin, consent, ghl},
    support::{Client, LOCATION, Reply, SHOWCASE},
};
use serde_json::json;

/// Whether an answer holds the mark of a contact.
fn shows(reply: &Reply, things: &Things) -> bool {
    format!("{:?} {}", reply.headers, reply.text()).to_lowercase().contains(&things.mark.to_lowercase())
}

#[actix_web::test]
async fn an_idempotency_key_is_its_locations_own() {
    let world = World::full().await;
    let (first, second) = (&world.first, &world.second);
    let path = format!("/v1/contacts/{SHOWCASE}/tags");
    let used = first.things.idempotency_key(0);
    let same = json!({"tags": [first.things.mark.to_lowercase()]});
    for (number, body) in [&same, &json!({"tags": ["another"]})].into_iter().enumerate() {
        let reply = second.key.with("idempotency-key", &used).post(&path, body).await;
        let unused = format!("unused-{number}");
        let unused = second.key.with("idempotency-key", &unused).post(&path, &same).await;
        if number == 0 {
            assert_eq!(told(&reply, &first.things), told(&unused, &first.things));
        } else {
            // Their own use of it, by now: another body under the same key.
            reply.assert_problem(422, "idempotency-key-reused");
        }
        assert!(reply.status >= 400 && reply.header("idempotency-replayed").is_none(), "{reply:?}");
    }
}

#[actix_web::test]
async fn a_cursor_leads_nowhere_in_another_location() {
    let world = World::full().await;
    for list in ["/v1/operations", "/v1/audit", "/v1/contacts", "/v1/webhooks/events"] {
        let page = world.first.admin.get(&format!("{list}?limit=1")).await.json();
        let cursor = page["nextCursor"].as_str().unwrap_or_else(|| panic!("{list}: a page follows in {page}"));
        let reply = world.second.admin.get(&format!("{list}?limit=1&cursor={cursor}")).await;
        reply.assert_problem(400, "invalid-parameter");
    }
}

#[actix_web::test]
async fn a_token_reaches_no_further_than_its_key() {
    let world = World::full().await;
    let made = world.second.admin.post("/v1/tokens", &json!({"contacts": [SHOWCASE], "minutes": 1})).await;
    assert_eq!(made.status, 201, "any id may be named, be there such a contact or not: {made:?}");
    let page = world.app.client.with("x-api-key", made.json()["token"].as_str().unwrap());
    for rest in ["/profile", "/profile/events", "/explain", "", "/notes", "/tasks", "/appointments"] {
        let path = format!("/v1/contacts/{SHOWCASE}{rest}");
        let reply = page.get(&path).await;
        reply.assert_problem(404, "contact-not-found");
        assert!(!shows(&reply, &world.first.things), "{path}: {reply:?}");
        page.get(&format!("{path}?locationId={LOCATION}")).await.assert_problem(403, "forbidden");
    }
}

#[actix_web::test]
async fn lists_begin_and_end_with_what_is_ones_own() {
    let world = World::full().await;
    for (side, other) in [(&world.first, &world.second), (&world.second, &world.first)] {
        let listed = side.admin.get("/v1/locations").await.json();
        let ids: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| item["locationId"].clone()).collect();
        assert_eq!((ids, &listed["companies"]), (vec![json!(side.things.location)], &json!(null)));
        for list in ["/v1/operations", "/v1/audit", "/v1/webhooks/events", "/v1/contacts"] {
            let reply = side.admin.get(&format!("{list}?limit=100")).await;
            let items = reply.json()["items"].as_array().unwrap().clone();
            assert!(!items.is_empty(), "{list}");
            let own =
                |item: &serde_json::Value| item["locationId"].is_null() || item["locationId"] == side.things.location;
            assert!(items.iter().all(own), "{list}: {reply:?}");
            assert!(
                !reply.text().contains(&other.things.location) && !shows(&reply, &other.things),
                "{list}: {reply:?}"
            );
        }
    }
}

#[actix_web::test]
async fn knocking_leaves_no_trace_in_the_log_of_another() {
    let world = World::full().await;
    let (first, second) = (&world.first, &world.second);
    let log = async || first.admin.get("/v1/audit?limit=200").await.json();
    let before = log().await;
    let named = format!("locationId={LOCATION}");
    let notes = second.key.post(&format!("/v1/contacts/{SHOWCASE}/notes?{named}"), &json!({"body": "x"})).await;
    let rules = second.key.post(&format!("/v1/contacts/{SHOWCASE}/enrichment?{named}"), &json!({})).await;
    let retried =
        second.key.post(&format!("/v1/operations/{}/retry?{named}", first.things.operation), &json!({})).await;
    assert_eq!([notes.status, rules.status, retried.status], [403, 403, 404]);
    assert_eq!(log().await, before, "whoever knocks is nobody's business but the operator's");
}

#[actix_web::test]
async fn a_key_of_some_locations_empties_no_cache_of_all() {
    let world = World::full().await;
    let elsewhere = world.app.admin.with("x-forwarded-for", "192.0.2.1");
    for key in ["second", "second-admin"] {
        let reply = elsewhere.with("x-api-key", key).send("POST", "/admin/cache/flush", None).await;
        reply.assert_problem(403, "forbidden");
    }
}

#[actix_web::test]
async fn what_is_not_documented_tells_nothing() {
    let world = World::full().await;
    for (path, public, why) in UNDOCUMENTED {
        let path = path.replace("{file}", "swagger-ui.css");
        for method in ["GET", "HEAD", "POST"] {
            let asked = format!("{path}?locationId={LOCATION}&contactId={SHOWCASE}");
            let reply = world.second.admin.send(method, &asked, None).await;
            assert!(!shows(&reply, &world.first.things), "{method} {path} ({why}): {reply:?}");
            assert!(*public || reply.status == 404, "{method} {path} ({why}): {reply:?}");
        }
    }
}

/// Begins to connect; answers what is seen of it but for what is drawn by chance.
async fn departure(client: &Client, location: &str) -> (u16, String, Vec<String>) {
    let reply = client.get(&format!("/oauth/install?locationId={location}")).await;
    let url = reply.header("location").expect("a redirect");
    let fixed: Vec<&str> = url.split(['?', '&']).filter(|pair| !pair.starts_with("state=")).collect();
    (reply.status, fixed.join("&"), reply.headers.iter().map(|(name, _)| name.clone()).collect())
}

#[actix_web::test]
async fn the_way_to_ghl_and_back_says_nothing_of_what_is_connected() {
    let world = World::full().await;
    let (client, ghl) = (&world.app.client, ghl(&world.app));
    assert_eq!(departure(client, LOCATION).await, departure(client, "nowhereLocation00001").await);
    let back = async |path: &str, query: &str| {
        let trip = begin(client, path).await;
        let state = consent(&ghl, &trip, "&sandbox_consent=deny").await;
        let state = state.split('&').find(|pair| pair.starts_with("state=")).expect("a state").to_owned();
        client.with("cookie", &trip.cookie).get(&format!("/oauth/callback?{query}&{state}")).await
    };
    let trip = begin(client, "/oauth/install").await;
    let used = consent(&ghl, &trip, &format!("&sandbox_consent={LOCATION}")).await;
    assert_eq!(client.with("cookie", &trip.cookie).get(&format!("/oauth/callback?{used}")).await.status, 200);
    let code = used.split('&').find(|pair| pair.starts_with("code=")).expect("a code");
    let nowhere = Things::none("nowhereLocation00001");
    for query in [code, "code=nobodys", "error=access_denied"] {
        let connected = back(&format!("/oauth/install?locationId={LOCATION}"), query).await;
        let unknown = back("/oauth/install?locationId=nowhereLocation00001", query).await;
        assert!(connected.status >= 400, "{query}: {connected:?}");
        assert_eq!(told(&connected, &world.first.things), told(&unknown, &nowhere), "{query}");
    }
}

//! From the install to a profile; and whoever comes back in another way than they left.

use super::{begin, connect, consent, ghl, service};
use crate::support::{LOCATION, SHOWCASE, TestApp, key};
use serde_json::json;

#[actix_web::test]
async fn installed_consented_and_a_profile_is_served() {
    let app = service(&[]).await;
    app.get(&format!("/v1/contacts/{SHOWCASE}/profile")).await.assert_problem(502, "upstream-unauthorized");
    assert_eq!(app.get("/v1/locations").await.json()["items"], json!([]));
    let reply = connect(&app.client, &ghl(&app), "").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.json()["locationId"], LOCATION);
    assert!(reply.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")), "{reply:?}");
    assert_eq!(app.profile(SHOWCASE).await["contact"]["id"], SHOWCASE);
    let location = app.get(&format!("/v1/locations/{LOCATION}")).await.json();
    assert_eq!((&location["state"], &location["through"]), (&json!("connected"), &json!("location")));
    assert!(location["scopes"].as_array().is_some_and(|scopes| scopes.contains(&json!("contacts.readonly"))));
    assert!(location["expiresAt"].is_string() && location["connectedAt"].is_string());
    assert_eq!(app.get("/v1/locations").await.json()["items"], json!([location]));
    let text = format!("{:?}", app.get("/v1/locations").await.text());
    assert!(!text.contains("eyJ"), "a token shows: {text}");
    let component = app.admin.get("/readyz").await.json()["components"].clone();
    let oauth = component.as_array().unwrap().iter().find(|one| one["name"] == "oauth").unwrap().clone();
    assert_eq!((&oauth["state"], &oauth["detail"]), (&json!("ok"), &json!("1 connected")));
    let metrics = app.admin.get("/metrics").await.text();
    assert!(metrics.contains("ghl_enrich_connections{state=\"connected\"} 1"), "{metrics}");
}

#[actix_web::test]
async fn a_browser_gets_a_page_and_nothing_it_brings_becomes_markup() {
    let app = service(&[]).await;
    let browser = app.client.with("accept", "text/html,application/xhtml+xml");
    let reply = connect(&browser, &ghl(&app), "").await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(reply.header("content-security-policy").is_some_and(|policy| policy.starts_with("default-src 'none'")));
    assert!(reply.text().contains(LOCATION));
    let trip = begin(&browser, "/oauth/install").await;
    let state = consent(&ghl(&app), &trip, "&sandbox_consent=deny").await;
    let state = state.split('&').find(|pair| pair.starts_with("state=")).unwrap();
    let evil = format!("/oauth/callback?error=%3Cscript%3Ealert(1)%3C/script%3E&error_description=%3Cb%3E&{state}");
    let reply = browser.with("cookie", &trip.cookie).get(&evil).await;
    assert_eq!((reply.status, reply.header("content-type")), (403, Some("text/html; charset=utf-8")));
    assert!(
        reply.text().contains("Not connected") && !reply.text().contains("<script") && !reply.text().contains("<b>")
    );
    let reply = browser.get("/oauth/callback?code=x&state=%3Cscript%3E").await;
    assert_eq!(reply.status, 400);
    assert!(!reply.text().contains("<script"), "{reply:?}");
}

#[actix_web::test]
async fn whoever_comes_back_otherwise_than_they_left_costs_no_call() {
    let app = service(&[]).await;
    let ghl = ghl(&app);
    let (one, other) = (begin(&app.client, "/oauth/install").await, begin(&app.client, "/oauth/install").await);
    let query = consent(&ghl, &one, "").await;
    let back = async |cookie: Option<&str>, query: &str| {
        let client = cookie.map_or_else(|| app.client.clone(), |cookie| app.client.with("cookie", cookie));
        client.get(&format!("/oauth/callback?{query}")).await
    };
    let code = query.split('&').find(|pair| pair.starts_with("code=")).unwrap();
    for (cookie, query) in [
        (None, query.as_str()),
        (Some(other.cookie.as_str()), query.as_str()),
        (Some("ghl-enrich-oauth="), query.as_str()),
        (Some(one.cookie.as_str()), code),
        (Some(one.cookie.as_str()), "code=x&state=eHg"),
        (Some(one.cookie.as_str()), "code=x&state="),
        (Some(one.cookie.as_str()), ""),
    ] {
        back(cookie, query).await.assert_problem(400, "invalid-parameter");
    }
    assert_eq!(app.calls("oauth.token"), 0);
    assert_eq!(back(Some(&one.cookie), &query).await.status, 200);
    let again = back(Some(&one.cookie), &query).await.assert_problem(400, "invalid-parameter");
    assert_eq!(again["errors"][0]["message"], "was used before");
    assert_eq!(app.calls("oauth.token"), 1);
    // A code that was used, with a state that is good.
    let third = begin(&app.client, "/oauth/install").await;
    let fresh = consent(&ghl, &third, "").await;
    let state = fresh.split('&').find(|pair| pair.starts_with("state=")).unwrap();
    let used = back(Some(&third.cookie), &format!("{code}&{state}")).await.assert_problem(400, "invalid-parameter");
    assert_eq!(used["errors"][0]["pointer"], "code");
    // One that took too long.
    let late = begin(&app.client, "/oauth/install").await;
    let query = consent(&ghl, &late, "").await;
    app.advance(601);
    let late = back(Some(&late.cookie), &query).await.assert_problem(400, "invalid-parameter");
    assert_eq!(late["errors"][0]["message"], "has expired");
}

#[actix_web::test]
async fn what_ghl_refuses_is_told() {
    let app = service(&[]).await;
    let denied = connect(&app.client, &ghl(&app), "&sandbox_consent=deny").await;
    let problem = denied.assert_problem(403, "forbidden");
    assert!(problem["detail"].as_str().unwrap().contains("access_denied"), "{problem}");
    let trip = begin(&app.client, "/oauth/install?locationId=sandboxLocation00002").await;
    let query = consent(&ghl(&app), &trip, "").await;
    let other = app.client.with("cookie", &trip.cookie).get(&format!("/oauth/callback?{query}")).await;
    assert_eq!(other.assert_problem(400, "invalid-parameter")["errors"][0]["pointer"], "locationId");
    assert_eq!(app.get("/v1/locations").await.json()["items"], json!([]));
}

#[actix_web::test]
async fn only_admitted_locations_are_connected() {
    let app = service(&[("oauth.allowed_locations", r#"["sandboxLocation00002"]"#)]).await;
    connect(&app.client, &ghl(&app), "").await.assert_problem(403, "forbidden");
    let reply = connect(&app.client, &ghl(&app), "&sandbox_consent=sandboxLocation00002").await;
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[actix_web::test]
async fn without_an_app_there_is_nothing_to_connect_and_the_private_token_is_listed() {
    let app = TestApp::start().await;
    app.get("/oauth/install").await.assert_problem(404, "not-found");
    app.get("/oauth/callback?code=x&state=y").await.assert_problem(404, "not-found");
    let items = app.get("/v1/locations").await.json()["items"].clone();
    assert_eq!((&items[0]["locationId"], &items[0]["state"]), (&json!(LOCATION), &json!("private-token")));
    app.get("/v1/locations/nowhere").await.assert_problem(404, "not-found");
    let gone = app.client.delete(&format!("/v1/locations/{LOCATION}")).await.json();
    assert_eq!((&gone["locationId"], &gone["tokens"]), (&json!(LOCATION), &json!(0)), "{gone}");
    let items = app.get("/v1/locations").await.json()["items"].clone();
    assert_eq!(items[0]["state"], "private-token", "what the settings say stays so");
}

#[actix_web::test]
async fn a_key_sees_its_own_locations_and_disconnecting_takes_an_admin() {
    let keys = [
        key("all", "all-secret", &["read"], &[]),
        key("one", "one-secret", &["read", "write"], &[LOCATION]),
        key("other", "other-secret", &["read"], &["sandboxLocation00002"]),
        key("admin", "admin-secret", &["admin"], &[LOCATION]),
    ];
    let app = service(&[("auth.keys", &format!("[{}]", keys.join(", ")))]).await;
    for location in [LOCATION, "sandboxLocation00002"] {
        let more = format!("&sandbox_consent={location}");
        assert_eq!(connect(&app.client, &ghl(&app), &more).await.status, 200);
    }
    let with = |secret: &str| app.client.with("x-api-key", secret);
    let listed = async |secret: &str| -> Vec<String> {
        let items = with(secret).get("/v1/locations").await.json()["items"].clone();
        items.as_array().unwrap().iter().map(|one| one["locationId"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(listed("all-secret").await.len(), 2);
    assert_eq!(listed("one-secret").await, [LOCATION]);
    assert_eq!(listed("other-secret").await, ["sandboxLocation00002"]);
    let first = with("all-secret").get("/v1/locations?limit=1").await.json();
    let next = first["nextCursor"].as_str().unwrap();
    let second = with("all-secret").get(&format!("/v1/locations?limit=1&cursor={next}")).await.json();
    assert_eq!(second["items"][0]["locationId"], "sandboxLocation00002");
    assert!(second["nextCursor"].is_null() && second["companies"].is_null());
    let path = format!("/v1/locations/{LOCATION}");
    with("other-secret").get(&path).await.assert_problem(403, "forbidden");
    with("one-secret").delete(&path).await.assert_problem(403, "forbidden");
    with("admin-secret").delete("/v1/locations/sandboxLocation00002").await.assert_problem(403, "forbidden");
    assert_eq!(with("admin-secret").delete(&path).await.json()["tokens"], 1);
    let gone = with("one-secret").get(&path).await.json();
    assert_eq!((&gone["state"], &gone["lost"]["because"]), (&json!("disconnected"), &json!("disconnected")));
    let refused = with("one-secret").get(&format!("/v1/contacts/{SHOWCASE}")).await;
    assert_eq!(refused.assert_problem(502, "upstream-unauthorized")["upstream"]["code"], "disconnected");
}

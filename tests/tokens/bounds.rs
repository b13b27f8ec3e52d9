//! What a token opens and what it does not.

use super::{ELSEWHERE, bearer, guarded, made, with};
use crate::support::{LOCATION, SHOWCASE, TestApp};
use serde_json::json;

/// A contact of the same location that a token for the showcase alone must not see.
async fn other_contact(app: &TestApp) -> String {
    let page = bearer(app, "read").get("/v1/contacts?limit=5").await.json();
    let ids = page["items"].as_array().expect("contacts").iter().filter_map(|contact| contact["id"].as_str());
    ids.filter(|id| *id != SHOWCASE).map(str::to_owned).next().expect("another contact")
}

#[actix_web::test]
async fn a_token_reads_its_location_and_nothing_else() {
    let app = guarded().await;
    let token = made(&app, &json!({"locations": [LOCATION], "minutes": 15})).await;
    let page = bearer(&app, &token);
    let profile = format!("/v1/contacts/{SHOWCASE}/profile");
    for path in [
        profile.as_str(),
        &profile,
        &format!("/v1/contacts/{SHOWCASE}/notes"),
        "/v1/contacts",
        "/v1/operations",
        "/v1/ips/8.8.8.8",
        &format!("/v1/locations/{LOCATION}/quota"),
    ] {
        assert_eq!(page.get(path).await.status, 200, "{path}");
    }
    assert_eq!(app.client.with("x-api-key", &token).get(&profile).await.status, 200, "in either header");
    page.get(&format!("{profile}?locationId={ELSEWHERE}")).await.assert_problem(403, "forbidden");
    page.get("/v1/audit").await.assert_problem(403, "forbidden");
    let note = page.post(&format!("/v1/contacts/{SHOWCASE}/notes"), &json!({"body": "x"})).await;
    note.assert_problem(403, "forbidden");
    page.post("/v1/tokens", &json!({"minutes": 1})).await.assert_problem(403, "forbidden");
    assert_eq!(
        app.admin
            .with("x-forwarded-for", "192.0.2.1")
            .with("x-api-key", &token)
            .post("/admin/cache/flush", &json!({}))
            .await
            .status,
        403
    );
    app.client.get(&format!("{profile}?token={token}")).await.assert_problem(401, "unauthenticated");
}

#[actix_web::test]
async fn a_token_for_a_contact_sees_that_contact_alone() {
    let app = guarded().await;
    let other = other_contact(&app).await;
    let page = bearer(&app, &made(&app, &json!({"contacts": [SHOWCASE], "minutes": 15})).await);
    for rest in ["/profile", "/profile", "/explain", "", "/notes", "/tasks", "/appointments"] {
        assert_eq!(page.get(&format!("/v1/contacts/{SHOWCASE}{rest}")).await.status, 200, "{rest}");
        let refused = page.get(&format!("/v1/contacts/{other}{rest}")).await;
        let unknown = page.get(&format!("/v1/contacts/nobodyAtAll{rest}")).await;
        let refused = refused.assert_problem(403, "forbidden");
        assert_eq!(refused["detail"], unknown.assert_problem(403, "forbidden")["detail"], "{rest}");
    }
    // The other's profile is in memory now, and stays closed.
    assert_eq!(bearer(&app, "read").get(&format!("/v1/contacts/{other}/profile")).await.status, 200);
    page.get(&format!("/v1/contacts/{other}/profile")).await.assert_problem(403, "forbidden");
    for path in [
        "/v1/contacts",
        "/v1/operations",
        "/v1/ips/8.8.8.8",
        &format!("/v1/locations/{LOCATION}/quota"),
        "/v1/businesses/63771dcac1116f0e21de8e12/contacts",
        &format!("/v1/contacts/{SHOWCASE}/profile?ip=8.8.8.8"),
    ] {
        page.get(path).await.assert_problem(403, "forbidden");
    }
    for (path, body) in [
        ("/v1/contacts/search", json!({})),
        ("/v1/profiles/batch", json!({"contactIds": [SHOWCASE]})),
        ("/v1/ips/batch", json!({"ips": ["8.8.8.8"]})),
    ] {
        page.post(path, &body).await.assert_problem(403, "forbidden");
    }
    assert_eq!(page.get("/v1/attribution").await.status, 200, "what a page must show");
}

#[actix_web::test]
async fn a_token_allows_no_more_than_the_key_that_makes_it() {
    let app = guarded().await;
    let tenant = bearer(&app, "one");
    let elsewhere = json!({"locations": [LOCATION, ELSEWHERE], "minutes": 5});
    tenant.post("/v1/tokens", &elsewhere).await.assert_problem(403, "forbidden");
    assert_eq!(bearer(&app, "all").post("/v1/tokens", &elsewhere).await.status, 201);
    let own = tenant.post("/v1/tokens", &json!({"minutes": 5})).await;
    assert_eq!(own.status, 201, "its only location");
    bearer(&app, "read").post("/v1/tokens", &json!({"minutes": 5})).await.assert_problem(403, "forbidden");
    app.client.post("/v1/tokens", &json!({"minutes": 5})).await.assert_problem(401, "unauthenticated");
}

#[actix_web::test]
async fn what_no_token_can_be_is_refused_with_its_place() {
    let app = guarded().await;
    let many = |n: usize| (0..n).map(|n| format!("id{n}")).collect::<Vec<_>>();
    for (body, pointer) in [
        (json!({"minutes": 0}), "/minutes"),
        (json!({"minutes": 61}), "/minutes"),
        (json!({}), ""),
        (json!({"minutes": 5, "roles": ["write"]}), "/roles"),
        (json!({"minutes": 5, "locations": []}), "/locations"),
        (json!({"minutes": 5, "locations": many(21)}), "/locations"),
        (json!({"minutes": 5, "locations": ["../x"]}), "/locations/0"),
        (json!({"minutes": 5, "contacts": []}), "/contacts"),
        (json!({"minutes": 5, "contacts": null}), "/contacts"),
        (json!({"minutes": 5, "locations": null}), "/locations"),
        (json!({"minutes": 5, "contacts": many(51)}), "/contacts"),
        (json!({"minutes": 5, "contacts": ["c"], "locations": many(2)}), "/locations"),
    ] {
        let problem = bearer(&app, "all").post("/v1/tokens", &body).await.assert_problem(422, "validation-failed");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}: {problem}");
    }
}

#[actix_web::test]
async fn a_token_counts_against_the_rate_of_its_key() {
    let app = with(&[("http.requests_per_second", "1")]).await;
    let token = made(&app, &json!({"locations": [LOCATION], "minutes": 5})).await;
    bearer(&app, &token).get("/v1/attribution").await.assert_problem(429, "too-many-requests");
    assert_eq!(bearer(&app, "read").get("/v1/attribution").await.status, 200);
}

#[actix_web::test]
async fn without_keys_a_token_narrows_whoever_shows_it() {
    let app = TestApp::start().await;
    let reply = app.client.post("/v1/tokens", &json!({"contacts": [SHOWCASE], "minutes": 5})).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let token = reply.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(bearer(&app, &token).get(&format!("/v1/contacts/{SHOWCASE}/profile")).await.status, 200);
    bearer(&app, &token).get("/v1/contacts").await.assert_problem(403, "forbidden");
    bearer(&app, &token[..token.len() - 1]).get("/v1/contacts").await.assert_problem(401, "unauthenticated");
    assert_eq!(app.get("/v1/contacts").await.status, 200);
}

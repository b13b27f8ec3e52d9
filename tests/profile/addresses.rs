//! Which address a profile shows, over the odd ones that contacts have.

use crate::support::{LOCATION, TestApp};
use ghl_sandbox::ContactSeed;
use serde_json::Value;

async fn profile_of(app: &TestApp, last: &str, first: Option<&str>) -> Value {
    let seed = ContactSeed::new().location(LOCATION).last_attribution_ip(last);
    let seed = match first {
        Some(first) => seed.attribution_ip(first),
        None => seed,
    };
    let id = app.sandbox.add_contact(seed);
    app.profile(&id).await
}

#[actix_web::test]
async fn odd_spellings_of_an_address_are_understood() {
    let app = TestApp::start().await;
    for (raw, address) in [
        (" 58.111.106.198 ", "58.111.106.198"),
        ("58.111.106.198:51234", "58.111.106.198"),
        ("10.0.0.1, 58.111.106.198, 8.8.8.8", "58.111.106.198"),
        ("[2001:4860:4860::8888]:443", "2001:4860:4860::8888"),
        ("::ffff:58.111.106.198", "58.111.106.198"),
    ] {
        let profile = profile_of(&app, raw, None).await;
        assert_eq!(profile["ip"]["address"], address, "{raw:?}");
    }
}

#[actix_web::test]
async fn what_is_no_global_address_never_leaves_the_house() {
    let app = TestApp::start().await;
    for (raw, status, scope) in [
        ("192.168.1.7", "reserved", "private"),
        ("127.0.0.1", "reserved", "loopback"),
        ("100.64.1.1", "reserved", "carrier-grade-nat"),
        ("203.0.113.9", "reserved", "documentation"),
        ("unknown", "invalid", ""),
        ("999.1.1.1", "invalid", ""),
        ("", "missing", ""),
    ] {
        let profile = profile_of(&app, raw, None).await;
        assert!(profile["ip"].is_null(), "{raw:?}");
        assert_eq!(profile["sections"]["ip"]["status"], status, "{raw:?}");
        if !scope.is_empty() {
            assert_eq!(profile["sections"]["ip"]["scope"], scope, "{raw:?}");
        }
    }
    assert_eq!(app.calls("ipinfo.*"), 0);
}

#[actix_web::test]
async fn the_first_touch_serves_where_the_last_has_none() {
    let app = TestApp::start().await;
    let profile = profile_of(&app, "192.168.1.7", Some("58.111.106.198")).await;
    assert_eq!(profile["ip"]["address"], "58.111.106.198");
    assert_eq!(profile["ip"]["origin"], "attribution.first");
}

#[actix_web::test]
async fn a_request_may_name_another_address() {
    let app = TestApp::start().await;
    let id = crate::support::SHOWCASE;
    let profile = app.get(&format!("/v1/contacts/{id}/profile?ip=8.8.8.8")).await.json();
    assert_eq!((&profile["ip"]["address"], &profile["ip"]["origin"]), (&"8.8.8.8".into(), &"request".into()));
    let own = app.profile(id).await;
    assert_eq!(own["ip"]["address"], "58.111.106.198", "never held with the contact");
    let profile = app.get(&format!("/v1/contacts/{id}/profile?ip=10.1.2.3")).await.json();
    assert_eq!(profile["sections"]["ip"]["status"], "reserved", "{profile}");
    app.get(&format!("/v1/contacts/{id}/profile?ip=nonsense")).await.assert_problem(400, "invalid-parameter");
}

#[actix_web::test]
async fn a_contact_that_moved_is_looked_up_anew() {
    let app = TestApp::start().await;
    let id = crate::support::SHOWCASE;
    app.profile(id).await;
    let moved = serde_json::json!({"contact": {
        "id": id, "locationId": LOCATION, "firstName": "Olivia", "lastAttributionSource": {"ip": "8.8.8.8"}
    }});
    app.sandbox.set_raw_contact(id, moved);
    app.advance(400);
    assert_eq!(app.profile(id).await["ip"]["address"], "8.8.8.8");
}

#[actix_web::test]
async fn another_address_that_cannot_be_looked_up_is_not_replaced_by_the_contacts_own() {
    let app = TestApp::with(&[("ipinfo.backends", r#"["api"]"#)]).await;
    let id = crate::support::SHOWCASE;
    assert_eq!(app.profile(id).await["ip"]["address"], "58.111.106.198");
    let action = ghl_sandbox::FaultAction::status(500, "oops");
    app.sandbox.inject(ghl_sandbox::Fault::new("ipinfo.*", action));
    let path = format!("/v1/contacts/{id}/profile?ip=9.9.9.9");
    let profile = app.get(&path).await.json();
    assert!(profile["ip"].is_null(), "{profile}");
    assert_eq!(profile["sections"]["ip"]["status"], "unavailable");
    app.get(&format!("{path}&require=ip")).await.assert_problem(503, "upstream-unavailable");
    assert_eq!(app.profile(id).await["ip"]["address"], "58.111.106.198", "its own is as it was");
}

#[actix_web::test]
async fn explain_explains_what_was_asked() {
    let app = TestApp::start().await;
    let id = crate::support::SHOWCASE;
    let own = app.get(&format!("/v1/contacts/{id}/explain")).await.json();
    assert_eq!(own["address"]["candidates"][0]["address"], "58.111.x.x", "{own}");
    let other = app.get(&format!("/v1/contacts/{id}/explain?ip=9.9.9.9")).await.json();
    assert_eq!(other["address"]["candidates"][0]["origin"], "request", "{other}");
    app.get("/v1/contacts/noSuchContact0000001/explain").await.assert_problem(404, "contact-not-found");
}

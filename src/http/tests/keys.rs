//! Who may do what, and where.

use super::{CONTACT, LOCATION, Setup, get};
use crate::settings::Role;

fn profile() -> String {
    format!("/v1/contacts/{CONTACT}/profile")
}

fn guarded() -> Setup {
    Setup::new()
        .with_key("reader", &[Role::Read], None)
        .with_key("writer", &[Role::Write], None)
        .with_key("tenant", &[Role::Read], Some(&["tenantLocation"]))
        .with_key("agency", &[Role::Read], Some(&["tenantLocation", "otherLocation"]))
}

async fn ask(setup: &Setup, key: &str, query: &str) -> super::Answer {
    let uri = format!("{}{query}", profile());
    setup.ask(get().uri(&uri).insert_header(("authorization", format!("Bearer {key}")))).await
}

#[actix_web::test]
async fn a_request_without_a_known_key_is_refused_before_its_parameters_are_read() {
    let setup = guarded();
    for request in [
        get(),
        get().insert_header(("authorization", "Bearer nobody")),
        get().insert_header(("x-api-key", "nobody")),
        get().insert_header(("authorization", "Basic cmVhZGVy")),
    ] {
        let answer = setup.ask(request.uri("/v1/contacts/a%2Fb/profile?maxAge=x")).await;
        assert_eq!(answer.problem(), "unauthenticated");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    let own_header = get().uri(&profile()).insert_header(("x-api-key", "reader"));
    assert_eq!(setup.ask(own_header).await.status, 200);
}

#[actix_web::test]
async fn each_role_stands_alone() {
    let setup = guarded();
    assert_eq!(ask(&setup, "reader", "").await.status, 200);
    assert_eq!(ask(&setup, "writer", "").await.problem(), "forbidden");
}

#[actix_web::test]
async fn a_key_sees_its_locations_only() {
    let setup = guarded();
    let seen = || setup.api.locations.lock().unwrap().last().unwrap().to_string();
    assert_eq!(ask(&setup, "tenant", "").await.status, 200);
    assert_eq!(seen(), "tenantLocation", "its only one");
    assert_eq!(ask(&setup, "tenant", "?locationId=otherLocation").await.problem(), "forbidden");
    assert_eq!(ask(&setup, "agency", "?locationId=otherLocation").await.status, 200);
    assert_eq!(seen(), "otherLocation");
    let unnamed = ask(&setup, "agency", "").await;
    assert_eq!((unnamed.problem().as_str(), unnamed.pointer().as_str()), ("invalid-parameter", "locationId"));
    assert_eq!(ask(&setup, "reader", "").await.status, 200);
    assert_eq!(seen(), LOCATION, "the configured one");
}

#[actix_web::test]
async fn without_any_location_the_parameter_is_named() {
    let setup = Setup::new().with(|settings| settings.ghl.location_id = None);
    let answer = setup.get(&profile()).await;
    assert_eq!((answer.problem().as_str(), answer.pointer().as_str()), ("invalid-parameter", "locationId"));
}

#[actix_web::test]
async fn without_keys_only_loopback_and_configured_hosts_are_answered() {
    let setup = Setup::new().with(|settings| settings.http.hosts = vec!["enrich.internal".into()]);
    let from = |host: &'static str| get().uri(&profile()).insert_header(("host", host));
    for host in ["127.0.0.1:8080", "[::1]:8080", "localhost", "enrich.internal:9"] {
        assert_eq!(setup.ask(from(host)).await.status, 200, "{host}");
    }
    let forged = from("evil.example").insert_header(("x-forwarded-host", "localhost"));
    assert_eq!(setup.ask(forged).await.problem(), "forbidden");
    let open = Setup::new().with(|settings| settings.auth.allow_anonymous = true);
    assert_eq!(open.ask(from("evil.example")).await.status, 200);
    assert_eq!(guarded().ask(from("evil.example").insert_header(("x-api-key", "reader"))).await.status, 200);
}

#[actix_web::test]
async fn a_key_that_asks_too_often_is_told_to_wait() {
    let setup = guarded().with(|settings| settings.http.requests_per_second = 1);
    let state = setup.state();
    let request = |key: &'static str| get().uri(&profile()).insert_header(("x-api-key", key));
    assert_eq!(setup.ask_with(&state, request("reader")).await.status, 200);
    let refused = setup.ask_with(&state, request("reader")).await;
    assert_eq!((refused.problem().as_str(), refused.header("retry-after")), ("too-many-requests", "1"));
    assert_eq!(setup.ask_with(&state, request("tenant")).await.status, 200);
}

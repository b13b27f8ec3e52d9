//! GHL and IPinfo at their worst: each fault is the right problem, and nothing half is kept.

use crate::support::{SHOWCASE, TestApp};
use ghl_sandbox::{Fault, FaultAction};
use std::time::Duration;

fn fault(endpoint: &str, action: FaultAction) -> Fault {
    Fault { endpoint: endpoint.to_owned(), contact: None, times: None, probability: 1.0, action }
}

fn answer(status: u16, body: &str) -> FaultAction {
    FaultAction::Status { status, body: body.into(), content_type: "application/json".into() }
}

async fn patient() -> TestApp {
    let bounds = [("ghl.timeout_ms", "300"), ("ghl.max_body_bytes", "1048576"), ("ipinfo.timeout_ms", "300")];
    // One fault after the other is no outage here.
    TestApp::with(&[&bounds[..], &[("ghl.retries", "0"), ("ghl.breaker_failures", "100")]].concat()).await
}

#[actix_web::test]
async fn each_fault_of_the_contact_is_its_problem() {
    let app = patient().await;
    let cases = [
        (FaultAction::Html502, 503, "upstream-unavailable"),
        (FaultAction::EmptyBody, 502, "upstream-invalid-response"),
        (FaultAction::Malformed, 502, "upstream-invalid-response"),
        (FaultAction::HugeBody { bytes: 50_000_000 }, 502, "upstream-invalid-response"),
        (answer(200, r#"{"statusCode":500,"message":"oops"}"#), 502, "upstream-invalid-response"),
        (answer(401, r#"{"statusCode":401,"message":"Invalid JWT"}"#), 502, "upstream-unauthorized"),
        (
            answer(401, r#"{"statusCode":401,"message":"The token is not authorized for this scope."}"#),
            502,
            "upstream-unauthorized",
        ),
        (answer(500, r#"{"statusCode":500,"message":"Internal server error"}"#), 503, "upstream-unavailable"),
        (answer(504, ""), 503, "upstream-unavailable"),
        (answer(401, r#"{"statusCode":401,"message":"Command timed out"}"#), 504, "upstream-timeout"),
        (FaultAction::Reset, 503, "upstream-unavailable"),
        (FaultAction::Hang, 504, "upstream-timeout"),
    ];
    for (action, status, slug) in cases {
        let shown = format!("{action:?}");
        app.sandbox.inject(fault("ghl.contact", action));
        let reply = app.get(&format!("/v1/contacts/{SHOWCASE}/profile?include=")).await;
        assert_eq!(reply.status, status, "{shown}: {}", reply.text());
        let problem = reply.assert_problem(status, slug);
        assert_eq!(problem["upstream"]["service"], "ghl", "{shown}");
        app.sandbox.clear_faults();
    }
    assert_eq!(app.profile(SHOWCASE).await["sections"]["contact"]["status"], "fresh", "nothing bad was kept");
}

#[actix_web::test]
async fn a_token_of_another_location_is_told_from_a_contact_of_another_location() {
    let app = patient().await;
    let refusal = || answer(403, r#"{"statusCode":403,"message":"The token does not have access to this location."}"#);
    let paths = ["/profile?include=", "", "/notes"].map(|rest| format!("/v1/contacts/{SHOWCASE}{rest}"));
    app.sandbox.inject(fault("ghl.*", refusal()));
    for path in &paths {
        app.get(path).await.assert_problem(502, "upstream-unauthorized");
    }
    app.sandbox.clear_faults();
    app.sandbox.inject(fault("ghl.contact", refusal()));
    app.sandbox.inject(fault("ghl.notes", refusal()));
    for path in &paths {
        app.get(path).await.assert_problem(404, "contact-not-found");
    }
}

#[actix_web::test]
async fn a_truncated_body_is_no_profile() {
    let app = patient().await;
    app.sandbox.inject(fault("ghl.contact", FaultAction::TruncatedBody));
    let reply = app.get(&format!("/v1/contacts/{SHOWCASE}/profile")).await;
    assert!([502, 503].contains(&reply.status), "{}", reply.text());
}

#[actix_web::test]
async fn without_ipinfo_the_profile_stands_and_the_embedded_table_helps() {
    let app = patient().await;
    for action in [
        answer(
            403,
            r#"{"status":403,"error":{"title":"Unknown token","message":"Please ensure you're using a valid token."}}"#,
        ),
        answer(429, r#"{"status":429,"error":{"title":"Rate limit exceeded","message":"slow down"}}"#),
        FaultAction::Hang,
        FaultAction::Malformed,
    ] {
        let shown = format!("{action:?}");
        app.sandbox.inject(fault("ipinfo.*", action));
        let profile = app.profile(SHOWCASE).await;
        assert_eq!(profile["ip"]["provider"]["backend"], "embedded", "{shown}: {profile}");
        assert_eq!(profile["ip"]["provider"]["degraded"], true, "{shown}");
        app.sandbox.clear_faults();
        app.parts.profiles.flush();
    }
}

#[actix_web::test]
async fn what_the_embedded_table_said_for_want_of_better_is_asked_again_soon() {
    let app = patient().await;
    app.sandbox.inject(fault("ipinfo.*", answer(500, "oops")));
    assert_eq!(app.profile(SHOWCASE).await["ip"]["provider"]["degraded"], true);
    app.sandbox.clear_faults();
    app.advance(400);
    assert_eq!(app.profile(SHOWCASE).await["ip"]["provider"]["backend"], "api");
}

#[actix_web::test]
async fn a_slow_section_is_reported_at_the_deadline_and_arrives_later() {
    let app = TestApp::with(&[("http.deadline_ms", "400"), ("ghl.timeout_ms", "5000")]).await;
    app.sandbox.inject(fault("ghl.notes", FaultAction::Latency(Duration::from_secs(3))));
    let profile = app.profile(SHOWCASE).await;
    assert_eq!(profile["sections"]["notes"]["status"], "unavailable", "{profile}");
    assert_eq!(profile["sections"]["notes"]["problem"]["type"], "/problems/upstream-timeout");
    assert_eq!(profile["sections"]["contact"]["status"], "fresh");
}

//! Fresh, then stale while a new one is fetched, then stale because none can be had, then the problem.

use crate::support::{SHOWCASE, TestApp, eventually};
use ghl_sandbox::{Fault, FaultAction};
use std::time::Duration;

fn failing(endpoint: &str) -> Fault {
    let action = FaultAction::Status {
        status: 500,
        body: r#"{"statusCode":500,"message":"Internal server error"}"#.into(),
        content_type: "application/json".into(),
    };
    Fault { endpoint: endpoint.to_owned(), contact: None, times: None, probability: 1.0, action }
}

fn path() -> String {
    format!("/v1/contacts/{SHOWCASE}/profile")
}

#[actix_web::test]
async fn within_its_fresh_time_nothing_is_fetched() {
    let app = TestApp::start().await;
    app.profile(SHOWCASE).await;
    app.advance(59);
    let reply = app.get(&path()).await;
    assert!(reply.header("cache-status").unwrap().contains("hit"));
    assert_eq!(reply.header("age"), Some("59"));
    assert_eq!(app.calls("ghl.contact"), 1);
}

#[actix_web::test]
async fn a_stale_profile_is_served_at_once_and_refreshed_behind() {
    let app = TestApp::start().await;
    app.profile(SHOWCASE).await;
    app.advance(61);
    app.sandbox.inject(Fault::new("ghl.*", FaultAction::Latency(Duration::from_millis(500))));
    let reply = app.get(&path()).await;
    assert!(reply.header("cache-status").unwrap().contains("hit; ttl=-1"), "{reply:?}");
    assert_eq!(reply.json()["sections"]["notes"]["status"], "stale");
    eventually("the refresh has come", || app.calls("ghl.notes") == 2 && app.parts.profiles.loads_under_way() == 0)
        .await;
    let reply = app.get(&path()).await;
    assert_eq!(reply.json()["sections"]["notes"]["status"], "fresh");
    assert_eq!(app.calls("ghl.notes"), 2);
}

#[actix_web::test]
async fn max_age_and_no_cache_fetch_anew() {
    let app = TestApp::start().await;
    app.profile(SHOWCASE).await;
    let reply = app.get(&format!("{}?maxAge=0", path())).await;
    assert!(reply.header("cache-status").unwrap().contains("fwd=request"), "{reply:?}");
    assert_eq!(app.calls("ghl.contact"), 2);
    app.client.with("cache-control", "no-cache").get(&path()).await;
    assert_eq!(app.calls("ghl.contact"), 3);
    app.get(&format!("{}?maxAge=30", path())).await;
    assert_eq!(app.calls("ghl.contact"), 3, "young enough");
}

#[actix_web::test]
async fn failing_notes_leave_a_profile_with_its_problem() {
    let app = TestApp::start().await;
    app.sandbox.inject(failing("ghl.notes"));
    let profile = app.profile(SHOWCASE).await;
    assert!(profile["notes"].is_null() && profile["contact"].is_object());
    assert_eq!(profile["sections"]["notes"]["status"], "unavailable");
    assert_eq!(profile["sections"]["notes"]["problem"]["type"], "/problems/upstream-unavailable");
    assert_eq!(profile["sections"]["notes"]["problem"]["upstream"]["status"], 500);
    assert!(profile["insights"]["activity"].is_null(), "not known is not zero: {profile}");
    app.get(&format!("{}?require=notes", path())).await.assert_problem(503, "upstream-unavailable");
    app.sandbox.clear_faults();
    assert!(app.profile(SHOWCASE).await["notes"].is_array(), "back as soon as GHL is");
    app.sandbox.inject(failing("ghl.notes"));
    app.advance(400);
    let profile = app.profile(SHOWCASE).await;
    assert_eq!(profile["sections"]["notes"]["status"], "stale");
    assert!(profile["notes"].is_array() && profile["sections"]["notes"]["problem"].is_object());
    assert_eq!(app.get(&format!("{}?require=notes", path())).await.status, 200, "stale notes are notes");
}

#[actix_web::test]
async fn with_everything_failing_the_stale_profile_serves_until_its_time_is_up() {
    let app = TestApp::start().await;
    app.profile(SHOWCASE).await;
    app.sandbox.inject(failing("ghl.*"));
    app.sandbox.inject(failing("ipinfo.*"));
    app.advance(86_000);
    let profile = app.profile(SHOWCASE).await;
    assert_eq!(profile["sections"]["contact"]["status"], "stale");
    app.advance(1_000);
    app.get(&path()).await.assert_problem(503, "upstream-unavailable");
}

#[actix_web::test]
async fn a_failed_section_is_left_alone_for_its_hold() {
    let app = TestApp::with(&[("cache.error_hold_ms", "5000")]).await;
    app.sandbox.inject(failing("ghl.notes"));
    app.profile(SHOWCASE).await;
    app.profile(SHOWCASE).await;
    assert_eq!(app.calls("ghl.notes"), 1);
    app.advance(6);
    app.profile(SHOWCASE).await;
    assert_eq!(app.calls("ghl.notes"), 2);
}

#[actix_web::test]
async fn only_the_touched_section_is_fetched_again() {
    use ghl_enrich::{
        domain::{
            ids::{ContactId, LocationId},
            profile::Section,
        },
        profiles::{ContactKey, TouchedBy},
    };
    let app = TestApp::start().await;
    app.profile(SHOWCASE).await;
    let key = ContactKey {
        location: LocationId::parse(crate::support::LOCATION).unwrap(),
        contact: ContactId::parse(SHOWCASE).unwrap(),
    };
    app.parts.profiles.touch(&key, &[Section::Notes], TouchedBy::Write);
    app.profile(SHOWCASE).await;
    assert_eq!((app.calls("ghl.contact"), app.calls("ghl.notes"), app.calls("ghl.tasks")), (1, 2, 1));
}

#[actix_web::test]
async fn a_partial_answer_is_not_to_be_kept_and_a_forced_refresh_that_fails_says_so() {
    let app = TestApp::start().await;
    app.sandbox.inject(failing("ghl.notes"));
    let reply = app.get(&path()).await;
    assert!(reply.header("cache-control").unwrap().contains("max-age=0"), "{reply:?}");
    app.sandbox.clear_faults();
    let reply = app.get(&path()).await;
    assert!(reply.header("cache-control").unwrap().contains("max-age=60"), "{reply:?}");
    app.sandbox.inject(failing("ghl.notes"));
    let profile = app.get(&format!("{}?maxAge=0", path())).await.json();
    assert_eq!(profile["sections"]["notes"]["status"], "fresh", "what is held is young");
    assert_eq!(profile["sections"]["notes"]["problem"]["type"], "/problems/upstream-unavailable", "{profile}");
}

#[actix_web::test]
async fn a_wait_that_ghl_names_is_kept() {
    let app = TestApp::with(&[("ghl.retries", "0"), ("http.deadline_ms", "5000")]).await;
    let body = r#"{"statusCode":429,"message":"Too Many Requests"}"#;
    let action = FaultAction::Status { status: 429, body: body.into(), content_type: "application/json".into() };
    app.sandbox.inject(Fault { endpoint: "ghl.notes".into(), contact: None, times: Some(1), probability: 1.0, action });
    let refused = || {
        let text = app.parts.metrics.render_text();
        text.contains(r#"upstream_calls_total{service="ghl",endpoint="notes",outcome="quota"} 1"#)
    };
    app.profile(SHOWCASE).await;
    app.advance(5);
    assert!(app.profile(SHOWCASE).await["notes"].is_null());
    assert!(!refused(), "the window is ten seconds, so nothing is tried");
    app.advance(6);
    // For the profile they are over. The quota goes by a clock that no test moves, and refuses without asking GHL.
    assert!(app.profile(SHOWCASE).await["notes"].is_null());
    assert!(refused());
    assert_eq!(app.calls("ghl.notes"), 1);
}

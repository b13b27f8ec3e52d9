//! GHL's quota over real HTTP: its limits are learned from its answers and never run into, by its own count.

use crate::support::{LOCATION, SHOWCASE, TOKEN, TestApp, settings};
use futures_util::future::join_all;
use ghl_enrich::{
    app::AppParts,
    domain::ids::{ContactId, LocationId},
    upstream::{CallContext, Lane},
};
use ghl_sandbox::{Fault, FaultAction, QuotaProfile, QuotaWindow, Sandbox, SandboxConfig};
use std::time::Duration;
use tokio::time::Instant;

/// 20 times GHL's pace, so that windows pass while a test runs.
const WINDOW: Duration = Duration::from_millis(500);

/// A trial location's.
const LIMIT: u32 = 25;

const CALLS: u32 = 200;

#[actix_web::test]
async fn smaller_limits_than_configured_are_learned_and_kept() {
    for quota_window in [QuotaWindow::Fixed, QuotaWindow::Sliding] {
        let quota = QuotaProfile::Custom { burst: LIMIT, daily: 10_000 };
        let config = SandboxConfig { quota, quota_window, quota_interval: WINDOW, ..SandboxConfig::default() };
        let sandbox = Sandbox::start(config).await.expect("starts");
        let settings = settings(&[
            ("ghl.base_url", sandbox.base_url()),
            ("ghl.location_id", LOCATION.to_owned()),
            ("ghl.token", TOKEN.to_owned()),
        ]);
        let parts = AppParts::build(&settings, None).expect("is wired");
        let (location, contact) = (LocationId::parse(LOCATION).unwrap(), ContactId::parse(SHOWCASE).unwrap());
        let started = Instant::now();
        let reads = (0..CALLS).map(|number| {
            // One in ten is somebody who waits.
            let lane = if number % 10 == 0 { Lane::Interactive } else { Lane::Operation };
            let context = CallContext::new(lane, Duration::from_secs(60));
            let (ghl, location, contact) = (&parts.ghl, &location, &contact);
            async move { ghl.contact(location, contact, &context).await }
        });
        let failed: Vec<_> = join_all(reads).await.into_iter().filter_map(Result::err).collect();
        let took = started.elapsed();
        assert!(failed.is_empty(), "{quota_window:?}: {failed:?}");
        let calls = sandbox.calls();
        assert_eq!((calls.rate_limited(), calls.count("ghl.contact")), (0, u64::from(CALLS)), "{quota_window:?}");
        let report = parts.ghl.quota(&location).expect("is governed");
        assert!(report.learned, "{report:?}");
        assert_eq!((report.burst.limit, report.burst.window_ms), (u64::from(LIMIT), 500));
        assert_eq!((report.day.limit, report.day.used), (10_000, u64::from(CALLS)), "{quota_window:?}");
        // Eight windows' worth: seven must pass, and a machine that is busy may let some more pass.
        assert!(took >= WINDOW * 6 && took < WINDOW * 16, "{quota_window:?}: {took:?}");
        sandbox.stop().await;
    }
}

#[actix_web::test]
async fn after_a_429_the_caller_is_told_the_wait_and_ghl_is_spared() {
    // Whoever had longer than the window would wait for it.
    let app = TestApp::with(&[("http.deadline_ms", "5000"), ("cache.error_hold_ms", "0")]).await;
    let body = r#"{"statusCode":429,"message":"Too Many Requests"}"#.into();
    let action = FaultAction::Status { status: 429, body, content_type: "application/json".into() };
    app.sandbox.inject(Fault { endpoint: "ghl.*".into(), contact: None, times: None, probability: 1.0, action });
    let path = format!("/v1/contacts/{SHOWCASE}/profile?include=");
    app.get(&path).await.assert_problem(503, "quota-exhausted");
    let asked = app.calls("ghl.*");
    for _ in 0..20 {
        app.get(&path).await.assert_problem(503, "quota-exhausted");
    }
    assert_eq!(app.calls("ghl.*"), asked, "the window is full, whoever asks");
    let report = app.parts.ghl.quota(&LocationId::parse(LOCATION).unwrap()).expect("is governed");
    assert_eq!((report.rate_limited, report.burst.left), (asked, 0));
}

#[actix_web::test]
async fn what_memory_answers_is_counted_as_saved() {
    let app = TestApp::start().await;
    let location = LocationId::parse(LOCATION).unwrap();
    let saved = || app.parts.ghl.quota(&location).expect("is governed").saved_by_cache;
    app.profile(SHOWCASE).await;
    assert_eq!(saved(), 0);
    app.profile(SHOWCASE).await;
    assert_eq!(saved(), 3, "contact, notes and tasks");
    app.get(&format!("/v1/contacts/{SHOWCASE}/profile?include=notes")).await;
    assert_eq!(saved(), 5, "the contact and its notes");
}

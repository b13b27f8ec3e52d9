//! What GHL's events do not tell: found by comparing, answered by shorter freshness, and over when it is over.

use crate::support::{LOCATION, SHOWCASE, TOKEN, TestApp, eventually, until};
use ghl_enrich::{
    domain::{
        ids::{ContactId, LocationId},
        profile::Section,
    },
    liveness::{Standing, WebhookReport},
    profiles::{ContactKey, TouchedBy},
};
use serde_json::{Value, json};
use std::time::Duration;

fn location() -> LocationId {
    LocationId::parse(LOCATION).unwrap()
}

/// An event comes in.
fn event(app: &TestApp) {
    app.parts.liveness.event(&location(), app.parts.clock.now());
}

fn report(app: &TestApp) -> WebhookReport {
    app.parts.liveness.report(&location(), app.parts.clock.now())
}

/// For how many seconds a section of a profile is fresh.
fn fresh_seconds(profile: &Value, section: &str) -> i64 {
    let at = |name: &str| profile["sections"][section][name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    at("expiresAt").duration_since(at("fetchedAt")).as_secs()
}

async fn eventually_report(app: &TestApp, what: &str, holds: impl Fn(&WebhookReport) -> bool) -> WebhookReport {
    until(what, Duration::from_secs(30), async || Some(report(app)).filter(|report| holds(report))).await
}

/// Somebody changes the contact at GHL, and no event tells.
async fn change_behind(app: &TestApp, number: u64) {
    let url = format!("{}/contacts/{SHOWCASE}", app.sandbox.base_url());
    let body = json!({ "city": format!("Elsewhere {number}") });
    let put = reqwest::Client::new().put(url).bearer_auth(TOKEN).header("version", "2021-07-28").json(&body);
    assert_eq!(put.send().await.unwrap().status(), 200);
}

async fn component(app: &TestApp) -> Value {
    let detail = app.admin.get("/readyz").await.json();
    detail["components"].as_array().unwrap().iter().find(|one| one["name"] == "drift").unwrap().clone()
}

#[actix_web::test]
async fn without_an_event_nothing_is_compared_and_freshness_is_as_ever() {
    let app = TestApp::with(&[("drift.max_calls_per_hour", "360000")]).await;
    assert_eq!(fresh_seconds(&app.profile(SHOWCASE).await, "contact"), 60);
    assert_eq!(component(&app).await["state"], "off");
    let explained = app.get(&format!("/v1/contacts/{SHOWCASE}/explain")).await.json();
    assert_eq!(explained["webhooks"]["standing"], "none");
    event(&app);
    app.profile(SHOWCASE).await;
    eventually_report(&app, "then it is compared", |report| report.checked >= 5).await;
    assert_eq!(report(&app).drifted, 0);
}

#[actix_web::test]
async fn drift_is_noticed_shortens_freshness_and_ends() {
    let app = TestApp::with(&[("drift.max_calls_per_hour", "36000"), ("drift.grace_seconds", "0")]).await;
    event(&app);
    let profile = app.profile(SHOWCASE).await;
    assert_eq!(fresh_seconds(&profile, "notes"), 900);
    assert_eq!(fresh_seconds(&profile, "ip"), 86_400);
    assert_eq!(component(&app).await["state"], "ok");

    for changes in 1.. {
        assert!(changes < 50, "freshness is never shortened");
        change_behind(&app, changes).await;
        let report =
            eventually_report(&app, "the change is noticed", |report| report.drifted >= changes || report.shortened)
                .await;
        if report.shortened {
            break;
        }
        let profile = app.profile(SHOWCASE).await;
        assert_eq!(profile["contact"]["city"], format!("Elsewhere {changes}"), "what was noticed is read anew");
    }
    until("what is held is limited", Duration::from_secs(10), async || {
        (fresh_seconds(&app.profile(SHOWCASE).await, "notes") == 15).then_some(())
    })
    .await;
    assert_eq!(component(&app).await["state"], "degraded");
    let explained = app.get(&format!("/v1/contacts/{SHOWCASE}/explain")).await.json();
    assert_eq!(explained["webhooks"]["shortened"], true);
    assert!(explained["webhooks"]["driftPercent"].as_u64() >= Some(5), "{explained}");
    let text = app.parts.metrics.render_text();
    assert!(text.contains("ghl_enrich_drift_comparisons_total{outcome=\"drifted\"}"), "{text}");

    eventually_report(&app, "it is over", |report| !report.shortened).await;
    let profile = app.get(&format!("/v1/contacts/{SHOWCASE}/profile?maxAge=0")).await.json();
    assert_eq!(fresh_seconds(&profile, "notes"), 900);
}

/// Waits until the contact was found to differ: until that is decided it is not compared again, while others are.
async fn doubted(app: &TestApp) {
    let others = || app.calls("ghl.notes") + app.calls("ghl.tasks");
    until("the contact is in doubt", Duration::from_secs(30), async || {
        let (contact, before) = (app.calls("ghl.contact"), others());
        // Each time it would be chosen as likely as either of them.
        eventually("others are compared", || others() >= before + 30).await;
        (app.calls("ghl.contact") == contact).then_some(())
    })
    .await;
}

#[actix_web::test]
async fn what_an_event_tells_in_time_is_no_drift_and_what_none_tells_is() {
    let app = TestApp::with(&[("drift.max_calls_per_hour", "360000"), ("drift.grace_seconds", "30")]).await;
    let key = ContactKey { location: location(), contact: ContactId::parse(SHOWCASE).unwrap() };
    for (told, drifted) in [(true, 0), (false, 1)] {
        event(&app);
        app.profile(SHOWCASE).await;
        change_behind(&app, drifted).await;
        doubted(&app).await;
        if told {
            app.parts.profiles.touch(&key, &[Section::Contact], TouchedBy::Flush);
        }
        assert_eq!(report(&app).drifted, 0, "its time is not up");
        app.advance(31);
        let checked = report(&app).checked;
        eventually_report(&app, "the doubt is settled", |report| report.checked > checked + 1).await;
        assert_eq!(report(&app).drifted, drifted, "told: {told}");
    }
}

#[actix_web::test]
async fn a_write_whose_echo_does_not_come_is_silence() {
    let app = TestApp::with(&[("drift.max_calls_per_hour", "0")]).await;
    event(&app);
    let profile = app.profile(SHOWCASE).await;
    // GHL tells nobody of a task that was edited.
    assert_eq!((fresh_seconds(&profile, "contact"), fresh_seconds(&profile, "tasks")), (900, 300));
    // The next event must not fall into the same millisecond as the write's begin.
    app.advance(1);
    let path = format!("/v1/contacts/{SHOWCASE}/notes");
    assert_eq!(app.client.post(&path, &json!({ "body": "Is anybody there?" })).await.status, 201);
    app.profile(SHOWCASE).await;
    let calls = app.calls("ghl.contact");
    assert_eq!(report(&app).standing, Standing::Live, "there is time yet");
    app.advance(301);
    assert_eq!(report(&app).standing, Standing::Silent);
    until("what is held is limited", Duration::from_secs(10), async || {
        app.profile(SHOWCASE).await;
        (app.calls("ghl.contact") > calls).then_some(())
    })
    .await;
    until("the contact is read anew", Duration::from_secs(10), async || {
        (fresh_seconds(&app.profile(SHOWCASE).await, "contact") == 60).then_some(())
    })
    .await;
    let told = component(&app).await;
    assert_eq!(told["state"], "degraded");
    assert!(told["detail"].as_str().unwrap().contains("silent"), "{told}");

    event(&app);
    assert_eq!(report(&app).standing, Standing::Live);
    let profile = app.get(&format!("/v1/contacts/{SHOWCASE}/profile?maxAge=0")).await.json();
    assert_eq!(fresh_seconds(&profile, "contact"), 900);
    assert_eq!(component(&app).await["state"], "ok");
}

//! The admin port: probes, metrics, flushing.

use crate::support::{SHOWCASE, TestApp};
use ghl_sandbox::{Fault, FaultAction};
use serde_json::json;

#[actix_web::test]
async fn probes_say_how_the_process_stands() {
    let app = TestApp::start().await;
    assert_eq!(app.admin.get("/livez").await.json(), json!({"state": "live"}));
    assert_eq!(app.admin.get("/startupz").await.status, 200);
    let ready = app.admin.get("/readyz").await.json();
    assert_eq!(ready["state"], "ready");
    let names: Vec<_> = ready["components"].as_array().unwrap().iter().map(|part| &part["name"]).collect();
    assert_eq!(names, ["ip.mmdb", "ip.api", "ip.embedded", "store", "webhooks", "drift"]);
    let states: Vec<_> = ready["components"].as_array().unwrap().iter().map(|part| &part["state"]).collect();
    assert_eq!(states, ["off", "ok", "ok", "ok", "ok", "off"]);
    assert_eq!(app.get("/readyz").await.json(), json!({"state": "ready"}), "no detail on the public port");
    assert_eq!(app.calls("*"), 0, "no probe calls an upstream");
}

#[actix_web::test]
async fn a_failing_upstream_shows_in_the_detail_and_leaves_the_service_ready() {
    let app = TestApp::start().await;
    app.sandbox.inject(Fault::new("ghl.*", FaultAction::Reset));
    app.sandbox.inject(Fault::new("ipinfo.*", FaultAction::Html502));
    let reply = app.get("/v1/ips/58.111.106.198").await;
    assert_eq!(
        reply.json()["provider"],
        json!({"backend": "embedded", "plan": null, "precision": "country",
        "databaseBuiltAt": reply.json()["provider"]["databaseBuiltAt"], "degraded": true})
    );
    assert_eq!(app.get("/readyz").await.status, 200);
    let detail = app.admin.get("/readyz").await;
    assert_eq!((detail.status, &detail.json()["components"][1]["state"]), (200, &"degraded".into()), "{detail:?}");
}

#[actix_web::test]
async fn metrics_have_their_names_and_nobodys_data() {
    let app = TestApp::start().await;
    app.profile(SHOWCASE).await;
    app.profile(SHOWCASE).await;
    app.get("/v1/contacts?query=Olivia").await;
    app.get("/v1/contacts/noSuchContact0000001/profile").await;
    let text = app.admin.get("/metrics").await.text();
    for name in [
        "ghl_enrich_http_requests_total{method=\"GET\",route=\"/v1/contacts/{contactId}/profile\",status=\"2xx\"} 2",
        "ghl_enrich_http_requests_total{method=\"GET\",route=\"/v1/contacts/{contactId}/profile\",status=\"4xx\"} 1",
        "ghl_enrich_http_request_seconds_bucket",
        "ghl_enrich_upstream_calls_total",
        "ghl_enrich_upstream_call_seconds_bucket",
        "ghl_enrich_profile_results_total{result=\"miss\"} 1",
        "ghl_enrich_profile_results_total{result=\"hit\"} 1",
        "ghl_enrich_profile_results_total{result=\"stale\"} 0",
        "ghl_enrich_build_info{version=",
        "ghl_enrich_section_loads_total{section=\"notes\",outcome=\"ok\"} 1",
        "ghl_enrich_ip_lookups_total",
        "ghl_enrich_mmdb_build_timestamp_seconds 0",
    ] {
        assert!(text.contains(name), "{name} in {text}");
    }
    for private in ["Olivia", "olivia", SHOWCASE, "noSuchContact", "58.111", "sandboxipinfo1", "pit-0000", "query"] {
        assert!(!text.contains(private), "{private} in {text}");
    }
    let open = app.admin.with("accept", "application/openmetrics-text; version=1.0.0").get("/metrics").await;
    assert!(
        open.header("content-type").unwrap().starts_with("application/openmetrics-text")
            && open.text().ends_with("# EOF\n")
    );
}

#[actix_web::test]
async fn a_flush_forgets_and_only_its_own_machine_may_order_it() {
    let app = TestApp::start().await;
    app.profile(SHOWCASE).await;
    for (name, value) in [("origin", "https://evil.example"), ("x-forwarded-for", "8.8.8.8"), ("host", "evil.example")]
    {
        let reply = app.admin.with(name, value).send("POST", "/admin/cache/flush", None).await;
        reply.assert_problem(403, "forbidden");
    }
    app.admin.get("/admin/cache/flush").await.assert_problem(405, "method-not-allowed");
    app.client.send("POST", "/admin/cache/flush", None).await.assert_problem(404, "not-found");
    app.profile(SHOWCASE).await;
    assert_eq!(app.calls("ghl.contact"), 1);
    let flushed = app.admin.send("POST", "/admin/cache/flush", None).await;
    assert_eq!((flushed.status, flushed.json()), (200, json!({"entries": 2})), "the profile, and the address's answer");
    app.profile(SHOWCASE).await;
    assert_eq!((app.calls("ghl.contact"), app.calls("ipinfo.*")), (2, 2));
}

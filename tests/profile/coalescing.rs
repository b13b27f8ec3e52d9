//! However many ask, GHL is asked once.

use crate::support::{SHOWCASE, TestApp, eventually};
use futures_util::future::join_all;
use ghl_sandbox::{Fault, FaultAction};
use std::time::Duration;

fn latency(endpoint: &str, ms: u64) -> Fault {
    Fault {
        endpoint: endpoint.to_owned(),
        contact: None,
        times: None,
        probability: 1.0,
        action: FaultAction::Latency(Duration::from_millis(ms)),
    }
}

fn assert_one_call_each(app: &TestApp) {
    for endpoint in ["ghl.contact", "ghl.notes", "ghl.tasks", "ipinfo.*"] {
        assert_eq!(app.calls(endpoint), 1, "{endpoint}");
    }
}

#[actix_web::test]
async fn a_thousand_cold_requests_cost_one_call_a_section() {
    let app = TestApp::start().await;
    app.sandbox.inject(latency("ghl.*", 200));
    let path = format!("/v1/contacts/{SHOWCASE}/profile");
    let replies = join_all((0..1000).map(|_| app.get(&path))).await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    let collapsed = replies.iter().filter(|reply| reply.header("cache-status").unwrap().contains("collapsed")).count();
    assert!(collapsed > 0, "those who joined are told");
    assert_one_call_each(&app);
}

#[actix_web::test]
async fn the_load_survives_the_first_500_hanging_up() {
    let app = TestApp::start().await;
    app.sandbox.inject(latency("ghl.*", 400));
    let path = format!("/v1/contacts/{SHOWCASE}/profile");
    let early = join_all((0..500).map(|_| app.client.open("GET", &path, None))).await;
    eventually("the load has begun", || app.calls("ghl.contact") == 1).await;
    for stream in &early {
        // A reset, which drops the handler's future midway, rather than a polite end.
        stream.set_zero_linger().expect("a socket option");
    }
    drop(early);
    let replies = join_all((0..500).map(|_| app.get(&path))).await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    assert_one_call_each(&app);
}

#[actix_web::test]
async fn a_wider_request_joins_the_narrower_one() {
    let app = TestApp::start().await;
    app.sandbox.inject(latency("ghl.*", 200));
    let narrow = format!("/v1/contacts/{SHOWCASE}/profile?include=notes");
    let wide = format!("/v1/contacts/{SHOWCASE}/profile?include=notes,tasks,appointments,ip");
    let (first, second) = tokio::join!(app.get(&narrow), app.get(&wide));
    assert_eq!((first.status, second.status), (200, 200));
    assert_one_call_each(&app);
    assert_eq!(app.calls("ghl.appointments"), 1);
}

#[actix_web::test]
async fn look_ups_of_one_page_travel_together() {
    let app = TestApp::start().await;
    let ids = app.sandbox.contact_ids(crate::support::LOCATION);
    let body = serde_json::json!({"contactIds": ids[..100], "include": ["ip"]});
    let reply = app.client.post("/v1/profiles/batch", &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(app.calls("ghl.contact"), 100);
    let calls = app.calls("ipinfo.*");
    assert!(calls <= 40, "100 look-ups made {calls} calls");
}

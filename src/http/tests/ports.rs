//! Probes, metrics and administration; the life of a process; both ports over real sockets.

use super::{CONTACT, Setup, get, post};
use crate::{
    http::{Phase, Servers},
    settings::{AccessLog, Role},
    telemetry::logs::capture,
};
use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

#[actix_web::test]
async fn readiness_follows_the_phase_and_liveness_does_not() {
    for (phase, ready, started) in [
        (Phase::Starting, 503, 503),
        (Phase::Ready, 200, 200),
        (Phase::Draining, 503, 200),
        (Phase::Stopping, 503, 200),
    ] {
        let setup = Setup { lifecycle: crate::http::Lifecycle::new(), ..Setup::new() };
        setup.lifecycle.set(phase);
        assert_eq!(setup.get("/livez").await.status, 200);
        let readiness = setup.get("/readyz").await;
        assert_eq!(readiness.status.as_u16(), ready, "{phase:?}");
        assert_eq!(readiness.json(), serde_json::json!({"state": phase.as_str()}), "no detail on the public port");
        let detail = setup.admin(get().uri("/readyz")).await;
        assert_eq!((detail.status.as_u16(), &detail.json()["components"][0]["state"]), (ready, &"degraded".into()));
        assert_eq!(setup.admin(get().uri("/startupz")).await.status.as_u16(), started, "{phase:?}");
    }
}

#[actix_web::test]
async fn once_stopping_nothing_new_is_taken() {
    let setup = Setup::new();
    setup.lifecycle.set(Phase::Draining);
    assert_eq!(setup.get(&format!("/v1/contacts/{CONTACT}/profile")).await.status, 200);
    setup.lifecycle.set(Phase::Stopping);
    for path in [format!("/v1/contacts/{CONTACT}/profile"), "/v1/contacts/readyz".to_owned()] {
        assert_eq!(setup.get(&path).await.problem(), "shutting-down", "{path}");
    }
}

#[actix_web::test]
async fn requests_are_counted_by_route() {
    let setup = Setup::new();
    setup.get(&format!("/v1/contacts/{CONTACT}/profile")).await;
    setup.get("/nowhere").await;
    let open = get().uri("/metrics").insert_header(("accept", "application/openmetrics-text; version=1.0.0"));
    let open = setup.admin(open).await;
    assert!(open.header("content-type").starts_with("application/openmetrics-text"));
    let text = setup.admin(get().uri("/metrics")).await;
    assert_eq!(text.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let text = String::from_utf8(text.body.to_vec()).unwrap();
    for line in [
        r#"ghl_enrich_http_requests_total{method="GET",route="/v1/contacts/{contactId}/profile",status="2xx"} 1"#,
        r#"ghl_enrich_http_requests_total{method="other",route="unmatched",status="4xx"} 1"#,
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains(CONTACT));
}

#[actix_web::test]
async fn only_a_loopback_peer_or_an_admin_key_changes_things() {
    let setup = Setup::new().with_key("admin", &[Role::Admin], None).with_key("reader", &[Role::Read], None);
    let flush = |peer: &str| post().uri("/admin/cache/flush").peer_addr(peer.parse::<SocketAddr>().unwrap());
    let here = setup.admin(flush("127.0.0.1:5000")).await;
    assert_eq!((here.status.as_u16(), &here.json()["entries"]), (200, &7.into()));
    assert_eq!(setup.admin(flush("10.0.0.9:5000")).await.problem(), "unauthenticated");
    let key = |name: &'static str| ("x-api-key", name);
    assert_eq!(setup.admin(flush("10.0.0.9:5000").insert_header(key("admin"))).await.status, 200);
    assert_eq!(setup.admin(flush("10.0.0.9:5000").insert_header(key("reader"))).await.problem(), "forbidden");
    for passed_on in [("x-forwarded-for", "9.9.9.9"), ("origin", "https://evil.example"), ("host", "evil.example")] {
        assert_eq!(setup.admin(flush("127.0.0.1:5000").insert_header(passed_on)).await.problem(), "unauthenticated");
    }
    let keyless = Setup::new();
    assert_eq!(keyless.admin(flush("10.0.0.9:5000")).await.problem(), "forbidden");
    assert_eq!(keyless.admin(get().uri("/admin/cache/flush")).await.problem(), "method-not-allowed");
    assert_eq!(keyless.get("/admin/cache/flush").await.problem(), "not-found", "it is not on the public port");
    assert_eq!(keyless.admin(post().uri("/v1/contacts")).await.problem(), "not-found", "nor the API on this one");
}

#[actix_web::test]
async fn the_log_names_the_route_and_the_key_and_nobody() {
    let log = capture();
    let setup = Setup::new().with_key("dashboard", &[Role::Read], None);
    let setup = setup.with(|settings| settings.telemetry.access_log = AccessLog::All);
    let guard = tracing::subscriber::set_default(log.subscriber("info").unwrap());
    let request = get().uri(&format!("/v1/contacts/{CONTACT}/profile?ip=8.8.8.8"));
    setup.ask(request.insert_header(("x-api-key", "dashboard")).insert_header(("x-request-id", "id-1"))).await;
    drop(guard);
    let text = log.text();
    for wanted in ["/v1/contacts/{contactId}/profile", "dashboard", "id-1", "\"cache\":\"miss\"", "\"http.status\":200"]
    {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    for secret in [CONTACT, "8.8.8.8"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

/// One exchange over a connection that is kept; the head and body of the answer.
fn exchange(stream: &mut TcpStream, path: &str) -> String {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        answer.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&answer).into_owned();
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            length.is_some_and(|length| body.len() >= length)
        });
        if whole || read == 0 {
            return text;
        }
    }
}

#[actix_web::test]
async fn both_ports_serve_drain_and_stop() {
    let setup = Setup::new().with(|settings| {
        settings.http.bind = "127.0.0.1:0".parse().unwrap();
        settings.http.admin_bind = "127.0.0.1:0".parse().unwrap();
        settings.http.workers = 1;
    });
    let servers = Servers::bind(&setup.settings, setup.parts()).unwrap();
    let (public, admin) = (servers.public_addresses()[0], servers.admin_addresses()[0]);
    let handle = servers.handle();
    let serving = actix_web::rt::spawn(servers.run());
    let lifecycle = setup.lifecycle.clone();
    let client = std::thread::spawn(move || {
        let path = format!("/v1/contacts/{CONTACT}/profile");
        let mut stream = TcpStream::connect(public).unwrap();
        let kept = exchange(&mut stream, &path);
        let panicked = exchange(&mut TcpStream::connect(public).unwrap(), "/v1/contacts/panics/profile");
        lifecycle.set(Phase::Draining);
        let last = exchange(&mut stream, &path);
        let end = stream.read(&mut [0; 1]).unwrap();
        let readiness = exchange(&mut TcpStream::connect(admin).unwrap(), "/readyz");
        (kept, panicked, last, end, readiness)
    });
    let (kept, panicked, last, end, readiness) = actix_web::web::block(move || client.join()).await.unwrap().unwrap();
    assert!(kept.starts_with("HTTP/1.1 200") && !kept.to_lowercase().contains("connection: close"), "{kept}");
    assert!(panicked.starts_with("HTTP/1.1 500") && panicked.contains("/problems/internal"), "{panicked}");
    assert!(last.starts_with("HTTP/1.1 200") && last.to_lowercase().contains("connection: close"), "{last}");
    assert_eq!(end, 0, "the connection was closed");
    assert!(readiness.starts_with("HTTP/1.1 503") && readiness.contains("draining"), "{readiness}");
    handle.stop().await;
    serving.await.unwrap().unwrap();
}

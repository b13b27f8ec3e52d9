//! Which pages may read answers.

use crate::support::{Reply, SHOWCASE, TestApp, key};

const PAGE: &str = "https://app.example";

fn profile() -> String {
    format!("/v1/contacts/{SHOWCASE}/profile")
}

async fn open_to_the_page() -> TestApp {
    let keys = format!("[{}]", key("dashboard", "one", &["read"], &[]));
    TestApp::with(&[("http.cors_origins", r#"["https://app.example"]"#), ("auth.keys", &keys)]).await
}

fn assert_no_cors(reply: &Reply) {
    let headers: Vec<_> = reply.headers.iter().filter(|(name, _)| name.starts_with("access-control-")).collect();
    assert!(headers.is_empty(), "{reply:?}");
}

#[actix_web::test]
async fn a_listed_page_may_read_answers_and_their_headers() {
    let app = open_to_the_page().await;
    let page = app.client.with("origin", PAGE).with("x-api-key", "one");
    let reply = page.get(&profile()).await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, Some(PAGE)));
    let exposed = reply.header_list("access-control-expose-headers");
    for name in ["etag", "cache-status", "server-timing", "x-request-id", "retry-after", "age"] {
        assert!(exposed.contains(name), "{exposed}");
    }
    assert!(reply.header_list("vary").contains("origin") && reply.header_list("vary").contains("accept-encoding"));
    assert_eq!(reply.header("access-control-allow-credentials"), None, "keys travel in a header, never in a cookie");
}

#[actix_web::test]
async fn a_listed_page_may_read_problems_too() {
    let app = open_to_the_page().await;
    let page = app.client.with("origin", PAGE);
    for (reply, status) in
        [(page.get(&profile()).await, 401), (page.with("x-api-key", "one").get("/nowhere").await, 404)]
    {
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (status, Some(PAGE)), "{reply:?}");
        assert!(reply.header_list("access-control-expose-headers").contains("x-request-id"));
    }
}

#[actix_web::test]
async fn other_pages_get_no_cors_headers() {
    let app = open_to_the_page().await;
    for origin in ["https://evil.example", "https://app.example.evil.example", "http://app.example", "null"] {
        let reply = app.client.with("origin", origin).with("x-api-key", "one").get(&profile()).await;
        assert_no_cors(&reply);
        assert!(reply.header_list("vary").contains("origin"), "{reply:?}");
    }
    let closed = TestApp::start().await;
    assert_no_cors(&closed.client.with("origin", PAGE).get(&profile()).await);
}

#[actix_web::test]
async fn a_preflight_needs_no_key_and_names_what_is_allowed() {
    let app = open_to_the_page().await;
    let asking = |origin: &str, method: &str, headers: &str| {
        let client = app.client.with("origin", origin).with("access-control-request-method", method);
        client.with("access-control-request-headers", headers)
    };
    let reply = asking(PAGE, "GET", "x-api-key, if-none-match, traceparent").send("OPTIONS", &profile(), None).await;
    assert!([200, 204].contains(&reply.status), "{reply:?}");
    assert_eq!(reply.header("access-control-allow-origin"), Some(PAGE));
    assert!(reply.header_list("access-control-allow-methods").contains("get"));
    let allowed = reply.header_list("access-control-allow-headers");
    assert!(allowed.contains("x-api-key") && allowed.contains("if-none-match"), "{allowed}");
    assert_eq!(reply.header("access-control-max-age"), Some("600"));
    for refused in [
        asking("https://evil.example", "GET", "x-api-key"),
        asking(PAGE, "GET", "x-anything"),
        asking(PAGE, "TRACE", "x-api-key"),
    ] {
        let reply = refused.send("OPTIONS", &profile(), None).await;
        assert_eq!(reply.status, 403, "{reply:?}");
        assert_eq!(reply.header("access-control-allow-methods"), None);
    }
    assert_eq!(app.calls("*"), 0);
}

#[actix_web::test]
async fn any_page_may_read_where_the_settings_say_so() {
    let app = TestApp::with(&[("http.cors_origins", r#"["*"]"#)]).await;
    let reply = app.client.with("origin", "https://anyone.example").get(&profile()).await;
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
}

//! The OpenAPI document, Swagger UI, and the credits.

use crate::support::TestApp;
use std::{fs, path::Path};

#[actix_web::test]
async fn the_document_is_the_one_in_the_repository() {
    let app = TestApp::start().await;
    let reply = app.get("/openapi.json").await;
    let served = reply.json();
    assert!(served["openapi"].as_str().unwrap().starts_with("3.1."), "{}", served["openapi"]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/openapi.json");
    let kept: serde_json::Value =
        fs::read_to_string(path).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    assert!(
        served == kept,
        "openapi/openapi.json is not what is served; run `cargo run -- openapi --output openapi/openapi.json`"
    );
    let again = app.client.with("if-none-match", reply.header("etag").unwrap()).get("/openapi.json").await;
    assert_eq!(again.status, 304);
}

#[actix_web::test]
async fn swagger_ui_comes_from_here_alone_under_a_strict_policy() {
    let app = TestApp::start().await;
    for path in ["/", "/docs"] {
        let reply = app.get(path).await;
        assert_eq!((reply.status, reply.header("location")), (303, Some("/docs/")), "{path}");
    }
    let page = app.get("/docs/").await;
    assert!(page.header("content-type").unwrap().starts_with("text/html"), "{page:?}");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self';"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("http"), "{policy}");
    let html = page.text();
    assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("<script>"), "{html}");
    let mut assets = 0;
    for attribute in ["src=\"", "href=\""] {
        for asset in html.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()) {
            let reply = app.get(&format!("/docs/{}", asset.trim_start_matches("./"))).await;
            assert_eq!(reply.status, 200, "{asset}");
            assert!(reply.header("content-security-policy").is_some(), "{asset}");
            assets += 1;
        }
    }
    assert!(assets >= 5, "{html}");
    let script = app.get("/docs/swagger-initializer.js").await.text();
    assert!(script.contains("../openapi.json") && !script.contains("petstore"), "{script}");
    app.get("/docs/../Cargo.toml").await.assert_problem(404, "not-found");
    app.get("/docs/nothing.js").await.assert_problem(404, "not-found");
}

#[actix_web::test]
async fn the_credits_follow_the_sources_in_use() {
    let with_api = TestApp::start().await.get("/v1/attribution").await.json();
    let sources = |credits: &serde_json::Value| -> Vec<String> {
        let items = credits["items"].as_array().unwrap();
        items.iter().map(|item| item["source"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(sources(&with_api), ["IPinfo", "Number Resource Organization"]);
    for item in with_api["items"].as_array().unwrap() {
        assert!(item["text"].is_string() && item["licence"].is_string() && item["url"].is_string(), "{item}");
    }
    let embedded = TestApp::with(&[("ipinfo.token", "")]).await.get("/v1/attribution").await.json();
    assert_eq!(sources(&embedded), ["Number Resource Organization"]);
}

//! Tokens for browsers: what they open, what they do not, and how they end.

mod bounds;
mod rotation;

use crate::support::{Client, LOCATION, TestApp, key};
use serde_json::Value;

/// A location that the sandbox has and the service has no token for.
const ELSEWHERE: &str = "sandboxLocation00002";
const SIGNING: &str = "a-key-that-signs-browsers-tokens-01";

/// A service with keys that may make tokens everywhere, in one location, and not at all.
async fn guarded() -> TestApp {
    with(&[("auth.token_key", SIGNING)]).await
}

async fn with(changes: &[(&str, &str)]) -> TestApp {
    let keys = [
        key("backend", "all", &["admin"], &[]),
        key("tenant", "one", &["admin", "read"], &[LOCATION]),
        key("reader", "read", &["read", "write"], &[]),
    ];
    let keys = format!("[{}]", keys.join(", "));
    let changes: Vec<_> = changes.iter().copied().chain([("auth.keys", keys.as_str())]).collect();
    TestApp::with(&changes).await
}

fn bearer(app: &TestApp, secret: &str) -> Client {
    app.client.with("authorization", &format!("Bearer {secret}"))
}

/// The token that the key `backend` makes of a body.
async fn made(app: &TestApp, body: &Value) -> String {
    let reply = bearer(app, "all").post("/v1/tokens", body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    reply.json()["token"].as_str().expect("a token").to_owned()
}

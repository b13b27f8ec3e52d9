//! Connecting by OAuth, as a browser does it, and what becomes of the tokens.

mod agency;
mod connecting;
mod keys;
mod kills;
mod renewing;

use crate::support::{Client, Reply, TestApp};
use ghl_sandbox::tokens;

/// 32 bytes.
pub const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// What a service needs to connect with the sandbox's app, and no private token.
pub const APP: [(&str, &str); 6] = [
    ("oauth.client_id", tokens::OAUTH_CLIENT_ID),
    ("oauth.client_secret", tokens::OAUTH_CLIENT_SECRET),
    ("oauth.redirect_url", "http://127.0.0.1:1/oauth/callback"),
    ("store.encryption_key", KEY),
    ("ghl.token", ""),
    ("ghl.burst_limit", "1000000"),
];

/// A service with the app, and some settings changed.
pub async fn service(changes: &[(&str, &str)]) -> TestApp {
    let all: Vec<_> = APP.into_iter().chain(changes.iter().copied()).collect();
    TestApp::with(&all).await
}

/// A browser on its way: where it is sent, and what it keeps.
pub struct Trip {
    /// GHL's page, without its host.
    pub consent: String,
    pub cookie: String,
}

/// Begins to connect.
pub async fn begin(client: &Client, path: &str) -> Trip {
    let reply = client.get(path).await;
    assert_eq!(reply.status, 302, "{reply:?}");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let url = reply.header("location").expect("a redirect");
    let query = url.split_once('?').expect("a query").1;
    let cookie = reply.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie");
    Trip { consent: format!("/oauth/chooselocation?{query}"), cookie: cookie.to_owned() }
}

/// Consents on GHL's page; answers the query of the way back.
pub async fn consent(ghl: &Client, trip: &Trip, more: &str) -> String {
    let reply = ghl.get(&format!("{}{more}", trip.consent)).await;
    assert_eq!(reply.status, 302, "{reply:?}");
    reply.header("location").and_then(|url| url.split_once('?')).expect("a query").1.to_owned()
}

/// Connects as a browser does, consenting as the sandbox is told to.
pub async fn connect(client: &Client, ghl: &Client, more: &str) -> Reply {
    let trip = begin(client, "/oauth/install").await;
    let query = consent(ghl, &trip, more).await;
    client.with("cookie", &trip.cookie).get(&format!("/oauth/callback?{query}")).await
}

/// A client of the sandbox.
pub fn ghl(app: &TestApp) -> Client {
    Client::new(app.sandbox.addr())
}

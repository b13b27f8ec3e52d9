//! The authorize page, and codes for tokens.

use std::time::Duration;

use ghl_sandbox::{Consent, Fault, FaultAction, Sandbox, tokens};
use serde_json::{Value, json};

use super::support::{Answer, Client, HERE, OLIVIA, start};

pub(crate) const BACK: &str = "https://app.example/oauth/callback";
const SCOPE: &str = "contacts.readonly contacts.write";

/// The authorize page's answer to a good request with more in its query.
pub(crate) async fn authorize(client: &Client, more: &str) -> Answer {
    let query = format!("response_type=code&client_id={}&redirect_uri={BACK}", tokens::OAUTH_CLIENT_ID);
    let scope = "scope=contacts.readonly%20contacts.write%20oauth.readonly+oauth.write";
    client.token(None).version(None).get(&format!("/oauth/chooselocation?{query}&{scope}{more}")).await
}

/// The code of a redirect.
#[track_caller]
pub(crate) fn code_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 302, "{}", answer.text);
    let query =
        answer.header("location").strip_prefix(BACK).and_then(|rest| rest.strip_prefix("?code=")).expect("a code");
    query.split('&').next().expect("a code").to_owned()
}

pub(crate) async fn exchange(client: &Client, code: &str) -> Answer {
    token(client, &[("grant_type", "authorization_code"), ("code", code), ("redirect_uri", BACK)]).await
}

pub(crate) async fn refresh(client: &Client, token_: &str) -> Answer {
    token(client, &[("grant_type", "refresh_token"), ("refresh_token", token_), ("user_type", "Location")]).await
}

/// The token endpoint, with the right client.
async fn token(client: &Client, fields: &[(&str, &str)]) -> Answer {
    let who = [("client_id", tokens::OAUTH_CLIENT_ID), ("client_secret", tokens::OAUTH_CLIENT_SECRET)];
    client.version(None).form("/oauth/token", &[&who[..], fields].concat()).await
}

pub(crate) fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_else(|| panic!("{name} in {body}"))
}

#[tokio::test]
async fn consent_redirects_with_a_code_that_gives_a_pair_once() {
    let client = start().await;
    let answer = authorize(&client, "&state=a%20b%26c%3D1&loginWindowOpenMode=self").await;
    assert!(answer.header("location").ends_with("&state=a%20b%26c%3D1"), "{}", answer.header("location"));
    let code = code_of(&answer);
    let body = exchange(&client, &code).await.expect(200);
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(86_399)));
    assert_eq!((&body["userType"], &body["locationId"]), (&json!("Location"), &json!(HERE)));
    assert_eq!((&body["companyId"], &body["isBulkInstallation"]), (&json!(tokens::COMPANY), &json!(false)));
    assert_eq!(body["scope"], "contacts.readonly contacts.write oauth.readonly oauth.write");
    let access = text(&body, "access_token");
    assert_eq!(access.split('.').count(), 3);
    client.token(Some(access)).get(&format!("/contacts/{OLIVIA}")).await.expect(200);
    let scope = client.token(Some(access)).get(&format!("/locations/{HERE}/tags")).await.message(401);
    assert_eq!(scope, "The token is not authorized for this scope.");
    let again = exchange(&client, &code).await.expect(401);
    assert_eq!(again, json!({"error": "UnAuthorized!", "error_description": "Authorization code not found"}));
    let calls = client.sandbox.calls();
    assert_eq!((calls.count("oauth.authorize"), calls.count("oauth.token"), calls.count("oauth.*")), (1, 2, 3));
}

#[tokio::test]
async fn a_wrong_authorize_request_is_told_so_and_never_redirected() {
    let client = start().await.token(None).version(None);
    let good = [
        ("response_type", "code"),
        ("client_id", tokens::OAUTH_CLIENT_ID),
        ("redirect_uri", BACK),
        ("scope", SCOPE),
        ("state", "s"),
    ];
    let ask = async |path: &str, wrong: &[(&str, &str)]| {
        let value = |name: &str, usual| wrong.iter().find(|(key, _)| *key == name).map_or(usual, |(_, value)| *value);
        let query: Vec<String> = good.iter().map(|(name, usual)| format!("{name}={}", value(name, usual))).collect();
        client.get(&format!("{path}?{}", query.join("&"))).await
    };
    code_of(&ask("/v2/oauth/chooselocation", &[]).await);
    let wrong = [
        ("response_type", "token"),
        ("client_id", "somebody-else"),
        ("redirect_uri", ""),
        ("redirect_uri", "/oauth/callback"),
        ("redirect_uri", "https://app.example/%0d%0aset-cookie:x"),
        ("scope", "%20"),
    ];
    for (name, value) in wrong {
        let answer = ask("/oauth/chooselocation", &[(name, value)]).await;
        assert_eq!((answer.status, answer.header("location")), (400, ""), "{name}={value}");
        assert!(text(&answer.body, "error_description").contains(name), "{}", answer.text);
    }
    client.get("/oauth/chooselocation").await.expect(400);
    assert_eq!(client.sandbox.oauth_counts().codes, 1);
}

#[tokio::test]
async fn consent_is_for_whom_one_says() {
    let client = start().await;
    let free = client.token(None).version(None);
    let whose = async |more: &str| exchange(&client, &code_of(&authorize(&client, more).await)).await.expect(200);
    assert_eq!(whose("&sandbox_consent=sandboxLocation00002").await["locationId"], tokens::LOCATION_2);
    free.post("/__sandbox/oauth", json!({"consent": "company"})).await.expect(200);
    let company = whose("").await;
    assert_eq!((&company["userType"], &company["locationId"]), (&json!("Company"), &Value::Null));
    assert_eq!(company["approvedLocations"], json!([tokens::LOCATION_1, tokens::LOCATION_2]));
    assert_eq!((&company["isBulkInstallation"], &company["approveAllLocations"]), (&json!(true), &json!(true)));
    client.sandbox.set_consent(Consent::Deny);
    let denied = authorize(&client, "&state=x").await;
    assert_eq!(denied.status, 302);
    assert!(denied.header("location").starts_with(&format!("{BACK}?error=access_denied&")));
    assert!(denied.header("location").ends_with("&state=x"));
    authorize(&client, "&sandbox_consent=nobody").await.expect(400);
    free.post("/__sandbox/oauth", json!({"consent": "nobody"})).await.expect(400);
    free.post("/__sandbox/oauth", json!({"consnet": "company"})).await.expect(400);
}

#[tokio::test]
async fn a_code_is_bound_to_client_redirect_and_ten_minutes() {
    let client = start().await;
    let code = code_of(&authorize(&client, "").await);
    let client_id = ("client_id", tokens::OAUTH_CLIENT_ID);
    let grant = [("grant_type", "authorization_code"), ("code", code.as_str())];
    let bad_secret = [&grant[..], &[client_id, ("client_secret", "guess")]].concat();
    let bad = client.version(None).form("/oauth/token", &bad_secret).await.expect(401);
    assert_eq!(bad["error_description"], "Authorization code not found", "a bad client is told what a bad code is");
    let elsewhere = [&grant[..], &[("redirect_uri", "https://evil.example/")]].concat();
    token(&client, &elsewhere).await.expect(401);
    exchange(&client, &code).await.expect(200);
    let late = code_of(&authorize(&client, "").await);
    client.sandbox.advance_clock(Duration::from_secs(600));
    exchange(&client, &late).await.expect(401);
}

#[tokio::test]
async fn each_version_has_its_spelling_in_and_out() {
    let client = start().await;
    let code = code_of(&authorize(&client, "").await);
    let body = json!({
        "clientId": tokens::OAUTH_CLIENT_ID, "clientSecret": tokens::OAUTH_CLIENT_SECRET, "code": code,
        "grantType": "authorization_code", "userType": "Location", "redirectUri": BACK,
    });
    let told = |answer: Answer| answer.expect(400)["message"].clone();
    let dated = client.version(Some("2021-07-28"));
    assert_eq!(told(dated.post("/oauth/token", body.clone()).await), "Missing parameter: grant_type");
    let pair = client.v3().post("/oauth/token", body).await.expect(200);
    assert_eq!((&pair["tokenType"], &pair["expiresIn"]), (&json!("Bearer"), &json!(86_399)));
    assert_eq!((&pair["access_token"], &pair["refresh_token"]), (&Value::Null, &Value::Null));
    let form = [
        ("clientId", tokens::OAUTH_CLIENT_ID),
        ("clientSecret", tokens::OAUTH_CLIENT_SECRET),
        ("grantType", "refresh_token"),
        ("refreshToken", text(&pair, "refreshToken")),
    ];
    let next = client.v3().form("/oauth/token", &form).await.expect(200);
    client.token(Some(text(&next, "accessToken"))).get(&format!("/contacts/{OLIVIA}")).await.expect(200);
    assert_eq!(told(client.v3().form("/oauth/token", &form[..3]).await), "Missing parameter: refreshToken");
    client.version(Some("bogus")).form("/oauth/token", &form).await.expect(400);
    let grant = async |grant: &str| client.v3().post("/oauth/token", json!({"grantType": grant})).await;
    assert_eq!(grant("client_credentials").await.expect(400)["error"], "unsupported_grant_type");
    assert_eq!(told(grant("password").await), "Invalid parameter: grantType");
    assert_eq!(client.sandbox.calls().count("oauth.token_refresh"), 3);
}

#[tokio::test]
async fn faults_strike_here_as_elsewhere_and_no_quota_is_spent() {
    let client = start().await;
    let sandbox: &Sandbox = &client.sandbox;
    sandbox.set_day_left(HERE, 0);
    sandbox.inject(Fault::new("oauth.token", FaultAction::Html502).times(1));
    let code = code_of(&authorize(&client, "").await);
    exchange(&client, &code).await.expect(502);
    sandbox.inject(Fault::new("oauth.*", FaultAction::TooManyRequests).contact(tokens::LOCATION_2).times(1));
    let pair = exchange(&client, &code).await.expect(200);
    sandbox.inject(Fault::new("oauth.token_refresh", FaultAction::TooManyRequests).contact(HERE).times(1));
    refresh(&client, text(&pair, "refresh_token")).await.expect(429);
    refresh(&client, text(&pair, "refresh_token")).await.expect(200);
    assert_eq!(sandbox.oauth_counts().pairs, 2);
}

//! Refresh tokens: once, with a grace, for a year.

use std::time::Duration;

use ghl_sandbox::{Fault, FaultAction, SandboxConfig, tokens};
use serde_json::json;

use super::oauth::{exchange, refresh, text};
use super::support::{Client, HERE, OLIVIA, start, with};

async fn status(client: &Client, access: &str) -> u16 {
    client.token(Some(access)).get(&format!("/contacts/{OLIVIA}")).await.status
}

#[tokio::test]
async fn a_refresh_token_works_once_and_for_thirty_seconds_gives_the_same_again() {
    let client = start().await;
    let first = client.sandbox.connect(HERE).expect("a location");
    let second = refresh(&client, &first.refresh).await.expect(200);
    client.sandbox.advance_clock(Duration::from_secs(29));
    let again = refresh(&client, &first.refresh).await.expect(200);
    for name in ["access_token", "refresh_token", "refreshTokenId"] {
        assert_eq!(second[name], again[name], "{name}");
    }
    assert_eq!(again["expires_in"], 86_370);
    client.sandbox.advance_clock(Duration::from_secs(1));
    let dead = refresh(&client, &first.refresh).await.expect(400);
    assert_eq!(dead["error"], "invalid_grant");
    let counts = client.sandbox.oauth_counts();
    assert_eq!((counts.pairs, counts.rotations, counts.repeats, counts.refused), (2, 1, 1, 1));
    assert_eq!(client.sandbox.calls().count("oauth.token_refresh"), 3);
    assert_eq!(status(&client, &first.access).await, 200, "the old access token lives to its own end");
    assert!(!client.sandbox.is_live(&first.refresh) && client.sandbox.is_live(text(&second, "refresh_token")));
}

#[tokio::test]
async fn refreshes_at_once_get_one_pair() {
    let client = start().await;
    let pair = client.sandbox.connect(HERE).expect("a location");
    let answers = futures_util::future::join_all((0..20).map(|_| refresh(&client, &pair.refresh))).await;
    let mut tokens: Vec<String> =
        answers.into_iter().map(|answer| text(&answer.expect(200), "access_token").to_owned()).collect();
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
    assert_eq!(client.sandbox.oauth_counts().rotations, 1);
}

#[tokio::test]
async fn an_answer_that_is_lost_has_rotated_all_the_same() {
    let client = start().await;
    let pair = client.sandbox.connect(HERE).expect("a location");
    client.sandbox.inject(Fault::new("oauth.token_refresh", FaultAction::AppliedButLost).times(1));
    let body = json!({
        "grant_type": "refresh_token", "refresh_token": pair.refresh, "client_id": tokens::OAUTH_CLIENT_ID,
        "client_secret": tokens::OAUTH_CLIENT_SECRET,
    });
    client.try_send("POST", "/oauth/token", Some(body)).await.expect_err("no answer");
    assert!(!client.sandbox.is_live(&pair.refresh));
    client.sandbox.advance_clock(Duration::from_secs(30));
    refresh(&client, &pair.refresh).await.expect(400);
    let path =
        json!({"clientKey": tokens::OAUTH_CLIENT_ID, "clientSecret": tokens::OAUTH_CLIENT_SECRET, "locationId": HERE});
    let code = client.post("/oauth/reconnect", path).await.expect(200);
    exchange(&client, text(&code, "authorizationCode")).await.expect(200);
}

#[tokio::test]
async fn tokens_end_by_the_sandboxs_clock() {
    let life = Duration::from_secs(60);
    let client = with(SandboxConfig { access_token_life: life, ..SandboxConfig::default() }).await;
    let pair = client.sandbox.connect(HERE).expect("a location");
    assert_eq!(status(&client, &pair.access).await, 200);
    client.sandbox.advance_clock(life);
    let ended = client.token(Some(&pair.access)).get(&format!("/contacts/{OLIVIA}")).await;
    assert_eq!(ended.message(401), "Invalid JWT");
    client.post("/__sandbox/oauth", json!({"accessTokenSeconds": 120})).await.expect(200);
    let next = refresh(&client, &pair.refresh).await.expect(200);
    assert_eq!(next["expires_in"], 119);
    client.sandbox.advance_clock(Duration::from_secs(365 * 86_400));
    refresh(&client, text(&next, "refresh_token")).await.expect(400);
    client.post("/__sandbox/oauth", json!({"accessTokenSeconds": 0})).await.expect(400);
}

#[tokio::test]
async fn a_refusal_looks_as_one_asks_for() {
    let client = start().await;
    client.post("/__sandbox/oauth", json!({"refreshRefusal": 401})).await.expect(200);
    assert_eq!(refresh(&client, "nonsense").await.expect(401)["error"], "invalid_grant");
    client.post("/__sandbox/oauth", json!({"refreshRefusal": 500})).await.expect(400);
    client.sandbox.set_refresh_refusal(400);
    let form = [
        ("clientId", tokens::OAUTH_CLIENT_ID),
        ("clientSecret", tokens::OAUTH_CLIENT_SECRET),
        ("grantType", "refresh_token"),
        ("refreshToken", "nonsense"),
    ];
    let told = client.v3().form("/oauth/token", &form).await.expect(400);
    assert_eq!(told, json!({"statusCode": 400, "message": "Invalid grant: refresh token is invalid"}));
    let pair = client.sandbox.connect(HERE).expect("a location");
    let stranger = [("grant_type", "refresh_token"), ("refresh_token", pair.refresh.as_str()), ("client_id", "x")];
    client.version(None).form("/oauth/token", &[&stranger[..], &[("client_secret", "y")]].concat()).await.expect(401);
    assert!(client.sandbox.is_live(&pair.refresh), "a stranger uses nothing up");
}

#[tokio::test]
async fn a_suspended_location_gets_no_tokens_and_loses_none() {
    let client = start().await;
    let pair = client.sandbox.connect(HERE).expect("a location");
    client.post("/__sandbox/oauth", json!({"suspend": HERE})).await.expect(200);
    assert_eq!(refresh(&client, &pair.refresh).await.message(400), "Location is not active");
    client.post("/__sandbox/oauth", json!({"resume": HERE})).await.expect(200);
    refresh(&client, &pair.refresh).await.expect(200);
}

#[tokio::test]
async fn a_reset_forgets_every_token_that_was_given_out() {
    let client = start().await;
    let pair = client.sandbox.connect(HERE).expect("a location");
    client.sandbox.reset();
    assert_eq!(status(&client, &pair.access).await, 401);
    refresh(&client, &pair.refresh).await.expect(400);
    assert!(!client.sandbox.is_installed(HERE));
    assert_eq!(status(&client, tokens::OAUTH_LOCATION_1).await, 200);
}

//! Version header, tokens, quota: what stands before every answer.

use std::time::Duration;

use ghl_sandbox::{QuotaProfile, SandboxConfig, tokens};
use serde_json::json;

use super::support::{HERE, OLIVIA, start, with};

#[tokio::test]
async fn the_version_header_is_refused_in_three_ways() {
    let client = start().await;
    let path = format!("/contacts/{OLIVIA}");
    for version in ["2021-07-28", "2021-04-15", "2023-02-21", "v3", "legacy"] {
        client.version(Some(version)).get(&path).await.expect(200);
    }
    let body = client.version(None).get(&path).await.expect(401);
    assert_eq!(body["message"], "version header was not found.");
    let body = client.version(Some("2020-01-01")).get(&path).await.expect(401);
    assert_eq!((&body["message"], &body["error"]), (&json!("version header is invalid"), &json!("Error")));
    assert_eq!(body["status"], 401);
    let message = client.version(Some("bogus-version")).get(&path).await.message(400);
    assert_eq!(message, "Invalid API version segment 'bogus-version' at position 0");
}

#[tokio::test]
async fn a_renamed_route_does_not_exist_under_the_other_version() {
    let client = start().await;
    let old = format!("/contacts/{OLIVIA}/campaigns/removeAll");
    let new = format!("/contacts/{OLIVIA}/campaigns/remove-all");
    assert_eq!(client.delete(&old).await.expect(200)["succeded"], true);
    assert_eq!(client.delete(&new).await.message(404), format!("Cannot DELETE {new}"));
    let v3 = client.v3();
    let body = v3.delete(&new).await.expect(200);
    assert_eq!((&body["succeeded"], &body["succeded"]), (&json!(true), &json!(true)));
    assert_eq!(v3.delete(&old).await.message(404), format!("Cannot DELETE {old}"));
    v3.get(&format!("/contacts/?locationId={HERE}")).await.expect(200);
}

#[tokio::test]
async fn the_same_401_has_many_reasons() {
    let client = start().await;
    let path = format!("/contacts/{OLIVIA}");
    let scope = "The token is not authorized for this scope.";
    let class = "This authClass type is not allowed to access this scope. \
                 Please verify your IAM configuration if this is not the case.";
    let cases = [
        (None, "Invalid token: access token is invalid"),
        (Some("pit-00000000-0000-4000-8000-00000000dead"), "Invalid Private Integration token"),
        (Some("nonsense"), "Invalid JWT"),
        (Some(tokens::OAUTH_EXPIRED), "Invalid JWT"),
        (Some(tokens::OAUTH_COMPANY), class),
        (Some(tokens::PIT_AGENCY), scope),
        (Some(tokens::PIT_NO_CONTACTS), scope),
    ];
    for (token, message) in cases {
        let body = client.token(token).get(&path).await.expect(401);
        assert_eq!(body["message"], message, "{token:?}");
        assert_eq!(body["statusCode"], 401);
    }
    client.token(Some(tokens::OAUTH_LOCATION_1)).get(&path).await.expect(200);
    let reader = client.token(Some(tokens::PIT_READ_ONLY));
    reader.get(&path).await.expect(200);
    reader.search(json!({})).await.expect(200);
    assert_eq!(reader.put(&path, json!({})).await.message(401), scope);
    let agency = client.token(Some(tokens::PIT_AGENCY));
    let message = agency.get("/locations/sandboxLocation00001/customFields").await.message(401);
    assert_eq!(message, "Token's user type mismatch!");
}

#[tokio::test]
async fn every_answer_carries_six_rate_headers() {
    let client = with(SandboxConfig::default()).await;
    let good = client.get(&format!("/contacts/{OLIVIA}")).await;
    assert_eq!((good.header("x-ratelimit-max"), good.header("x-ratelimit-remaining")), ("100", "99"));
    assert_eq!(good.header("x-ratelimit-interval-milliseconds"), "10000");
    assert_eq!(good.header("x-ratelimit-limit-daily"), "200000");
    assert_eq!(good.header("x-ratelimit-daily-remaining"), "199999");
    assert!(good.header("x-ratelimit-daily-reset").parse::<i64>().is_ok_and(|ms| (1..=86_400_000).contains(&ms)));
    let missing = client.get("/contacts/nobody").await;
    assert_eq!(missing.header("x-ratelimit-remaining"), "98");
    let stranger = client.token(Some("nonsense")).get("/contacts/nobody").await;
    assert_eq!((stranger.status, stranger.header("x-ratelimit-remaining")), (401, "100"));
}

#[tokio::test]
async fn a_trial_location_has_25_in_10_seconds_for_all_its_tokens() {
    let client = with(SandboxConfig { quota: QuotaProfile::Trial, ..SandboxConfig::default() }).await;
    let path = format!("/contacts/{OLIVIA}");
    let reader = client.token(Some(tokens::PIT_READ_ONLY));
    for _ in 0..12 {
        client.get(&path).await.expect(200);
        reader.get(&path).await.expect(200);
    }
    client.get(&path).await.expect(200);
    let refused = reader.get(&path).await;
    assert_eq!(refused.header("retry-after"), "");
    assert_eq!(refused.header("x-ratelimit-remaining"), "0");
    assert_eq!(refused.expect(429), json!({"statusCode": 429, "message": "Too Many Requests"}));
    assert_eq!(client.sandbox.calls().rate_limited(), 1);
    let other = client.token(Some(tokens::PIT_LOCATION_2));
    other.get(&path).await.expect(403);
    client.sandbox.advance_clock(Duration::from_secs(10));
    client.get(&path).await.expect(200);
}

#[tokio::test]
async fn a_spent_day_stays_spent_until_it_ends() {
    let quota = QuotaProfile::Custom { burst: 100, daily: 2 };
    let client = with(SandboxConfig { quota, ..SandboxConfig::default() }).await;
    let path = format!("/contacts/{OLIVIA}");
    client.get(&path).await.expect(200);
    client.get(&path).await.expect(200);
    let refused = client.get(&path).await;
    assert_eq!((refused.status, refused.header("x-ratelimit-daily-remaining")), (429, "0"));
    assert_eq!(refused.header("x-ratelimit-remaining"), "98");
    let left: u64 = refused.header("x-ratelimit-daily-reset").parse().expect("milliseconds");
    client.sandbox.advance_clock(Duration::from_millis(left));
    client.get(&path).await.expect(200);
}

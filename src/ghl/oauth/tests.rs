//! What goes out in either spelling, and what each answer becomes.

use super::*;
use crate::{
    settings::{Settings, Sources},
    telemetry::metrics::Metrics,
    upstream::{Answer, Lane, Service, Transport, WireRequest},
};
use futures_util::future::BoxFuture;
use std::sync::{Arc, Mutex};

/// Answers every request alike and remembers them.
#[derive(Debug)]
struct Scripted {
    answer: (u16, String),
    seen: Mutex<Vec<WireRequest>>,
}

impl Transport for Scripted {
    fn send(&self, request: WireRequest) -> BoxFuture<'_, Result<Answer, CallError>> {
        self.seen.lock().unwrap().push(request);
        let (status, body) = self.answer.clone();
        Box::pin(async move { Ok(Answer { status, headers: Vec::new(), body: body.into() }) })
    }
}

fn client(version: &str, status: u16, body: &str) -> (OauthClient, Arc<Scripted>) {
    let sources = Sources::default()
        .with("oauth.client_id", "65f0c1d2e3a4b5c6d7e8f901-abcdefgh")
        .with("oauth.client_secret", "s3cret")
        .with("oauth.redirect_url", "https://enrich.example/oauth/callback")
        .with("oauth.api_version", version)
        .with("store.encryption_key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    let settings = Settings::load(sources).unwrap().settings.oauth.unwrap();
    let transport = Arc::new(Scripted { answer: (status, body.to_owned()), seen: Mutex::default() });
    let upstream = Upstream::new(Service::Ghl, transport.clone(), Duration::from_secs(5), Metrics::new());
    (OauthClient::new(upstream, &settings), transport)
}

async fn refreshed(status: u16, body: &str) -> Result<Grant, OauthError> {
    client("2021-07-28", status, body).0.refresh(&Secret::new("r"), UserType::Location, &context()).await
}

fn sent(transport: &Scripted) -> (String, String, Vec<(&'static str, String)>) {
    let seen = transport.seen.lock().unwrap();
    let request = seen.last().unwrap();
    let body = request.body.as_ref().map(|body| String::from_utf8(body.bytes.to_vec()).unwrap());
    (request.segments.join("/"), body.unwrap_or_default(), request.query.clone())
}

fn context() -> CallContext {
    CallContext::new(Lane::Interactive, Duration::from_secs(5))
}

const SNAKE: &str = r#"{"access_token":"eyA","token_type":"Bearer","expires_in":86399,"refresh_token":"r1","scope":"a b",
    "userType":"Location","companyId":"c1","locationId":"l1","refreshTokenId":"x","traceId":"t"}"#;
const CAMEL: &str = r#"{"accessToken":"eyA","tokenType":"Bearer","expiresIn":"86399","refreshToken":"r1","scope":"a b",
    "userType":"Location","companyId":"c1","locationId":"l1"}"#;

#[tokio::test]
async fn a_refresh_speaks_the_spelling_of_its_version() {
    let refresh = Secret::new("r&0");
    let (client_, transport) = client("2021-07-28", 200, SNAKE);
    let grant = client_.refresh(&refresh, UserType::Location, &context()).await.unwrap();
    let (path, body, _) = sent(&transport);
    assert_eq!(path, "oauth/token");
    assert_eq!(
        body,
        "client_id=65f0c1d2e3a4b5c6d7e8f901-abcdefgh&client_secret=s3cret&grant_type=refresh_token&user_type=Location&\
         refresh_token=r%260"
    );
    assert_eq!((grant.access.expose(), grant.refresh.as_ref().unwrap().expose()), ("eyA", "r1"));
    assert_eq!((grant.expires_in.as_secs(), grant.scopes.len()), (86_399, 2));
    let (client, transport) = client("v3", 200, CAMEL);
    let camel = client.refresh(&refresh, UserType::Location, &context()).await.unwrap();
    assert!(sent(&transport).1.contains("grantType=refresh_token&userType=Location&refreshToken=r%260"));
    assert_eq!((camel.holder, camel.expires_in), (grant.holder, grant.expires_in));
}

#[tokio::test]
async fn paths_differ_by_version_too() {
    let (company, location) = (CompanyId::parse("c1").unwrap(), LocationId::parse("l1").unwrap());
    let agency = Secret::new("agency");
    for (version, token, list) in
        [("2021-07-28", "locationToken", "installedLocations"), ("v3", "location-token", "installed-locations")]
    {
        let (client, transport) = client(version, 201, SNAKE);
        client.location_token(&agency, &company, &location, &context()).await.unwrap();
        assert_eq!(sent(&transport).0, format!("oauth/{token}"));
        assert_eq!(sent(&transport).1, "companyId=c1&locationId=l1");
        client.installed_locations(&agency, &company, None, &context()).await.unwrap();
        let (path, _, query) = sent(&transport);
        assert_eq!(path, format!("oauth/{list}"));
        assert!(query.contains(&("appId", "65f0c1d2e3a4b5c6d7e8f901".to_owned())), "{query:?}");
    }
    let (client, _) = client("v3", 201, SNAKE);
    let other = LocationId::parse("l2").unwrap();
    let refused = client.location_token(&agency, &company, &other, &context()).await;
    assert!(matches!(refused, Err(OauthError::Invalid(_))), "another location's token is taken for none: {refused:?}");
}

#[tokio::test]
async fn pages_of_locations_are_read_in_either_shape() {
    let (company, agency) = (CompanyId::parse("c1").unwrap(), Secret::new("agency"));
    let full: Vec<_> = (0..100).map(|number| json!({"_id": format!("l{number}")})).collect();
    let (dated, _) = client("2021-07-28", 200, &json!({"locations": full, "count": 150}).to_string());
    let page = dated.installed_locations(&agency, &company, Some("100".to_owned()), &context()).await.unwrap();
    assert_eq!((page.locations.len(), page.next.as_deref()), (100, Some("200")));
    let items = r#"{"items":[{"id":"l1"},{"_id":"l2","isInstalled":false},{"name":"no id"}],
        "pagination":{"hasNextPage":true,"nextPageToken":"p2"}}"#;
    let (v3, _) = client("v3", 200, items);
    let page = v3.installed_locations(&agency, &company, None, &context()).await.unwrap();
    assert_eq!((page.locations.len(), page.next.as_deref()), (1, Some("p2")));
}

#[tokio::test]
async fn only_words_that_refuse_count_against_tokens() {
    let refused = [
        (400, r#"{"error":"invalid_grant"}"#, false),
        (401, r#"{"error":"UnAuthorized!","error_description":"Authorization code not found"}"#, false),
        (401, r#"{"statusCode":401,"message":"Invalid JWT"}"#, true),
        (403, r#"{"message":"Forbidden resource"}"#, false),
        (422, r#"{"message":["refresh_token must be a string"]}"#, false),
        (404, r#"{"message":"Location not found"}"#, false),
    ];
    for (status, body, token_expired) in refused {
        match refreshed(status, body).await {
            Err(OauthError::Refused { status: told, expired, .. }) => {
                assert_eq!((told, expired), (status, token_expired), "{body}");
            }
            other => panic!("{status} {body}: {other:?}"),
        }
    }
    let elsewhere = [
        (404, r#"{"message":"Cannot POST /oauth/token"}"#),
        (404, ""),
        (400, ""),
        (400, "{}"),
        (400, r#"{"statusCode":400,"message":""}"#),
        (401, "Unauthorized"),
        (401, "\"Unauthorized\""),
        (403, "error code: 1020"),
        (422, "[]"),
        (403, "<!DOCTYPE html><title>Just a moment</title>"),
        (401, r#"{"message":"Command timed out"}"#),
        (429, r#"{"message":"Too Many Requests"}"#),
        (500, r#"{"message":"Internal server error"}"#),
        (302, ""),
    ];
    for (status, body) in elsewhere {
        assert!(matches!(refreshed(status, body).await, Err(OauthError::Unavailable { .. })), "{status} {body}");
    }
    let suspended = r#"{"statusCode":400,"message":"Location is not active"}"#;
    assert_eq!(refreshed(400, suspended).await.unwrap_err(), OauthError::NotActive);
}

#[tokio::test]
async fn what_is_no_grant_is_told_without_repeating_it() {
    for body in [
        "{}",
        "[]",
        "",
        r#"{"access_token":""}"#,
        r#"{"access_token":"s3cret token","locationId":"l1"}"#,
        r#"{"access_token":"s3cret","userType":"Location","companyId":"c1"}"#,
        r#"{"access_token":"s3cret","userType":"Company"}"#,
        r#"{"access_token":"s3cret","userType":"Planet","companyId":"c1","locationId":"l1"}"#,
        r#"{"access_token":"s3cret","locationId":"../x"}"#,
    ] {
        let outcome = refreshed(200, body).await;
        let Err(OauthError::Invalid(said)) = outcome else { panic!("{body}: {outcome:?}") };
        assert!(!said.contains("s3cret"), "{said}");
    }
}

#[tokio::test]
async fn an_agencys_token_is_an_agencys_even_where_it_names_a_location() {
    let body = r#"{"access_token":"a","userType":"Company","companyId":"c1","locationId":"l1","approvedLocations":["l1","l2"]}"#;
    let grant =
        client("2021-07-28", 200, body).0.exchange(&Secret::new("c"), UserType::Company, &context()).await.unwrap();
    assert_eq!(grant.holder, Holder::Company(CompanyId::parse("c1").unwrap()));
    assert_eq!((grant.approved.len(), grant.refresh.is_none(), grant.expires_in.as_secs()), (2, true, 86_399));
}

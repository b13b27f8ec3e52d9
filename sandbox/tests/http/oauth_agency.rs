//! An agency's tokens, its locations' tokens, where the app is installed, and how that ends.

use ghl_sandbox::{SandboxConfig, tokens};
use serde_json::{Value, json};

use super::oauth::{authorize, code_of, exchange, refresh, text};
use super::support::{Answer, Client, HERE, OLIVIA, start, with};

const THERE: &str = tokens::LOCATION_2;

fn wanted(location: &str) -> Value {
    json!({"companyId": tokens::COMPANY, "locationId": location})
}

/// A client with the agency's token, gotten the long way.
async fn agency(client: &Client) -> Client {
    let code = code_of(&authorize(client, "&sandbox_consent=company").await);
    let pair = exchange(client, &code).await.expect(200);
    client.token(Some(text(&pair, "access_token")))
}

async fn reconnect(client: &Client, who: Value) -> Answer {
    let mut body = json!({"clientKey": tokens::OAUTH_CLIENT_ID, "clientSecret": tokens::OAUTH_CLIENT_SECRET});
    for (name, value) in who.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    client.token(None).version(None).post("/oauth/reconnect", body).await
}

#[tokio::test]
async fn an_agencys_token_opens_no_contacts_and_makes_tokens_that_do() {
    let client = start().await;
    let agency = agency(&client).await;
    let class = agency.get(&format!("/contacts/{OLIVIA}")).await.message(401);
    assert!(class.as_str().is_some_and(|text| text.starts_with("This authClass type")), "{class}");
    let pair = agency.post("/oauth/locationToken", wanted(HERE)).await.expect(201);
    assert_eq!((&pair["userType"], &pair["locationId"]), (&json!("Location"), &json!(HERE)));
    assert_eq!((&pair["expires_in"], &pair["appId"]), (&json!(86_400), &json!(tokens::APP_ID)));
    assert_eq!(pair["scope"], "contacts.readonly contacts.write");
    let local = client.token(Some(text(&pair, "access_token")));
    local.get(&format!("/contacts/{OLIVIA}")).await.expect(200);
    let next = refresh(&client, text(&pair, "refresh_token")).await.expect(200);
    assert_eq!(next["locationId"], HERE);
    assert_eq!(local.post("/oauth/locationToken", wanted(HERE)).await.message(403), "Forbidden resource");
    for pit in [tokens::PIT_AGENCY, tokens::PIT_LOCATION_1] {
        let answer = client.token(Some(pit)).post("/oauth/locationToken", wanted(HERE)).await;
        assert_eq!(answer.message(401), "The token is not authorized for this scope.");
    }
    let calls = client.sandbox.calls();
    assert_eq!((calls.count("oauth.location_token"), calls.count("oauth.token_refresh")), (4, 1));
}

#[tokio::test]
async fn a_location_token_needs_a_location_where_the_app_is_installed() {
    let client = start().await;
    let agency = agency(&client).await;
    let mint = async |body: Value| agency.post("/oauth/locationToken", body).await;
    let told = mint(json!({"companyId": tokens::COMPANY})).await.message(422);
    assert_eq!(told, json!(["locationId should not be empty", "locationId must be a string"]));
    mint(json!({"companyId": "another", "locationId": HERE})).await.expect(403);
    mint(wanted("nowhere")).await.expect(400);
    client.sandbox.uninstall(THERE);
    assert_eq!(mint(wanted(THERE)).await.message(400), "The app is not installed on this location");
    client.sandbox.set_suspended(HERE, true);
    assert_eq!(mint(wanted(HERE)).await.message(400), "Location is not active");
    client.sandbox.install(THERE);
    mint(wanted(THERE)).await.expect(201);
}

#[tokio::test]
async fn hyphens_are_for_v3_alone_and_humps_for_all() {
    let client = start().await;
    let agency = agency(&client).await;
    let listed = |path: &str| format!("/oauth/{path}?companyId={}&appId={}", tokens::COMPANY, tokens::APP_ID);
    let told = agency.post("/oauth/location-token", wanted(HERE)).await.message(404);
    assert_eq!(told, "Cannot POST /oauth/location-token");
    agency.get(&listed("installed-locations")).await.expect(404);
    let v3 = agency.v3();
    let pair = v3.post("/oauth/location-token", wanted(HERE)).await.expect(201);
    assert_eq!((&pair["expiresIn"], &pair["access_token"]), (&json!(86_400), &Value::Null));
    client.token(Some(text(&pair, "accessToken"))).get(&format!("/contacts/{OLIVIA}")).await.expect(200);
    text(&v3.post("/oauth/locationToken", wanted(HERE)).await.expect(201), "access_token");
    assert_eq!(v3.get(&listed("installedLocations")).await.expect(200)["count"], 2);
    agency.version(None).post("/oauth/locationToken", wanted(HERE)).await.expect(401);
}

#[tokio::test]
async fn installed_locations_come_in_pages_of_two_kinds() {
    let client = with(SandboxConfig { extra_locations: 23, ..SandboxConfig::default() }).await;
    let agency = agency(&client).await;
    client.sandbox.uninstall(&tokens::location(4));
    let ids = |rows: &Value| -> Vec<String> {
        rows.as_array().expect("rows").iter().map(|row| text(row, "_id").to_owned()).collect()
    };
    let list = async |client: &Client, path: &str, more: &str| {
        client.get(&format!("/oauth/{path}?companyId={}&appId={}{more}", tokens::COMPANY, tokens::APP_ID)).await
    };
    let old = async |more: &str| list(&agency, "installedLocations", more).await.expect(200);
    let first = old("").await;
    assert_eq!((ids(&first["locations"]).len(), &first["count"]), (20, &json!(25)));
    assert_eq!(ids(&old("&skip=20").await["locations"]), (21..=25).map(tokens::location).collect::<Vec<_>>());
    assert_eq!(ids(&old("&isInstalled=false").await["locations"]), [tokens::location(4)]);
    assert_eq!(ids(&old("&query=LONDON").await["locations"]), [THERE]);
    assert_eq!(old("&isInstalled=true&limit=1").await["count"], 24);
    list(&agency, "installedLocations", "&skip=x").await.expect(422);
    let v3 = agency.v3();
    let page = async |more: &str| list(&v3, "installed-locations", more).await;
    let (mut seen, mut more) = (Vec::new(), "&pageSize=10".to_owned());
    loop {
        let body = page(&more).await.expect(200);
        seen.extend(ids(&body["items"]));
        assert_eq!(body["pagination"]["totalRecords"], 25);
        let Some(next) = body["pagination"]["nextPageToken"].as_str() else { break };
        more = format!("&pageSize=10&pageToken={next}");
    }
    assert_eq!(seen, (1..=25).map(tokens::location).collect::<Vec<_>>());
    for (wrong, field) in [("&pageSize=0", "pageSize"), ("&pageSize=101", "pageSize"), ("&pageToken=!", "pageToken")] {
        let body = page(wrong).await.expect(400);
        assert_eq!(
            (&body["error"]["code"], &body["error"]["details"]["field"]),
            (&json!("INVALID_ARGUMENT"), &json!(field))
        );
    }
    let query = format!("companyId={}&appId=000000000000000000000099", tokens::COMPANY);
    let lost = v3.get(&format!("/oauth/installed-locations?{query}")).await.expect(404);
    assert_eq!(lost["error"]["code"], "RESOURCE_NOT_FOUND");
    agency.get("/oauth/installedLocations?appId=x").await.expect(422);
}

#[tokio::test]
async fn further_locations_have_contacts_and_change_nothing_in_the_first_two() {
    let plain = start().await;
    let more = with(SandboxConfig { extra_locations: 2, ..SandboxConfig::default() }).await;
    for location in [HERE, THERE] {
        assert_eq!(plain.sandbox.contact_ids(location), more.sandbox.contact_ids(location));
    }
    let third = tokens::location(3);
    let pair = more.sandbox.connect(&third).expect("a location");
    let contacts = more.sandbox.contact_ids(&third);
    assert_eq!(contacts.len(), 5);
    let client = more.token(Some(&pair.access));
    let contact = client.get(&format!("/contacts/{}", contacts[0])).await.expect(200);
    assert_eq!(contact["contact"]["locationId"], third);
    client.get(&format!("/contacts/{OLIVIA}")).await.expect(403);
    assert!(plain.sandbox.connect(&third).is_none());
}

#[tokio::test]
async fn revoking_kills_tokens_and_uninstalling_the_way_back_as_well() {
    let client = start().await;
    let pair = client.sandbox.connect(HERE).expect("a location");
    let code = code_of(&authorize(&client, "").await);
    client.post("/__sandbox/oauth", json!({"revoke": HERE})).await.expect(200);
    let dead = client.token(Some(&pair.access)).get(&format!("/contacts/{OLIVIA}")).await;
    assert_eq!(dead.message(401), "Invalid JWT");
    refresh(&client, &pair.refresh).await.expect(400);
    exchange(&client, &code).await.expect(401);
    client.get(&format!("/contacts/{OLIVIA}")).await.expect(200);
    let back = reconnect(&client, json!({"locationId": HERE})).await.expect(200);
    let pair = exchange(&client, text(&back, "authorizationCode")).await.expect(200);
    client.token(Some(text(&pair, "access_token"))).get(&format!("/contacts/{OLIVIA}")).await.expect(200);
    client.post("/__sandbox/oauth", json!({"uninstall": HERE})).await.expect(200);
    refresh(&client, text(&pair, "refresh_token")).await.expect(400);
    reconnect(&client, json!({"locationId": HERE})).await.expect(400);
    client.post("/__sandbox/oauth", json!({"revoke": "nowhere"})).await.expect(400);
}

#[tokio::test]
async fn a_reconnection_needs_the_client_and_one_owner_that_is_installed() {
    let client = start().await;
    client.sandbox.install("company");
    let back = reconnect(&client, json!({"companyId": tokens::COMPANY})).await.expect(200);
    let pair = exchange(&client, text(&back, "authorizationCode")).await.expect(200);
    assert_eq!(pair["userType"], "Company");
    reconnect(&client, json!({})).await.expect(422);
    reconnect(&client, json!({"locationId": HERE, "companyId": tokens::COMPANY})).await.expect(422);
    reconnect(&client, json!({"locationId": tokens::COMPANY})).await.expect(400);
    reconnect(&client, json!({"locationId": HERE, "clientSecret": "guess"})).await.expect(401);
    assert_eq!(client.sandbox.calls().count("oauth.reconnect"), 5);
}

#[tokio::test]
async fn every_installation_made_or_ended_is_told_once() {
    let client = start().await;
    agency(&client).await;
    agency(&client).await;
    client.sandbox.uninstall(THERE);
    client.sandbox.uninstall("company");
    let told: Vec<(bool, Option<String>)> = client
        .sandbox
        .installation_changes()
        .into_iter()
        .map(|change| (change.installed, change.location_id))
        .collect();
    let (here, there) = (Some(HERE.to_owned()), Some(THERE.to_owned()));
    let expected =
        [(true, None), (true, here.clone()), (true, there.clone()), (false, there), (false, here), (false, None)];
    assert_eq!(told, expected);
    let shown = client.get("/__sandbox/oauth").await.expect(200);
    assert_eq!(shown["changes"].as_array().map(Vec::len), Some(6));
    assert_eq!((&shown["installed"], &shown["counts"]["codes"]), (&json!([]), &json!(2)));
}

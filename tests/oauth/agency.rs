//! An agency installs once, and its locations work.

use super::{connect, ghl, service};
use crate::support::{SHOWCASE, until};
use ghl_sandbox::{WebhookPlan, tokens::WEBHOOK_PUBLIC_KEY};
use serde_json::{Value, json};
use std::time::Duration;

#[actix_web::test]
async fn its_locations_are_listed_and_each_has_a_token_of_its_own() {
    for version in ["2021-07-28", "v3"] {
        let scopes = r#"["contacts.readonly", "contacts.write", "oauth.readonly", "oauth.write"]"#;
        let app =
            service(&[("oauth.user_type", "Company"), ("oauth.api_version", version), ("oauth.scopes", scopes)]).await;
        let reply = connect(&app.client, &ghl(&app), "&sandbox_consent=company").await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let body = reply.json();
        assert!(body["companyId"].is_string() && body["locationId"].is_null(), "{body}");
        let list = until("its locations are known", Duration::from_secs(10), async || {
            let list = app.get("/v1/locations").await.json();
            (list["items"].as_array().unwrap().len() == 2).then_some(list)
        })
        .await;
        assert_eq!(
            (&list["companies"][0]["state"], &list["items"][0]["through"]),
            (&json!("connected"), &json!("company"))
        );
        assert_eq!(app.calls("oauth.location_token"), 0, "minted when wanted");
        assert_eq!(app.get(&format!("/v1/contacts/{SHOWCASE}")).await.status, 200);
        let second = app.sandbox.contact_ids("sandboxLocation00002")[0].clone();
        let reply = app.get(&format!("/v1/contacts/{second}?locationId=sandboxLocation00002")).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(app.calls("oauth.location_token"), 2);
        // Both the agency's token and the location's expire.
        app.sandbox.advance_clock(Duration::from_secs(25 * 3_600));
        assert_eq!(app.get(&format!("/v1/contacts/{SHOWCASE}")).await.status, 200);
        assert_eq!(app.calls("oauth.token_refresh"), 1);
        for _ in 0..3 {
            let stranger = app.get(&format!("/v1/contacts/{SHOWCASE}?locationId=nobodysLocation00001")).await;
            stranger.assert_problem(502, "upstream-unauthorized");
        }
        assert_eq!(app.calls("oauth.location_token"), 5, "two attempts to renew, and one for the stranger");
    }
}

#[actix_web::test]
async fn after_the_app_was_uninstalled_and_installed_again_its_locations_work() {
    let keys = format!("[\"{WEBHOOK_PUBLIC_KEY}\"]");
    let scopes = r#"["contacts.readonly", "contacts.write", "oauth.readonly", "oauth.write"]"#;
    let app =
        service(&[("oauth.user_type", "Company"), ("oauth.scopes", scopes), ("webhooks.public_keys", &keys)]).await;
    let receiver = format!("http://{}/webhooks/ghl", app.client.address());
    app.sandbox.webhooks_to(&receiver, WebhookPlan::default()).expect("an address");
    assert_eq!(connect(&app.client, &ghl(&app), "&sandbox_consent=company").await.status, 200);
    let path = format!("/v1/contacts/{SHOWCASE}");
    assert_eq!(app.get(&path).await.status, 200);
    let states = async || -> Vec<(Value, Value)> {
        let items = app.get("/v1/locations").await.json()["items"].clone();
        let items = items.as_array().expect("a list").iter();
        items.map(|one| (one["state"].clone(), one["lost"]["because"].clone())).collect()
    };
    let gone = (json!("disconnected"), json!("uninstalled"));
    let there = (json!("connected"), Value::Null);
    for _ in 0..2 {
        app.sandbox.uninstall("company");
        until("its locations are gone", Duration::from_secs(20), async || {
            (states().await == [gone.clone(), gone.clone()]).then_some(())
        })
        .await;
        app.get(&path).await.assert_problem(502, "upstream-unauthorized");
        // What GHL's clock tells of the two must not be one moment.
        app.sandbox.advance_clock(Duration::from_secs(1));
        app.sandbox.install("company");
        until("its locations are back", Duration::from_secs(20), async || {
            (states().await == [there.clone(), there.clone()]).then_some(())
        })
        .await;
        assert_eq!(app.get(&path).await.status, 200);
        app.sandbox.advance_clock(Duration::from_secs(30));
        app.advance(31);
    }
}

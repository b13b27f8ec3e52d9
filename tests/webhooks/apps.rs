//! Which app an event was sent to: GHL signs those of all apps alike. And what installations do.

use super::{Rig, event};
use crate::{
    oauth::{APP, connect, ghl},
    support::{LOCATION, SHOWCASE},
};
use ghl_sandbox::tokens::APP_ID;
use serde_json::{Value, json};

/// A service with an app, whose location is connected.
async fn connected() -> Rig {
    let rig = Rig::with(&APP).await;
    assert_eq!(connect(&rig.app.client, &ghl(&rig.app), "").await.status, 200);
    rig
}

impl Rig {
    async fn location(&self) -> Value {
        self.app.get(&format!("/v1/locations/{LOCATION}")).await.json()
    }
}

fn fate(told: &Value) -> (&str, Option<&str>) {
    (told["fate"].as_str().expect("a fate"), told["detail"].as_str())
}

#[actix_web::test]
async fn what_is_told_to_another_app_is_none_of_ours() {
    let rig = connected().await;
    rig.cost(SHOWCASE).await;
    for (number, (kind, app)) in [
        ("UNINSTALL", json!("65f0c1d2e3a4b5c6d7e8f901")),
        ("UNINSTALL", Value::Null),
        ("UNINSTALL", json!(7)),
        ("INSTALL", json!("65f0c1d2e3a4b5c6d7e8f901")),
        ("PLAN_CHANGE", json!("65f0c1d2e3a4b5c6d7e8f901")),
        ("ContactUpdate", json!("65f0c1d2e3a4b5c6d7e8f901")),
    ]
    .into_iter()
    .enumerate()
    {
        let told = rig.told(&event(kind, &format!("w{number}"), json!({ "appId": app }))).await;
        assert_eq!(fate(&told), ("ignored", Some("another-app")), "{told}");
    }
    assert_eq!(rig.location().await["state"], "connected");
    assert_eq!(rig.cost(SHOWCASE).await, [0; 5]);
    for (id, more) in [("ours", json!({ "appId": APP_ID })), ("unsaid", json!({ "appId": null }))] {
        let told = rig.told(&event("ContactUpdate", id, more)).await;
        assert_eq!(fate(&told), ("applied", None), "{told}");
        assert_eq!(rig.cost(SHOWCASE).await[0], 1);
    }
    let told = rig.told(&event("UNINSTALL", "end", json!({ "appId": APP_ID }))).await;
    assert_eq!(fate(&told), ("applied", None), "{told}");
    let location = rig.location().await;
    assert_eq!((&location["state"], &location["lost"]["because"]), (&json!("disconnected"), &json!("uninstalled")));
}

#[actix_web::test]
async fn an_installation_that_comes_late_does_not_undo_what_somebody_disconnected() {
    let rig = connected().await;
    let path = format!("/v1/locations/{LOCATION}");
    assert_eq!(rig.app.client.delete(&path).await.json()["tokens"], 1);
    assert_eq!(rig.app.client.delete(&path).await.json()["tokens"], 0);
    let earlier = ghl_enrich::clock::Clock::system().now() - jiff::SignedDuration::from_secs(60);
    let late = json!({ "appId": APP_ID, "timestamp": earlier.to_string() });
    let told = rig.told(&event("INSTALL", "late", late)).await;
    assert_eq!(fate(&told), ("ignored", Some("no-effect")), "{told}");
    assert_eq!(rig.location().await["lost"]["because"], "disconnected");
    // Unless somebody wants it applied.
    let reply = rig.app.client.post("/v1/webhooks/events/late/replay", &json!({})).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(fate(&rig.fate("late").await), ("applied", None));
    assert_eq!(rig.location().await["state"], "connected");
    // A new one needs nobody.
    rig.app.client.delete(&path).await;
    let told = rig.told(&event("INSTALL", "new", json!({ "appId": APP_ID }))).await;
    assert_eq!(fate(&told), ("applied", None), "{told}");
    assert_eq!(rig.location().await["state"], "connected");
}

#[actix_web::test]
async fn a_location_that_was_never_connected_can_be_kept_away() {
    let rig = connected().await;
    let path = "/v1/locations/sandboxLocation00002";
    assert_eq!(rig.app.client.delete(path).await.json()["tokens"], 0);
    let location = rig.app.get(path).await.json();
    assert_eq!((&location["state"], &location["connectedAt"]), (&json!("disconnected"), &Value::Null), "{location}");
    let ready = rig.app.admin.get("/readyz").await.json();
    let oauth = ready["components"].as_array().expect("a list").iter().find(|one| one["name"] == "oauth").cloned();
    assert_eq!(oauth.expect("a component")["detail"], "1 connected", "what somebody ended is no loss");
}

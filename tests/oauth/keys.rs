//! The key that tokens are sealed with: another one, none, and the next one.

use super::{APP, KEY, connect, ghl, service};
use crate::support::{LOCATION, SHOWCASE, TestApp, scratch, settings};
use ghl_enrich::{
    app::App,
    domain::ids::{ContactId, LocationId},
    upstream::{CallContext, Lane},
};
use std::{fs, future::ready, path::Path, time::Duration};

const OTHER: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

/// A store with a location's tokens in it, and a sandbox that knows them.
async fn filled(folder: &Path) -> (TestApp, String) {
    let url = format!("sqlite:{}", folder.join("store.db").display());
    let mut app = service(&[("store.url", &url)]).await;
    assert_eq!(connect(&app.client, &ghl(&app), "").await.status, 200);
    app.stop().await.unwrap();
    (app, url)
}

async fn start(url: &str, changes: &[(&str, &str)]) -> anyhow::Result<App> {
    let mut flags = vec![
        ("http.bind", "127.0.0.1:0".to_owned()),
        ("http.admin_bind", "127.0.0.1:0".to_owned()),
        ("http.drain_ms", "0".to_owned()),
        ("store.url", url.to_owned()),
        ("ghl.location_id", LOCATION.to_owned()),
    ];
    flags.extend(APP.iter().chain(changes).map(|(key, value)| (*key, (*value).to_owned())));
    App::build(settings(&flags)).await
}

#[actix_web::test]
async fn another_key_and_no_key_stop_the_start_and_leave_the_file_as_it_is() {
    let folder = scratch("oauth-keys");
    let (_app, url) = filled(&folder).await;
    let file = folder.join("store.db");
    let before = fs::read(&file).unwrap();
    let token = "eyJ";
    assert!(!String::from_utf8_lossy(&before).contains(token), "a token stands in the file as it is");
    let error = start(&url, &[("store.encryption_key", OTHER)]).await.unwrap_err().to_string();
    assert!(error.contains("store.encryption_key") && error.contains("previous_encryption_key"), "{error}");
    let off = [("oauth.client_id", ""), ("oauth.client_secret", ""), ("oauth.redirect_url", "")];
    let none: Vec<_> = off.into_iter().chain([("store.encryption_key", "")]).collect();
    let error = start(&url, &none).await.unwrap_err().to_string();
    assert!(error.contains("store.encryption_key is not set"), "{error}");
    assert_eq!(fs::read(&file).unwrap(), before, "the file was changed");
    let off = start(&url, &off).await.expect("switched off, with the key in its place");
    off.run(ready(())).await.unwrap();
}

#[actix_web::test]
async fn a_key_is_replaced_by_way_of_two() {
    let folder = scratch("oauth-rotation");
    let (app, url) = filled(&folder).await;
    let both = [("store.encryption_key", OTHER), ("store.previous_encryption_key", KEY)];
    start(&url, &both).await.unwrap().run(ready(())).await.unwrap();
    let base = app.sandbox.base_url();
    let changes = [("store.encryption_key", OTHER), ("ghl.base_url", base.as_str())];
    let again = start(&url, &changes).await.unwrap();
    let context = CallContext::new(Lane::Interactive, Duration::from_secs(10));
    let (location, contact) = (LocationId::parse(LOCATION).unwrap(), ContactId::parse(SHOWCASE).unwrap());
    assert!(
        again.parts().ghl.contact(&location, &contact, &context).await.is_ok(),
        "its tokens are opened by the new key alone"
    );
}

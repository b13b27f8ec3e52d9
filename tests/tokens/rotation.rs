//! How tokens end: by time, by their key, by forgery.

use super::{SIGNING, bearer, guarded, made, with};
use crate::support::{LOCATION, SHOWCASE, replace, scratch};
use ghl_enrich::settings::watch::SecretWatch;
use serde_json::json;

fn profile() -> String {
    format!("/v1/contacts/{SHOWCASE}/profile")
}

#[actix_web::test]
async fn a_token_expires() {
    let app = guarded().await;
    let token = made(&app, &json!({"locations": [LOCATION], "minutes": 5})).await;
    let page = bearer(&app, &token);
    assert_eq!(page.get(&profile()).await.status, 200);
    app.advance(4 * 60);
    assert_eq!(page.get(&profile()).await.status, 200);
    app.advance(61);
    let problem = page.get(&profile()).await.assert_problem(401, "unauthenticated");
    assert!(problem["detail"].as_str().unwrap().contains("expired"), "{problem}");
}

#[actix_web::test]
async fn a_token_changed_cut_grown_or_made_elsewhere_opens_nothing() {
    let (app, elsewhere) = (guarded().await, with(&[]).await);
    let token = made(&app, &json!({"locations": [LOCATION], "minutes": 5})).await;
    let foreign = made(&elsewhere, &json!({"locations": [LOCATION], "minutes": 5})).await;
    let middle = token.len() / 2;
    let changed = format!(
        "{}{}{}",
        &token[..middle],
        if token.as_bytes()[middle] == b'A' { 'B' } else { 'A' },
        &token[middle + 1..]
    );
    for forged in
        [changed, token[..middle].to_owned(), format!("{token}A"), foreign, format!("ghle_t1.{}", "A".repeat(20_000))]
    {
        let reply = bearer(&app, &forged).get(&profile()).await;
        let problem = reply.assert_problem(401, "unauthenticated");
        assert!(reply.header("www-authenticate").is_some() && !problem.to_string().contains(&forged), "{problem}");
    }
    assert_eq!(app.calls("*"), 0);
}

#[actix_web::test]
async fn rotating_both_keys_ends_every_token() {
    let folder = scratch("token-keys");
    let (current, previous) = (folder.join("current"), folder.join("previous"));
    replace(&current, format!("{SIGNING}\n"));
    replace(&previous, "k".repeat(32));
    let app = with(&[
        ("auth.token_key_file", current.to_str().unwrap()),
        ("auth.previous_token_key_file", previous.to_str().unwrap()),
    ])
    .await;
    let token = made(&app, &json!({"locations": [LOCATION], "minutes": 5})).await;
    let mut watch = SecretWatch::new(app.settings.live_secrets());
    replace(&previous, SIGNING);
    replace(&current, "n".repeat(32));
    watch.run_once();
    assert_eq!(bearer(&app, &token).get(&profile()).await.status, 200, "the former key still verifies");
    let renewed = made(&app, &json!({"locations": [LOCATION], "minutes": 5})).await;
    replace(&previous, "n".repeat(32));
    watch.run_once();
    bearer(&app, &token).get(&profile()).await.assert_problem(401, "unauthenticated");
    assert_eq!(bearer(&app, &renewed).get(&profile()).await.status, 200);
}

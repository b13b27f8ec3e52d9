//! A secret's file that is replaced while the service runs.

use crate::support::{SHOWCASE, TOKEN, TestApp, replace, scratch};
use ghl_enrich::settings::{secret::Refreshed, watch::SecretWatch};

fn profile() -> String {
    format!("/v1/contacts/{SHOWCASE}/profile")
}

#[actix_web::test]
async fn the_right_token_renamed_into_place_ends_the_trouble() {
    let file = scratch("ghl-token").join("token");
    replace(&file, "pit-wrong\n");
    let app = TestApp::with(&[("ghl.token", ""), ("ghl.token_file", file.to_str().unwrap())]).await;
    let problem = app.get(&profile()).await.assert_problem(502, "upstream-unauthorized");
    assert_eq!(problem["upstream"]["service"], "ghl");
    assert!(!problem.to_string().contains("pit-"), "{problem}");
    // What the service's own loop does every ten seconds.
    let mut watch = SecretWatch::new(app.settings.live_secrets());
    let mut ghl = || watch.run_once().into_iter().find(|(name, _)| *name == "ghl.token").unwrap().1;
    assert_eq!(ghl(), Refreshed::Unchanged);
    replace(&file, format!("{TOKEN}\n"));
    assert_eq!(ghl(), Refreshed::Changed);
    assert_eq!(app.get(&profile()).await.status, 200);
    for bad in ["", "two words", "\n"] {
        replace(&file, bad);
        assert!(matches!(ghl(), Refreshed::Failed(_)), "{bad:?}");
    }
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(ghl(), Refreshed::Failed(_)));
    assert_eq!(app.get(&format!("{}?maxAge=0", profile())).await.status, 200, "the last good one stays");
}

#[actix_web::test]
async fn a_new_ipinfo_token_is_used_though_the_old_one_was_rejected() {
    let file = scratch("ipinfo-token").join("token");
    replace(&file, "wrong");
    let app = TestApp::with(&[("ipinfo.token", ""), ("ipinfo.token_file", file.to_str().unwrap())]).await;
    let known = app.get("/v1/ips/58.111.106.198").await.json();
    let provider = |known: &serde_json::Value| {
        let provider = &known["provider"];
        (provider["backend"].as_str().unwrap().to_owned(), provider["degraded"].as_bool().unwrap())
    };
    assert_eq!(provider(&known), ("embedded".to_owned(), true));
    app.get("/v1/ips/58.111.106.199").await;
    assert_eq!(app.calls("ipinfo.*"), 1, "a rejected token is left alone");
    replace(&file, "sandboxipinfo1");
    let looked = SecretWatch::new(app.settings.live_secrets()).run_once();
    assert_eq!(looked, [("ipinfo.token", Refreshed::Changed)]);
    let known = app.get("/v1/ips/58.111.106.198").await.json();
    assert_eq!(provider(&known), ("api".to_owned(), false), "{known}");
}

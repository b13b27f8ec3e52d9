//! A file in MaxMind DB format as the source of IP intelligence, replaced and broken under a running service.

use crate::support::{LOCATION, TestApp, eventually, replace, scratch, settings};
use ghl_enrich::{app::App, ipinfo::Reload};
use ghl_sandbox::ContactSeed;
use std::{
    fs,
    path::{Path, PathBuf},
};

fn sample(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ipinfo").join(name)).expect("a fixture")
}

/// A file of city precision in a folder of its own.
fn core_file(test: &str) -> PathBuf {
    let path = scratch(test).join("ip.mmdb");
    replace(&path, sample("ipinfo_core_sample.mmdb"));
    path
}

async fn with_file(path: &Path) -> TestApp {
    TestApp::with(&[("ipinfo.mmdb_path", path.to_str().unwrap()), ("ipinfo.mmdb_poll_seconds", "1")]).await
}

async fn precision(app: &TestApp) -> String {
    let known = app.get("/v1/ips/1.0.0.1").await.json();
    assert_eq!(known["provider"]["backend"], "mmdb", "{known}");
    known["provider"]["precision"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_contacts_address_is_looked_up_in_the_file() {
    let app = with_file(&core_file("mmdb-contact")).await;
    let id = app.sandbox.add_contact(ContactSeed::new().location(LOCATION).last_attribution_ip("1.0.0.1"));
    let ip = app.profile(&id).await["ip"].clone();
    assert_eq!((&ip["provider"]["backend"], &ip["provider"]["precision"]), (&"mmdb".into(), &"city".into()), "{ip}");
    assert_eq!((&ip["network"], &ip["geo"]["city"]), (&"1.0.0.0/31".into(), &"Sydney".into()));
    assert_eq!((&ip["asn"]["asn"], &ip["provider"]["degraded"]), (&"AS13335".into(), &false.into()));
    assert_eq!(app.calls("ipinfo.*"), 0, "with a file that knows it, nothing leaves");
    let metrics = app.admin.get("/metrics").await.text();
    assert!(metrics.contains("ghl_enrich_mmdb_build_timestamp_seconds 17"), "{metrics}");
    let ready = app.admin.get("/readyz").await.json();
    assert_eq!((&ready["components"][0]["name"], &ready["components"][0]["state"]), (&"ip.mmdb".into(), &"ok".into()));
    assert!(ready["components"][0]["detail"].as_str().unwrap().contains("built 2026"), "{ready}");
}

#[actix_web::test]
async fn an_address_that_the_file_does_not_know_goes_on_to_the_next_backend() {
    let app = with_file(&core_file("mmdb-next")).await;
    let known = app.get("/v1/ips/58.111.106.198").await.json();
    assert_eq!((&known["provider"]["backend"], &known["provider"]["degraded"]), (&"api".into(), &false.into()));
}

#[actix_web::test]
async fn a_file_renamed_into_place_answers_soon() {
    let path = core_file("mmdb-swap");
    let app = with_file(&path).await;
    assert_eq!(precision(&app).await, "city");
    replace(&path, sample("ipinfo_lite_sample.mmdb"));
    let kind = || app.parts.ip.status().first().and_then(|status| status.database_type.clone()).unwrap_or_default();
    eventually("the loop sees the new file", || kind().contains("lite")).await;
    assert_eq!(precision(&app).await, "country");
    replace(&path, sample("ipinfo_core_sample.mmdb"));
    app.parts.ip.reload().await;
    assert_eq!(precision(&app).await, "city", "at once where somebody asks");
    assert_eq!(app.parts.ip.reload().await, Some(Reload::Unchanged));
}

#[actix_web::test]
async fn a_broken_file_leaves_the_old_one_answering_and_readiness_says_so() {
    let path = core_file("mmdb-broken");
    let app = with_file(&path).await;
    let whole = sample("ipinfo_core_sample.mmdb");
    for broken in [&b""[..], b"garbage", &[0; 70_000], &whole[..whole.len() / 2], &whole[..whole.len() - 40]] {
        replace(&path, broken);
        let kept = app.parts.ip.reload().await;
        assert!(matches!(kept, Some(Reload::Kept(_))), "{} bytes: {kept:?}", broken.len());
        assert_eq!(precision(&app).await, "city");
        let ready = app.admin.get("/readyz").await;
        assert_eq!((ready.status, &ready.json()["components"][0]["state"]), (200, &"degraded".into()), "{ready:?}");
        assert!(ready.json()["components"][0]["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(app.parts.ip.reload().await, Some(Reload::Kept(_))), "a vanished file, too");
    assert_eq!(precision(&app).await, "city");
    replace(&path, sample("ipinfo_lite_sample.mmdb"));
    app.parts.ip.reload().await;
    let ready = app.admin.get("/readyz").await.json();
    assert_eq!((precision(&app).await.as_str(), &ready["components"][0]["state"]), ("country", &"ok".into()));
}

#[actix_web::test]
async fn a_file_that_cannot_be_used_at_the_start_is_named_with_a_remedy() {
    let folder = scratch("mmdb-start");
    let whole = sample("ipinfo_core_sample.mmdb");
    let path = folder.join("ip.mmdb");
    let refused = async |path: &Path| {
        let flags = [
            ("http.bind", "127.0.0.1:0".to_owned()),
            ("http.admin_bind", "127.0.0.1:0".to_owned()),
            ("store.url", String::new()),
            ("ipinfo.mmdb_path", path.to_str().unwrap().to_owned()),
        ];
        App::build(settings(&flags)).await.expect_err("cannot start").to_string()
    };
    let mut said = vec![refused(&path).await, refused(&folder).await];
    for broken in [&b""[..], b"garbage", &whole[..whole.len() / 2]] {
        replace(&path, broken);
        said.push(refused(&path).await);
    }
    for said in said {
        assert!(said.contains("ipinfo.mmdb_path") && said.contains("set mmdb_path to \"\""), "{said}");
    }
}

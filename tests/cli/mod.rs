//! The real binary, as people and scripts run it.

mod source;

use crate::support::{
    Client, Events, LOCATION, Process, SHOWCASE, TOKEN, TestApp, finished, free_port, key, scratch, until,
};
use ghl_sandbox::{Sandbox, SandboxConfig};
use serde_json::{Value, json};
use std::{fs, net::TcpListener, time::Duration};

/// Variables that point the binary at a sandbox.
fn at_sandbox(base: &str) -> Vec<(&str, &str)> {
    vec![
        ("GHL_TOKEN", TOKEN),
        ("ENRICH_GHL__LOCATION_ID", LOCATION),
        ("ENRICH_GHL__BASE_URL", base),
        ("IPINFO_TOKEN", "sandboxipinfo1"),
        ("ENRICH_IPINFO__PLAN", "lookup"),
        ("ENRICH_IPINFO__BASE_URL", base),
        ("ENRICH_HTTP__BIND", "127.0.0.1:0"),
        ("ENRICH_HTTP__ADMIN_BIND", "127.0.0.1:0"),
        ("ENRICH_HTTP__DRAIN_MS", "0"),
    ]
}

async fn sandbox() -> Sandbox {
    Sandbox::start(SandboxConfig::default()).await.expect("sandbox starts")
}

#[test]
fn openapi_prints_the_document() {
    let (code, printed, _) = finished(&["openapi"], &[]);
    let document: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!(code, 0);
    assert!(document["paths"]["/v1/contacts/{contactId}/profile"]["get"].is_object());
    let file = scratch("openapi").join("document.json");
    let (code, said, _) = finished(&["openapi", "--output", file.to_str().unwrap()], &[]);
    assert_eq!((code, said.as_str()), (0, ""));
    assert_eq!(serde_json::from_str::<Value>(&fs::read_to_string(file).unwrap()).unwrap(), document);
    assert_eq!(finished(&["openapi", "--output", "/no/such/folder/x.json"], &[]).0, 1);
}

#[actix_web::test]
async fn a_new_key_lets_in() {
    let (code, printed, _) =
        finished(&["keys", "new", "--name", "dashboard", "--role", "read", "--location", LOCATION], &[]);
    assert_eq!(code, 0);
    let key = printed.lines().map(str::trim).find(|line| line.starts_with("ghle_")).expect("a key");
    let variable = printed.lines().find_map(|line| line.trim().strip_prefix("ENRICH_AUTH__KEYS=")).expect("a variable");
    let app = TestApp::with(&[("auth.keys", variable.trim_matches('\''))]).await;
    let path = format!("/v1/contacts/{SHOWCASE}/profile");
    app.get(&path).await.assert_problem(401, "unauthenticated");
    assert_eq!(app.client.with("authorization", &format!("Bearer {key}")).get(&path).await.status, 200);
}

#[test]
fn a_look_up_needs_neither_token_nor_network() {
    let (code, printed, _) = finished(&["lookup", "8.8.8.8", "10.0.0.1"], &[]);
    assert_eq!(code, 0);
    let lines: Vec<_> = printed.lines().collect();
    assert!(lines[0].starts_with("8.8.8.8") && lines[0].contains("United States") && lines[0].contains("embedded"));
    assert!(lines[1].starts_with("10.0.0.1"), "{printed}");
    let (code, printed, _) = finished(&["lookup", "::ffff:8.8.8.8", "--json"], &[]);
    let known: Value = serde_json::from_str(&printed).expect("one line of JSON");
    assert_eq!((code, &known["geo"]["countryCode"], &known["address"]), (0, &"US".into(), &"8.8.8.8".into()));
    assert_eq!(finished(&["lookup", "nonsense"], &[]).0, 2, "a misused command line is 2");
}

#[actix_web::test]
async fn check_finds_all_well_and_shows_no_secret() {
    let sandbox = sandbox().await;
    let base = sandbox.base_url();
    let (code, printed, logged) = finished(&["check"], &at_sandbox(&base));
    assert_eq!(code, 0, "{printed}{logged}");
    assert!(!printed.contains("WRONG") && printed.contains("ok    GHL: answers; 2"), "{printed}");
    for said in [
        "ok    IP intelligence: api answers",
        "ok    IP intelligence: embedded answers",
        "mmdb is passed over, no file is set",
        "0 API keys; origins whose pages may call: none",
    ] {
        assert!(printed.contains(said), "{said} in {printed}");
    }
    for secret in [TOKEN, "sandboxipinfo1"] {
        assert!(!printed.contains(secret) && !logged.contains(secret), "{printed}{logged}");
    }
}

#[actix_web::test]
async fn check_says_what_is_wrong_and_how_to_mend_it() {
    let sandbox = sandbox().await;
    let base = sandbox.base_url();
    let with = |name: &'static str, value: &'static str| {
        let mut variables = at_sandbox(&base);
        variables.retain(|(known, _)| *known != name);
        variables.push((name, value));
        finished(&["check"], &variables)
    };
    for (name, value, said) in [
        ("GHL_TOKEN", "pit-wrong", "WRONG GHL"),
        ("GHL_TOKEN", "pit-00000000-0000-4000-8000-000000000005", "WRONG GHL"),
        ("GHL_TOKEN", "", "WRONG GHL: no token"),
        ("ENRICH_GHL__LOCATION_ID", "sandboxLocation00002", "WRONG GHL"),
        ("ENRICH_GHL__BASE_URL", "http://127.0.0.1:1", "WRONG GHL"),
        ("IPINFO_TOKEN", "wrong", "WRONG IP intelligence"),
    ] {
        let (code, printed, _) = with(name, value);
        assert_eq!(code, 1, "{name}={value}: {printed}");
        let wrong = printed.lines().skip_while(|line| !line.contains(said)).nth(1);
        assert!(wrong.is_some_and(|remedy| remedy.trim().len() > 20), "{name}={value}: {printed}");
        assert_eq!(printed.matches("WRONG").count(), 1, "{name}={value}: {printed}");
    }
}

#[actix_web::test]
async fn check_looks_at_the_store_and_leaves_it_as_it_is() {
    let sandbox = sandbox().await;
    let base = sandbox.base_url();
    let folder = scratch("store");
    let url = format!("sqlite:{}", folder.join("enrich.db").display());
    let check = |url: &str| {
        let mut variables = at_sandbox(&base);
        variables.push(("ENRICH_STORE__URL", url));
        finished(&["check"], &variables)
    };
    let said = |url: &str, wanted: &str| {
        let (code, printed, logged) = check(url);
        assert!(code == 0 && printed.contains(wanted), "{wanted} in {printed}{logged}");
    };
    for (store, may) in [("", "may read everything"), (url.as_str(), "may read and write everything")] {
        let mut variables = at_sandbox(&base);
        variables.extend([("ENRICH_STORE__URL", store), ("ENRICH_AUTH__ALLOW_ANONYMOUS", "true")]);
        let (code, printed, _) = finished(&["check"], &variables);
        assert!(
            code == 1 && printed.contains(&format!("WRONG access: everyone who reaches the port {may}")),
            "{printed}"
        );
    }
    said("", "ok    store: none is set; writes are refused");
    said("sqlite::memory:", "warn  store: in memory");
    said(&url, "enrich.db is made at the start; its folder can be written");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "a look makes no file");
    let mut variables = at_sandbox(&base);
    variables.push(("ENRICH_STORE__URL", &url));
    let mut service = Process::start(&["serve"], &variables);
    let (public, _) = service.addresses();
    said(&url, "enrich.db is in use by another process");
    assert_eq!(Client::new(public).get("/v1/operations").await.status, 200, "and it goes on");
    assert_eq!(service.terminate().0, Some(0));
    said(&url, "enrich.db can be opened and written; 0 writes have not ended");
    fs::write(folder.join("enrich.db"), "nonsense ".repeat(200)).unwrap();
    let (code, printed, _) = check(&url);
    let wrong: Vec<_> = printed.lines().skip_while(|line| !line.contains("WRONG store: ")).take(2).collect();
    assert!(code == 1 && wrong.len() == 2 && wrong[1].contains("store.url"), "{printed}");
}

#[actix_web::test]
async fn check_tells_who_may_send_webhooks_and_what_signs_tokens() {
    let sandbox = sandbox().await;
    let base = sandbox.base_url();
    let said = |changes: &[(&'static str, &str)], wanted: &str| {
        let mut variables = at_sandbox(&base);
        variables.push(("ENRICH_STORE__URL", "sqlite::memory:"));
        variables.retain(|(known, _)| changes.iter().all(|(name, _)| name != known));
        variables.extend(changes);
        let (code, printed, logged) = finished(&["check"], &variables);
        assert!(code == 0 && printed.contains(wanted), "{wanted} in {printed}{logged}");
    };
    let own = format!("[\"{}\"]", ghl_sandbox::tokens::WEBHOOK_PUBLIC_KEY);
    let taken = "ok    webhooks: taken at /webhooks/ghl, by";
    said(&[], &format!("{taken} GHL's published Ed25519 key; the retired RSA signature does not count"));
    said(
        &[("ENRICH_WEBHOOKS__PUBLIC_KEYS", &own), ("ENRICH_WEBHOOKS__ACCEPT_RSA", "true")],
        &format!("{taken} 1 Ed25519 key of the settings' own; GHL's published RSA key"),
    );
    said(&[("ENRICH_WEBHOOKS__ENABLED", "false")], "ok    webhooks: switched off");
    said(&[("ENRICH_STORE__URL", "")], "ok    webhooks: none are taken, for there is no store");
    let (key, previous) = ("k".repeat(32), "p".repeat(32));
    said(&[], "ok    tokens for browsers: the process makes its own key");
    said(&[("ENRICH_AUTH__TOKEN_KEY", &key)], "ok    tokens for browsers: signed with auth.token_key");
    said(
        &[("ENRICH_AUTH__TOKEN_KEY", &key), ("ENRICH_AUTH__PREVIOUS_TOKEN_KEY", &previous)],
        "those of the previous key are still good",
    );
}

#[actix_web::test]
async fn check_tries_each_source_of_ip_intelligence_by_itself() {
    let sandbox = sandbox().await;
    let base = sandbox.base_url();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/ipinfo/ipinfo_lite_sample.mmdb");
    let check = |token, days| {
        let mut variables = at_sandbox(&base);
        variables.retain(|(known, _)| *known != "IPINFO_TOKEN");
        variables.extend([("IPINFO_TOKEN", token), ("ENRICH_IPINFO__MMDB_PATH", file)]);
        variables.push(("ENRICH_IPINFO__MMDB_MAX_AGE_DAYS", days));
        variables.push(("ENRICH_HTTP__CORS_ORIGINS", r#"["https://app.example"]"#));
        finished(&["check"], &variables)
    };
    let (code, printed, _) = check("wrong", "3660");
    assert_eq!(code, 1, "the file answers, and the token is wrong all the same: {printed}");
    for said in [
        "ok    IP intelligence: mmdb answers",
        "ok    IP intelligence: the database is ",
        "WRONG IP intelligence: api",
        "may call: https://app.example",
    ] {
        assert!(printed.contains(said), "{said} in {printed}");
    }
    let (code, printed, _) = check("sandboxipinfo1", "1");
    assert!(code == 0 && printed.contains("warn  IP intelligence: the database is "), "{printed}");
}

#[test]
fn wrong_settings_are_all_told_at_once_with_what_to_write() {
    let file = scratch("settings").join("enrich.toml");
    fs::write(&file, "[http]\nbnd = \"127.0.0.1:1\"\n[cache]\ncontact_fresh_seconds = \"soon\"\n").unwrap();
    let (code, _, said) = finished(&["--config", file.to_str().unwrap(), "serve"], &[]);
    assert_eq!(code, 1);
    for part in ["2 errors", "Did you mean bind", "line 2", "cache.contact_fresh_seconds", "line 4"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let (code, _, said) = finished(&["check"], &[("ENRICH_GHL__TOKN", "x")]);
    assert!(code == 1 && said.contains("ENRICH_GHL__TOKEN"), "{said}");
    let (code, _, said) = finished(&["serve"], &[("GHL_TOKEN_FILE", "/no/such/file")]);
    assert!(code == 1 && said.contains("ghl.token_file") && said.contains("GHL_TOKEN_FILE"), "{said}");
    let (code, _, said) = finished(&["serve"], &[("GHL_TOKEN", TOKEN)]);
    assert!(code == 1 && said.contains("ghl.location_id") && said.contains("GHL_TOKEN"), "{said}");
    assert!(said.contains("sub-account's URL") && !said.contains(TOKEN), "{said}");
    let (code, _, said) = finished(&["--config", "/no/such/file.toml", "serve"], &[]);
    assert!(code == 1 && said.contains("/no/such/file.toml"), "{said}");
}

#[test]
fn a_token_in_a_files_place_is_not_repeated() {
    let (code, printed, said) = finished(&["check"], &[("GHL_TOKEN_FILE", TOKEN)]);
    assert_eq!(code, 1);
    assert!(!printed.contains(TOKEN) && !said.contains(TOKEN), "{said}");
}

#[test]
fn an_open_port_without_keys_is_refused_with_a_remedy() {
    let (code, _, said) = finished(&["serve", "--bind", "0.0.0.0:0"], &[]);
    assert_eq!(code, 1);
    for part in ["http.bind", "ghl-enrich keys new", "auth.allow_anonymous"] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let bind = taken.local_addr().unwrap().to_string();
    let (code, _, said) = finished(&["serve", "--bind", &bind, "--admin-bind", "127.0.0.1:0"], &[]);
    assert!(code == 1 && said.contains(&bind), "{said}");
}

#[actix_web::test]
async fn a_profile_is_printed() {
    let sandbox = sandbox().await;
    let base = sandbox.base_url();
    let (code, printed, logged) = finished(&["profile", SHOWCASE, "--include", "notes,ip"], &at_sandbox(&base));
    assert_eq!(code, 0, "{logged}");
    let profile: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!((&profile["id"], &profile["ip"]["geo"]["countryCode"]), (&SHOWCASE.into(), &"AU".into()));
    assert!(profile["notes"].is_array() && profile["tasks"].is_null());
    let (code, printed, said) = finished(&["profile", "noSuchContact0000001"], &at_sandbox(&base));
    assert_eq!((code, printed.as_str()), (1, ""));
    assert!(said.contains("ghl-enrich: "), "{said}");
}

#[actix_web::test]
async fn a_health_check_tells_by_its_exit_code() {
    let app = TestApp::start().await;
    let admin = app.admin.address();
    let check = |url: String| async move {
        let run = move || finished(&["healthcheck", "--url", &url], &[]).0;
        tokio::task::spawn_blocking(run).await.unwrap()
    };
    assert_eq!(check(format!("http://{admin}/readyz")).await, 0);
    assert_eq!(check(format!("http://{admin}/nowhere")).await, 1);
    assert_eq!(check("http://127.0.0.1:1/readyz".to_owned()).await, 1);
    assert_eq!(check("nonsense".to_owned()).await, 1);
    let by_setting = {
        let admin = admin.to_string();
        move || finished(&["healthcheck"], &[("ENRICH_HTTP__ADMIN_BIND", &admin)]).0
    };
    assert_eq!(tokio::task::spawn_blocking(by_setting).await.unwrap(), 0);
}

#[actix_web::test]
async fn the_demo_runs_on_free_ports_and_its_lines_work() {
    let free = "127.0.0.1:0";
    // As with somebody who uses the service in earnest, too.
    let keys = format!("[{}]", key("mine", "ghle_mine", &["read"], &[]));
    let earnest = [
        ("GHL_TOKEN_FILE", "/no/such/file"),
        ("IPINFO_TOKEN_FILE", "/no/such/file"),
        ("ENRICH_IPINFO__TOKEN", "mine"),
        ("ENRICH_AUTH__KEYS", &keys),
    ];
    let mut demo = Process::start(&["demo", "--bind", free, "--admin-bind", free, "--sandbox-bind", free], &earnest);
    let printed = demo.printed_until("Ctrl-C ends it.");
    demo.addresses();
    let lines = printed.iter().filter_map(|line| line.trim().strip_prefix("curl -s "));
    let urls: Vec<&str> = lines
        .chain(printed.iter().filter_map(|line| line.split_whitespace().find(|word| word.starts_with("http://"))))
        .collect();
    assert!(urls.len() >= 6, "{printed:?}");
    for url in urls {
        let (authority, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect(url);
        let client = Client::new(authority.parse().expect(url));
        if path.ends_with("/events") {
            assert_eq!(Events::open(&client, &format!("/{path}")).await.status, 200, "{url}");
            continue;
        }
        let reply = client.get(&format!("/{path}")).await;
        assert_eq!(reply.status, 200, "{url}: {reply:?}");
        if path.ends_with("/profile") {
            assert_eq!(reply.json()["ip"]["provider"]["backend"], "api", "{reply:?}");
        }
    }
    assert_eq!(demo.terminate().0, Some(0));
}

#[actix_web::test]
async fn the_demo_is_connected_by_oauth_where_asked_and_hears_of_changes() {
    let (free, bind) = ("127.0.0.1:0", format!("127.0.0.1:{}", free_port()));
    let line = ["demo", "--oauth", "--bind", &bind, "--admin-bind", free, "--sandbox-bind", free];
    let mut demo = Process::start(&line, &[]);
    let printed = demo.printed_until("Ctrl-C ends it.");
    let client = Client::new(demo.addresses().0);
    let state = async || client.get("/v1/locations").await.json()["items"][0]["state"] == "connected";
    until("a connection", Duration::from_secs(10), async || state().await.then_some(())).await;
    assert_eq!(client.get(&format!("/v1/contacts/{SHOWCASE}/profile")).await.status, 200);
    // Somebody writes a note in GHL, with a token of their own.
    let sandbox =
        printed.iter().find_map(|line| line.split("http://").nth(1)?.split_once("/__sandbox")).expect("a line").0;
    let ghl = Client::new(sandbox.parse().expect("an address"));
    let ghl = ghl.with("authorization", &format!("Bearer {TOKEN}")).with("version", "2021-07-28");
    let noted = ghl.post(&format!("/contacts/{SHOWCASE}/notes"), &json!({"body": "Told by webhook."})).await;
    assert_eq!(noted.status, 201, "{noted:?}");
    until("the note", Duration::from_secs(10), async || {
        client.get(&format!("/v1/contacts/{SHOWCASE}/profile")).await.text().contains("Told by webhook.").then_some(())
    })
    .await;
    // And as a person connects one.
    let install = client.get("/oauth/install").await;
    assert_eq!(install.status, 302, "{install:?}");
    assert!(install.header("location").expect("a page").starts_with(&format!("http://{sandbox}/oauth/chooselocation")));
    assert_eq!(demo.terminate().0, Some(0));
}

#[actix_web::test]
async fn sigterm_ends_an_idle_service_at_once() {
    let sandbox = sandbox().await;
    let base = sandbox.base_url();
    let mut service = Process::start(&["serve"], &at_sandbox(&base));
    let (public, _) = service.addresses();
    assert_eq!(Client::new(public).get("/readyz").await.status, 200);
    let told = tokio::time::Instant::now();
    let (code, logged) = service.terminate();
    assert_eq!(code, Some(0), "{logged:?}");
    assert!(told.elapsed() < Duration::from_secs(3), "took {:?}: {logged:?}", told.elapsed());
    assert!(logged.last().is_some_and(|line| line.contains("stopped")), "{logged:?}");
}

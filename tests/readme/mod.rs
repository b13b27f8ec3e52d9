//! What the README promises: its problems, its settings, its lines to paste.

use crate::support::TestApp;
use ghl_enrich::{domain::problem::ProblemKind, http::problem, settings::DEFAULTS};
use std::{collections::BTreeSet, fs, path::Path};

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every setting, as `section.key`.
fn settings() -> BTreeSet<String> {
    let defaults: toml::Table = DEFAULTS.parse().expect("TOML");
    let keys = |(section, table): (&String, &toml::Value)| {
        let keys = table.as_table().expect("a section").keys();
        keys.map(|key| format!("{section}.{key}")).collect::<Vec<_>>()
    };
    defaults.iter().flat_map(keys).collect()
}

/// What stands between backticks.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn the_problems_are_all_there_with_their_statuses() {
    let readme = text("README.md");
    let rows: Vec<(String, u16)> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `/problems/"))
        .map(|rest| {
            let (slug, rest) = rest.split_once('`').expect("a code");
            let status = rest.split('|').nth(1).and_then(|cell| cell.trim().parse().ok()).expect("a status");
            (slug.to_owned(), status)
        })
        .collect();
    let kinds: Vec<(String, u16)> =
        ProblemKind::ALL.iter().map(|kind| (kind.slug().to_owned(), problem::status(*kind).as_u16())).collect();
    assert_eq!(rows, kinds);
}

#[test]
fn settings_that_are_named_exist() {
    let settings = settings();
    let sections: BTreeSet<&str> = settings.iter().filter_map(|key| key.split('.').next()).collect();
    let mut named = 0;
    for path in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        for code in code(&text(path)) {
            let key = code.split([' ', '=']).next().unwrap_or_default();
            let Some((section, name)) = key.split_once('.') else { continue };
            let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') && name != "rs";
            // Two of GHL's scopes look like settings of ours.
            let scope = ["oauth.readonly", "oauth.write"].contains(&key);
            if sections.contains(section) && plain && !scope {
                assert!(settings.contains(key), "{path} names {key}");
                named += 1;
            }
        }
    }
    assert!(named >= 5, "only {named} settings are named");
}

#[test]
fn variables_that_are_named_exist() {
    let settings = settings();
    let mut named = 0;
    for path in ["README.md", "Dockerfile", "deploy/kubernetes/deployment.yaml", "deploy/kubernetes/sidecar.yaml"] {
        for rest in text(path).split("ENRICH_").skip(1) {
            let name: String = rest.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
            if name == "SECTION__KEY" || !name.contains("__") {
                continue;
            }
            let key = name.to_lowercase().replace("__", ".");
            assert!(settings.contains(&key), "{path} names ENRICH_{name}");
            named += 1;
        }
    }
    assert!(named >= 5, "only {named} variables are named");
}

#[test]
fn every_setting_has_its_comment() {
    let mut above = "";
    for line in DEFAULTS.lines() {
        if line.contains(" = ") && !line.starts_with('#') {
            assert!(above.starts_with('#'), "no comment above {line}");
        }
        above = line;
    }
}

/// The first block of the README that begins so.
fn block(readme: &str, begin: &str) -> String {
    let at = readme.find(begin).expect("the block");
    readme[at..].split("```").next().expect("its end").to_owned()
}

/// The made-up system that the README connects.
fn clinic(readme: &str) -> String {
    let settings: toml::Table = block(readme, "[[sources.systems]]\nname = \"clinic\"").parse().expect("TOML");
    settings["sources"]["systems"].to_string()
}

#[actix_web::test]
async fn the_settings_of_another_system_understand_its_payload() {
    let readme = text("README.md");
    let app = TestApp::with(&[("sources.systems", &clinic(&readme))]).await;
    let payload = serde_json::from_str(&block(&readme, "{\"batch\": [")).expect("JSON");
    let reply = app.client.post("/v1/sources/clinic/events?dryRun=true", &payload).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let plan = reply.json();
    let event = &plan["events"][0];
    assert_eq!((&event["outcome"], &event["contactExternalId"]), (&"apply".into(), &"8841".into()), "{plan}");
    let field = |name: &str| {
        let fields = event["fields"].as_array().expect("fields");
        fields.iter().find(|field| field["field"] == name).unwrap_or_else(|| panic!("{name}: {plan}"))["to"].clone()
    };
    assert_eq!([field("email"), field("phone")], ["rosa@example.com", "+491712345678"]);
}

#[actix_web::test]
async fn lines_to_paste_work() {
    let readme = text("README.md");
    let app = TestApp::with(&[("sources.systems", &clinic(&readme))]).await;
    let urls: Vec<&str> = readme
        .split(|c: char| c.is_whitespace() || matches!(c, '`' | '<' | '>' | '\'' | '"'))
        .filter_map(|word| word.strip_prefix("http://127.0.0.1:8080"))
        .collect();
    assert!(urls.len() >= 2, "{urls:?}");
    for path in urls {
        let reply = app.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
    }
}

#[actix_web::test]
async fn routes_that_are_named_exist() {
    let app = TestApp::start().await;
    let document = app.get("/openapi.json").await.json();
    let paths: BTreeSet<String> =
        document["paths"].as_object().unwrap().keys().map(|path| without_names(path)).collect();
    for code in code(&text("README.md")) {
        if let Some((method @ ("GET" | "POST"), path)) = code.split_once(' ')
            && path.starts_with("/v1/")
        {
            assert!(paths.contains(&without_names(path)), "README names {method} {path}");
        }
    }
}

/// `/v1/ips/{ip}` as `/v1/ips/{}`.
fn without_names(path: &str) -> String {
    let segment = |segment: &str| if segment.starts_with('{') { "{}".to_owned() } else { segment.to_owned() };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

#[test]
fn the_changelog_has_a_place_for_what_comes() {
    assert!(text("CHANGELOG.md").lines().any(|line| ["## Unreleased", "## [Unreleased]"].contains(&line.trim())));
}

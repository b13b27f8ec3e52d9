//! Loading as a whole: layers, errors, secrets, and the default file against the code.

mod defaults;
mod refusals;

use super::{Loaded, Origin, Settings, SettingsErrors, Sources};
use std::path::PathBuf;

/// A folder of a test's own, gone with it.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        let name = uuid::Uuid::new_v4().to_string();
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/test-folders").join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Loads a file's text and variables.
fn load(file: &str, variables: &[(&str, &str)]) -> Result<Loaded, SettingsErrors> {
    let folder = Folder::new();
    let path = folder.write("enrich.toml", file);
    let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Settings::load(Sources { file: Some(path), environment, flags: Vec::new() })
}

fn origin_of(loaded: &Loaded, key: &str) -> Origin {
    loaded.describe().iter().find(|one| one.key == key).unwrap().origin.clone()
}

fn shown(loaded: &Loaded, key: &str) -> String {
    loaded.describe().iter().find(|one| one.key == key).unwrap().shown.clone()
}

#[test]
fn the_defaults_alone_are_good() {
    let loaded = Settings::load(Sources::default()).unwrap();
    assert_eq!(loaded.settings.http.bind.to_string(), "127.0.0.1:8080");
    assert!(loaded.settings.live_secrets().is_empty());
    assert!(loaded.describe().iter().all(|one| one.origin == Origin::Default));
}

#[test]
fn each_layer_lies_over_the_one_before() {
    let file = "[http]\nworkers = 1\nmax_batch = 1\ndrain_ms = 1\n";
    let folder = Folder::new();
    let environment = [("ENRICH_HTTP__MAX_BATCH", "2"), ("ENRICH_HTTP__DRAIN_MS", "2")];
    let sources = Sources {
        file: Some(folder.write("enrich.toml", file)),
        environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        flags: Vec::new(),
    };
    let loaded = Settings::load(sources.with("http.drain_ms", 3)).unwrap();
    let http = &loaded.settings.http;
    assert_eq!((http.workers, http.max_batch, http.drain.as_millis()), (1, 2, 3));
    let path = folder.path("enrich.toml");
    assert_eq!(origin_of(&loaded, "http.workers"), Origin::FileAt { path, line: 2, column: 1 });
    assert_eq!(origin_of(&loaded, "http.max_batch"), Origin::Variable("ENRICH_HTTP__MAX_BATCH".to_owned()));
    assert_eq!(origin_of(&loaded, "http.drain_ms"), Origin::Flag);
    assert_eq!(origin_of(&loaded, "http.bind"), Origin::Default);
}

#[test]
fn a_variable_holds_toml_where_the_key_is_no_text() {
    let variables = [
        ("ENRICH_HTTP__CORS_ORIGINS", r#"["https://App.example"]"#),
        ("ENRICH_AUTH__ALLOW_ANONYMOUS", "true"),
        ("ENRICH_GHL__VERSION", "2021-04-15"),
        ("ENRICH_PROFILE__OWN_SERVERS", r#"["10.0.0.0/8", "192.0.2.7"]"#),
    ];
    let settings = load("", &variables).unwrap().settings;
    assert_eq!(settings.http.cors_origins, ["https://app.example"]);
    assert!(settings.auth.allow_anonymous);
    assert_eq!(settings.ghl.version, "2021-04-15");
    assert_eq!(settings.profile.own_servers[1].to_string(), "192.0.2.7/32");
}

#[test]
fn what_the_default_file_says_of_nothing_is_taken() {
    let settings = load("[ipinfo]\nmmdb_poll_seconds = 0\n[profile]\nredact = ['customFields']", &[]).unwrap().settings;
    assert!(settings.ipinfo.mmdb_poll.is_zero(), "0 never looks");
    assert_eq!(settings.profile.redact, ["customFields"]);
}

#[test]
fn an_explicit_variable_wins_over_a_well_known_one() {
    let token = |variables: &[(&str, &str)]| {
        let secret = load("[ghl]\nlocation_id = 'l1'\ntoken = 'file'", variables).unwrap().settings.ghl.token;
        secret.map(|secret| secret.get().expose().to_owned())
    };
    assert_eq!(token(&[]).as_deref(), Some("file"));
    assert_eq!(token(&[("GHL_TOKEN", "known\n")]).as_deref(), Some("known"));
    assert_eq!(token(&[("GHL_TOKEN", "")]).as_deref(), Some("file"), "empty is not set");
    assert_eq!(token(&[("GHL_TOKEN", "known"), ("ENRICH_GHL__TOKEN", "own")]).as_deref(), Some("own"));
    assert_eq!(token(&[("ENRICH_GHL__TOKEN", "")]), None, "an explicit nothing clears");
}

#[test]
fn a_secret_comes_from_its_file_and_is_shown_by_fingerprint() {
    let folder = Folder::new();
    let path = folder.write("token", "abc\n");
    let loaded = load("", &[("IPINFO_TOKEN_FILE", path.to_str().unwrap())]).unwrap();
    let (name, secret) = loaded.settings.live_secrets().remove(0);
    assert_eq!((name, secret.get().expose()), ("ipinfo.token", "abc"));
    // SHA-256 of "abc" ends in …15ad.
    assert_eq!(shown(&loaded, "ipinfo.token"), "set (…15ad)");
    assert_eq!(origin_of(&loaded, "ipinfo.token"), Origin::File(path));
    assert_eq!(shown(&loaded, "ghl.token"), "not set");
}

#[test]
fn a_flag_may_be_a_text_or_the_value_itself() {
    for sources in [Sources::default().with("http.workers", "7"), Sources::default().with("http.workers", 7)] {
        assert_eq!(Settings::load(sources).unwrap().settings.http.workers, 7);
    }
}

#[test]
fn keys_are_parsed_from_a_file_and_from_a_variable() {
    let hash = "AB".repeat(32);
    let file = format!("[[auth.keys]]\nname = 'a'\nsha256 = '{hash}'\nroles = ['read', 'admin']\nlocations = ['loc1']");
    let loaded = load(&file, &[]).unwrap();
    let key = &loaded.settings.auth.keys[0];
    assert_eq!((key.name.as_str(), key.sha256, key.roles.len()), ("a", [0xab; 32], 2));
    assert_eq!(key.locations.as_ref().unwrap().first().unwrap().as_str(), "loc1");
    assert_eq!(shown(&loaded, "auth.keys"), "1 (a)");
    let inline = format!("[{{name='b', sha256='{hash}', roles=['write']}}]");
    let loaded = load("", &[("ENRICH_AUTH__KEYS", &inline), ("ENRICH_HTTP__BIND", "0.0.0.0:80")]).unwrap();
    assert_eq!(loaded.settings.auth.keys[0].locations, None);
}

#[test]
fn what_kubernetes_adds_for_a_service_called_enrich_is_passed_over() {
    for name in ["ENRICH_SERVICE_HOST", "ENRICH_SERVICE_PORT_HTTP", "ENRICH_PORT", "ENRICH_PORT_8080_TCP_ADDR"] {
        assert!(load("", &[(name, "tcp://10.0.0.1:8080")]).is_ok(), "{name}");
    }
}

#[test]
fn debug_of_sources_shows_no_value() {
    let mut sources = Sources::default().with("ghl.token", "s3cret");
    sources.environment.insert("GHL_TOKEN".to_owned(), "s3cret".to_owned());
    assert!(!format!("{sources:?}").contains("s3cret"));
}

#[test]
fn a_health_check_finds_its_address_whatever_else_is_wrong() {
    let environment = [("GHL_TOKEN_FILE", "/gone"), ("ENRICH_HTTP__ADMIN_BIND", "0.0.0.0:9191")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let sources = Sources { environment, ..Sources::default() };
    assert_eq!(Settings::admin_bind(&sources).unwrap().port(), 9191);
    assert!(Settings::admin_bind(&sources.clone().with("http.admin_bind", "x")).is_err());
    assert!(Settings::load(sources).is_err());
}

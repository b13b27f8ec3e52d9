//! The default file against the code: every key is explained, is read, can be set, and changes something.

use super::{Folder, load};
use crate::settings::{DEFAULTS, Loaded, Sources, effective, layers::Layers, layers::variable_of, read::Reader};
use std::collections::BTreeSet;
use toml::Value;

fn layers() -> Layers {
    let mut errors = Vec::new();
    let layers = Layers::collect(&Sources::default(), &mut errors);
    assert!(errors.is_empty(), "{errors:?}");
    layers
}

#[test]
fn every_key_is_read_and_none_besides() {
    let layers = layers();
    let mut reader = Reader::new(&layers, Vec::new());
    assert!(effective::read(&mut reader).is_some());
    let known: BTreeSet<_> = layers.iter().map(|(key, _)| key.to_owned()).collect();
    assert_eq!(reader.asked, known);
}

#[test]
fn every_key_has_a_comment_above_it() {
    let lines: Vec<_> = DEFAULTS.lines().collect();
    for pair in lines.windows(2).filter(|pair| pair[1].contains(" = ") && !pair[1].starts_with('#')) {
        assert!(pair[0].starts_with("# "), "no comment above {:?}", pair[1]);
    }
}

/// 32 bytes.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Another good value for a key, as a variable would hold it.
fn another(key: &str, default: &Value, folder: &Folder) -> String {
    match (key, default) {
        (_, Value::Integer(number)) if *number > 1 => (number - 1).to_string(),
        (_, Value::Integer(number)) => (number + 1).to_string(),
        (_, Value::Boolean(truth)) => (!truth).to_string(),
        ("http.bind", _) => "127.0.0.1:8081".to_owned(),
        ("http.admin_bind", _) => "127.0.0.1:9091".to_owned(),
        ("http.cors_origins", _) => r#"["https://app.example"]"#.to_owned(),
        ("profile.own_servers", _) => r#"["192.0.2.0/24"]"#.to_owned(),
        ("ipinfo.backends", _) => r#"["embedded"]"#.to_owned(),
        ("ipinfo.plan", _) => "lookup".to_owned(),
        ("auth.keys", _) => format!("[{{name='a', sha256='{}', roles=['read']}}]", "0".repeat(64)),
        ("webhooks.public_keys", _) => r#"["MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="]"#.to_owned(),
        ("webhooks.rsa_public_keys", _) => "[]".to_owned(),
        ("webhooks.enrich", _) => r#"["ContactCreate"]"#.to_owned(),
        ("enrichment.rules", _) => "[{name='a', when='true', tags=['a']}]".to_owned(),
        ("sources.systems", _) => format!("[{{name='a', secrets=['{KEY}']}}]"),
        (_, Value::Array(_)) => r#"["email"]"#.to_owned(),
        ("store.url", _) => "sqlite::memory:".to_owned(),
        ("oauth.redirect_url", _) => "https://other.example/oauth/callback".to_owned(),
        ("oauth.authorize_url", _) => "https://white.example/oauth/chooselocation".to_owned(),
        ("oauth.api_version", _) => "v3".to_owned(),
        ("oauth.user_type", _) => "Company".to_owned(),
        ("store.encryption_key_file" | "store.previous_encryption_key_file", _) => {
            folder.write("key", KEY).to_str().unwrap().to_owned()
        }
        ("store.encryption_key" | "store.previous_encryption_key", _) => KEY.to_owned(),
        ("ghl.timezone", _) => "Europe/Berlin".to_owned(),
        ("telemetry.log_level", _) => "debug".to_owned(),
        ("telemetry.log_format", _) => "json".to_owned(),
        ("telemetry.access_log", _) => "all".to_owned(),
        (key, _) if key.ends_with("_file") => folder.write("token", "t0ken".repeat(8)).to_str().unwrap().to_owned(),
        ("auth.token_key" | "auth.previous_token_key", _) => "k".repeat(32),
        (key, _) if key.ends_with("base_url") => "http://127.0.0.1:4010".to_owned(),
        (_, _) => "another".to_owned(),
    }
}

/// All that can be seen of settings; secrets by their fingerprints.
fn told(loaded: &Loaded) -> String {
    let secrets = loaded.settings.live_secrets().into_iter().map(|(name, secret)| (name, secret.get().fingerprint()));
    format!("{:?} {:?}", loaded.settings, secrets.collect::<Vec<_>>())
}

#[test]
fn every_key_can_be_set_by_its_variable_and_changes_something() {
    let folder = Folder::new();
    for (key, layered) in layers().iter() {
        // A token is refused without its location, and half of what connecting takes as a whole.
        let whole = format!(
            "[ghl]\nlocation_id = 'l1'\n[store]\nencryption_key = '{KEY}'\n[oauth]\nclient_id = 'a'\nclient_secret = \
             'b'\nredirect_url = 'https://enrich.example/oauth/callback'"
        );
        let file = match key {
            "oauth.client_secret_file" => whole.replace("client_secret = 'b'\n", ""),
            key if key.starts_with("oauth.") => whole.clone(),
            _ => "[ghl]\nlocation_id = 'l1'".to_owned(),
        };
        let (file, plain) = (&file, if key.starts_with("oauth.") { &whole } else { &file });
        let plain = told(&load(plain, &[]).unwrap());
        let value = another(key, &layered.value, &folder);
        let loaded = load(file, &[(&variable_of(key), &value)]).unwrap_or_else(|errors| panic!("{key}: {errors}"));
        assert_ne!(told(&loaded), plain, "{key} is a dead key");
    }
}

//! Loading, and telling what was loaded.

use super::{
    Settings, SettingsError, SettingsErrors, Sources, effective,
    error::Origin,
    layers::{Layered, Layers},
    read::Reader,
    secret::LiveSecret,
    values,
};
use std::{net::SocketAddr, path::Path};
use toml::Value;

/// Settings, and where each of them came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What the program needs.
    pub settings: Settings,
    described: Vec<Described>,
}

/// One key as `ghl-enrich check` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// `section.key`.
    pub key: String,
    /// The value in TOML; of a secret, whether it is set and the end of its fingerprint.
    pub shown: String,
    /// Where it came from.
    pub origin: Origin,
}

impl Loaded {
    /// Every key with its value and origin, secrets masked, sorted by key.
    #[must_use]
    pub fn describe(&self) -> &[Described] {
        &self.described
    }
}

impl Settings {
    /// Lays the sources over each other and checks everything.
    ///
    /// # Errors
    /// All errors at once, none of which holds a secret.
    pub fn load(sources: Sources) -> Result<Loaded, SettingsErrors> {
        let mut errors = Vec::new();
        let layers = Layers::collect(&sources, &mut errors);
        let mut reader = Reader::new(&layers, errors);
        let settings = effective::read(&mut reader);
        match settings {
            Some(settings) if reader.errors.is_empty() => {
                let described =
                    layers.iter().map(|(key, layered)| describe(key, layered, &layers, &settings)).collect();
                Ok(Loaded { settings, described })
            }
            _ => Err(SettingsErrors(in_order(reader.errors))),
        }
    }

    /// `http.admin_bind` alone, whatever else is wrong: a health check must not fail for a secret's file that vanished
    /// while the service goes on with what it held.
    ///
    /// # Errors
    /// What is wrong with that key.
    pub fn admin_bind(sources: &Sources) -> Result<SocketAddr, SettingsErrors> {
        let layers = Layers::collect(sources, &mut Vec::new());
        let mut reader = Reader::new(&layers, Vec::new());
        let address = reader.section("http").text("admin_bind", values::address);
        address.ok_or(SettingsErrors(reader.errors))
    }

    /// The secrets that are set, by the keys that set them, for [`watch`](super::watch::watch).
    #[must_use]
    pub fn live_secrets(&self) -> Vec<(&'static str, LiveSecret)> {
        let client_secret = self.oauth.as_ref().map(|oauth| oauth.client_secret.clone());
        let all = [
            ("auth.token_key", &self.auth.token_key),
            ("auth.previous_token_key", &self.auth.previous_token_key),
            ("ghl.token", &self.ghl.token),
            ("ipinfo.token", &self.ipinfo.token),
            ("oauth.client_secret", &client_secret),
            ("store.encryption_key", &self.store.encryption_key),
            ("store.previous_encryption_key", &self.store.previous_encryption_key),
        ];
        let signing = self.sources.systems.iter().filter_map(|system| system.signature.as_ref());
        let signing =
            signing.flat_map(|signature| &signature.secrets).map(|secret| ("sources.systems", secret.clone()));
        all.into_iter().filter_map(|(name, secret)| Some((name, secret.clone()?))).chain(signing).collect()
    }
}

/// Those of the file from its top to its end, as a person mends them, then the others as they were found.
fn in_order(mut errors: Vec<SettingsError>) -> Vec<SettingsError> {
    errors.sort_by_key(|error| match error.origin {
        Origin::FileAt { line, column, .. } => (false, line, column),
        _ => (true, 0, 0),
    });
    errors
}

fn describe(key: &str, layered: &Layered, layers: &Layers, settings: &Settings) -> Described {
    let mut origin = layered.origin.clone();
    let shown = if layers.is_secret(key) {
        let secret = settings.live_secrets().into_iter().find(|(name, _)| *name == key);
        if let Some(file) = layers.get(&format!("{key}_file")).filter(|file| file.value.as_str() != Some("")) {
            origin = file.value.as_str().map_or(origin, |path| Origin::File(Path::new(path).to_owned()));
        }
        secret.map_or_else(|| "not set".to_owned(), |(_, secret)| format!("set (…{})", secret.get().fingerprint()))
    } else {
        match &layered.value {
            Value::String(text) if text.is_empty() => "not set".to_owned(),
            Value::Array(_) if key == "auth.keys" => describe_names(settings.auth.keys.iter().map(|key| &*key.name)),
            // A source's table may hold its secrets.
            Value::Array(_) if key == "sources.systems" => {
                describe_names(settings.sources.systems.iter().map(|system| system.name.as_str()))
            }
            value => value.to_string(),
        }
    };
    Described { key: key.to_owned(), shown, origin }
}

/// Keys and sources by name alone: a hash tells nobody anything, and is long.
fn describe_names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    if names.is_empty() { "[]".to_owned() } else { format!("{} ({})", names.len(), names.join(", ")) }
}

//! `[oauth]`, and what must hold between its keys: all that connecting takes, or nothing.

use super::{
    error::Problem,
    read::{Reader, Section},
    secret::LiveSecret,
    values,
};
use crate::domain::ids::{CompanyId, LocationId};
use std::time::Duration;

/// `[oauth]`
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "settings.default.toml documents each key")]
pub struct OauthSettings {
    pub client_id: String,
    pub client_secret: LiveSecret,
    pub redirect_url: String,
    pub authorize_url: String,
    pub app_version_id: Option<String>,
    pub scopes: Vec<String>,
    pub api_version: ApiSpelling,
    pub user_type: UserType,
    pub refresh_before: Duration,
    pub state: Duration,
    pub allowed_locations: Vec<LocationId>,
    pub allowed_companies: Vec<CompanyId>,
}

/// `oauth.user_type`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserType {
    /// A sub-account's token.
    Location,
    /// An agency's token.
    Company,
}

impl OauthSettings {
    /// The app's id, which GHL's events bear: a client id is that and a suffix (reference: "Authorize").
    #[must_use]
    pub fn app_id(&self) -> &str {
        self.client_id.split('-').next().unwrap_or_default()
    }
}

impl UserType {
    /// As GHL spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Location => "Location",
            Self::Company => "Company",
        }
    }
}

/// `oauth.api_version`: the `Version` header decides how GHL spells its token endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiSpelling {
    /// `2021-07-28`: snake case.
    Dated,
    /// `v3`: camel case.
    V3,
}

impl ApiSpelling {
    /// The header's value.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::Dated => "2021-07-28",
            Self::V3 => "v3",
        }
    }
}

const SPELLINGS: [(&str, ApiSpelling); 2] = [("2021-07-28", ApiSpelling::Dated), ("v3", ApiSpelling::V3)];
const USER_TYPES: [(&str, UserType); 2] = [("Location", UserType::Location), ("Company", UserType::Company)];

/// Reads the section. The inner `None`: there is no app.
#[expect(clippy::option_option, reason = "outside: is there an error; inside: is there an app")]
pub(super) fn read(from: &mut Section<'_, '_>) -> Option<Option<OauthSettings>> {
    // All are read before the first missing one ends it, so that all errors are noted.
    let client_id = from.optional("client_id", client_id);
    let client_secret = from.secret("client_secret");
    let redirect_url = from.optional("redirect_url", redirect_url);
    let authorize_url = from.text("authorize_url", values::base_url);
    let app_version_id = from.optional("app_version_id", values::version);
    let scopes = from.list("scopes", scope);
    let api_version = from.text("api_version", |text| values::choice(text, &SPELLINGS));
    let user_type = from.text("user_type", |text| values::choice(text, &USER_TYPES));
    let refresh_before = from.time("refresh_before_seconds", 0..=43_200);
    let state = from.time("state_seconds", 30..=86_400);
    let allowed_locations = from.list("allowed_locations", values::location);
    let allowed_companies = from.list("allowed_companies", company);
    let (client_id, client_secret, redirect_url) = (client_id?, client_secret?, redirect_url?);
    let Some(client_id) = client_id else { return Some(None) };
    let (Some(client_secret), Some(redirect_url)) = (client_secret, redirect_url) else {
        // What is missing is told by [`check`], which knows where each key stands.
        return Some(None);
    };
    Some(Some(OauthSettings {
        client_id,
        client_secret,
        redirect_url,
        authorize_url: authorize_url?,
        app_version_id: app_version_id?,
        scopes: scopes?,
        api_version: api_version?,
        user_type: user_type?,
        refresh_before: refresh_before?,
        state: state?,
        allowed_locations: allowed_locations?,
        allowed_companies: allowed_companies?,
    }))
}

/// All that connecting takes, or nothing: half of it would fail when the first person comes back from GHL.
pub(super) fn check(reader: &mut Reader<'_>) {
    let is_set = |reader: &Reader<'_>, key: &str| {
        reader.layers.get(key).is_some_and(|layered| layered.value.as_str().is_some_and(|text| !text.is_empty()))
    };
    let either = |reader: &Reader<'_>, key: &str| is_set(reader, key) || is_set(reader, &format!("{key}_file"));
    if is_set(reader, "oauth.client_id") {
        let needed = [
            ("oauth.client_secret", "Write the client secret that GHL shows beside the client id."),
            ("oauth.redirect_url", "Write the public URL of this service and /oauth/callback, as the app has it."),
            ("store.url", "Write sqlite: and a path: tokens must outlive the process."),
            (
                "store.encryption_key",
                "Make one with `ghl-enrich keys encryption`, and keep it beside no back-up of the store.",
            ),
        ];
        for (key, remedy) in needed {
            if !either(reader, key) {
                reader.refuse(key, "", Problem::new("is not set, and oauth.client_id is", remedy));
            }
        }
        return;
    }
    for key in ["oauth.client_secret", "oauth.client_secret_file", "oauth.redirect_url"] {
        if is_set(reader, key) {
            let remedy = format!("Write the app's client id, or remove {key}.");
            reader.refuse("oauth.client_id", "", Problem::new(format!("is not set, and {key} is"), remedy));
        }
    }
}

/// A `store.encryption_key` must be one: told at the start, and never by repeating it.
pub(super) fn check_key(key: &'static str, secret: Option<&LiveSecret>, reader: &mut Reader<'_>) {
    if let Some(secret) = secret
        && secret.get().key_bytes().is_none()
    {
        let remedy = "Write 32 bytes as base64, 44 characters; `ghl-enrich keys encryption` makes such a key.";
        let key = if secret.file().is_some() { format!("{key}_file") } else { key.to_owned() };
        reader.refuse(&key, "", Problem::new("holds no key of 32 bytes", remedy));
    }
}

/// An app's id; it travels in a query and may be shown.
fn client_id(text: &str) -> Result<String, Problem> {
    let plain = text.len() <= 128
        && !text.starts_with('-')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let remedy = "Write the client id that the app shows, e.g. 65f0c1d2e3a4b5c6d7e8f901-lt1abcde.";
    plain.then(|| text.to_owned()).ok_or_else(|| Problem::new("is no client id", remedy))
}

/// Where people come back to. Plain http is for this machine alone: the code in it is worth a token.
fn redirect_url(text: &str) -> Result<String, Problem> {
    let url = values::base_url(text)?;
    let remedy = "Write for example https://enrich.example/oauth/callback.";
    if !url.ends_with("/oauth/callback") {
        return Err(Problem::new("does not end with /oauth/callback, where people are taken in", remedy));
    }
    let host = url.strip_prefix("http://").map(|rest| {
        let authority = rest.split('/').next().unwrap_or_default();
        authority
            .rsplit_once(':')
            .filter(|(host, _)| !host.starts_with('[') || host.ends_with(']'))
            .map_or(authority, |(host, _)| host)
    });
    if host.is_some_and(|host| !matches!(host, "localhost" | "127.0.0.1" | "[::1]")) {
        return Err(Problem::new("is not https, and its host is not this machine", remedy));
    }
    Ok(url)
}

fn scope(text: &str) -> Result<String, Problem> {
    let plain = !text.is_empty()
        && text.len() <= 100
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"./-_".contains(&byte));
    plain.then(|| text.to_owned()).ok_or_else(|| Problem::new("is no scope", "Write for example contacts.readonly."))
}

fn company(text: &str) -> Result<CompanyId, Problem> {
    CompanyId::parse(text)
        .map_err(|error| Problem::new(error.to_string(), "Write the agency's id, e.g. ve9EPM428h8vShlRW1KT."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        for host in ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]", "[::1]:8080"] {
            let url = format!("http://{host}/oauth/callback");
            assert_eq!(redirect_url(&url).ok(), Some(url.clone()), "{url}");
        }
        for host in
            ["[2001:db8::1]", "[2001:db8::1]:8080", "[::1", "[::2]", "[]", "[", "enrich.example", "127.0.0.1.example"]
        {
            assert!(redirect_url(&format!("http://{host}/oauth/callback")).is_err(), "{host}");
        }
    }

    #[test]
    fn a_client_id_begins_with_the_apps() {
        assert!(client_id("65f0c1d2e3a4b5c6d7e8f901-lt1abcde").is_ok());
        assert!(client_id("-lt1abcde").is_err() && client_id("a b").is_err());
    }
}

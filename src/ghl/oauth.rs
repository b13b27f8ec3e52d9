//! GHL's token endpoints: typed in, typed out, in either spelling (reference: "Authentication"). What to do with the tokens
//! is for `connect` to say.
//!
//! None of these calls is charged to a location's quota of contacts: GHL counts by resource, and a location whose quota is
//! spent must still be able to renew its token. They share one circuit breaker.

mod grant;

pub use grant::{Grant, InstalledPage};

use super::{decode, error::body::Said};
use crate::{
    domain::{connection::Holder, ids::CompanyId, ids::LocationId},
    settings::{
        ApiSpelling, OauthSettings, UserType,
        secret::{LiveSecret, Secret},
    },
    upstream::{Call, CallContext, CallError, Method, Repeat, Upstream, encode_form},
};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How many locations a page of the installed ones has.
const PAGE: u32 = 100;

/// What GHL says of an access token that a fresh one may replace (reference: "Errors").
const TOKEN_EXPIRED: [&str; 3] = ["invalid jwt", "access token is invalid", "expired"];

/// Why GHL gave no tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OauthError {
    /// It refuses this code, refresh token, client or location.
    #[error("GHL refuses ({status})")]
    Refused {
        /// 400, 401, 403, 404 or 422.
        status: u16,
        /// Whether its words are those for an access token that has expired.
        expired: bool,
        /// GHL's words, masked and cut.
        said: Option<String>,
    },
    /// The location is not active: suspended, most likely.
    #[error("GHL says that the location is not active")]
    NotActive,
    /// It fails, cannot be reached, is too slow or is left alone: nothing is known of the tokens.
    #[error("GHL's token endpoint is not available ({code})")]
    Unavailable {
        /// A short stable word.
        code: &'static str,
        /// When trying again may help.
        retry_after: Option<Duration>,
    },
    /// It answered something that is no grant. What was used up, is.
    #[error("GHL's answer cannot be understood: {0}")]
    Invalid(String),
}

/// GHL's token endpoints. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OauthClient {
    upstream: Upstream,
    client_id: String,
    app_id: String,
    client_secret: LiveSecret,
    redirect_url: String,
    spelling: ApiSpelling,
}

impl OauthClient {
    /// The endpoints behind an upstream, for the app of the settings.
    #[must_use]
    pub fn new(upstream: Upstream, settings: &OauthSettings) -> Self {
        Self {
            upstream,
            client_id: settings.client_id.clone(),
            app_id: settings.app_id().to_owned(),
            client_secret: settings.client_secret.clone(),
            redirect_url: settings.redirect_url.clone(),
            spelling: settings.api_version,
        }
    }

    /// Exchanges a code, which works once: never repeated.
    ///
    /// # Errors
    /// Each of [`OauthError`].
    pub async fn exchange(&self, code: &Secret, user: UserType, context: &CallContext) -> Result<Grant, OauthError> {
        let fields = [("code", code.expose()), ("redirectUri", self.redirect_url.as_str())];
        self.token("oauth_exchange", Repeat::AfterLook, "authorization_code", &fields, user, context).await
    }

    /// Renews a pair. The old refresh token is used up by it; asked again within 30 s, GHL gives the same new pair, so this
    /// may be repeated as long as `context` lasts no longer.
    ///
    /// # Errors
    /// Each of [`OauthError`].
    pub async fn refresh(&self, refresh: &Secret, user: UserType, context: &CallContext) -> Result<Grant, OauthError> {
        let fields = [("refreshToken", refresh.expose())];
        self.token("oauth_refresh", Repeat::Safe, "refresh_token", &fields, user, context).await
    }

    async fn token(
        &self,
        endpoint: &'static str,
        repeat: Repeat,
        grant_type: &str,
        fields: &[(&'static str, &str)],
        user: UserType,
        context: &CallContext,
    ) -> Result<Grant, OauthError> {
        let secret = self.client_secret.get();
        let mut form = vec![
            (self.spell("clientId"), self.client_id.as_str()),
            (self.spell("clientSecret"), secret.expose()),
            (self.spell("grantType"), grant_type),
            (self.spell("userType"), user.as_str()),
        ];
        form.extend(fields.iter().map(|(name, value)| (self.spell(name), *value)));
        let call = Call::new(endpoint, Method::Post, repeat, ["oauth", "token"]).form(&form);
        let answer = self.ask(call, context).await?;
        Grant::read(&answer).map_err(OauthError::Invalid)
    }

    /// Mints a location's token with its agency's. Minting again gives another one; the old one goes on to work.
    ///
    /// # Errors
    /// Each of [`OauthError`].
    pub async fn location_token(
        &self,
        agency: &Secret,
        company: &CompanyId,
        location: &LocationId,
        context: &CallContext,
    ) -> Result<Grant, OauthError> {
        let path = match self.spelling {
            ApiSpelling::Dated => "locationToken",
            ApiSpelling::V3 => "location-token",
        };
        let call = Call::new("oauth_location_token", Method::Post, Repeat::Safe, ["oauth", path])
            .form(&[("companyId", company.as_str()), ("locationId", location.as_str())])
            .header("authorization", format!("Bearer {}", agency.expose()));
        let answer = self.ask(call, context).await?;
        let grant = Grant::read(&answer).map_err(OauthError::Invalid)?;
        match &grant.holder {
            Holder::Location(given) if given == location => Ok(grant),
            Holder::Location(_) | Holder::Company(_) => {
                Err(OauthError::Invalid("a token of another than the location asked for".to_owned()))
            }
        }
    }

    /// A new code for whoever installed the app before, without anybody's consent.
    ///
    /// # Errors
    /// Each of [`OauthError`].
    pub async fn reconnect(&self, holder: &Holder, context: &CallContext) -> Result<Secret, OauthError> {
        let secret = self.client_secret.get();
        let whose = match holder {
            Holder::Location(_) => "locationId",
            Holder::Company(_) => "companyId",
        };
        let body = json!({ "clientKey": self.client_id, "clientSecret": secret.expose(), whose: holder.id() });
        let call = Call::new("oauth_reconnect", Method::Post, Repeat::Safe, ["oauth", "reconnect"]).json(&body);
        let answer = self.ask(call, context).await?;
        let code = grant::text(&answer, &["authorizationCode", "authorization_code"]);
        code.map(Secret::new).ok_or_else(|| OauthError::Invalid("there is no authorizationCode".to_owned()))
    }

    /// A page of the locations of an agency in which the app is installed: the first, or the one after `after`.
    ///
    /// # Errors
    /// Each of [`OauthError`].
    pub async fn installed_locations(
        &self,
        agency: &Secret,
        company: &CompanyId,
        after: Option<String>,
        context: &CallContext,
    ) -> Result<InstalledPage, OauthError> {
        let (path, size, place) = match self.spelling {
            ApiSpelling::Dated => ("installedLocations", "limit", "skip"),
            ApiSpelling::V3 => ("installed-locations", "pageSize", "pageToken"),
        };
        let skipped = after.as_deref().and_then(|after| after.parse().ok()).unwrap_or_default();
        let mut call = Call::get("oauth_installed_locations", ["oauth", path])
            .query("companyId", company.as_str())
            .query("appId", self.app_id.as_str())
            .query("isInstalled", "true")
            .query(size, PAGE.to_string())
            .header("authorization", format!("Bearer {}", agency.expose()));
        if let Some(after) = after {
            call = call.query(place, after);
        }
        let answer = self.ask(call, context).await?;
        Ok(InstalledPage::read(&answer, PAGE, skipped))
    }

    /// Where somebody is sent to consent.
    #[must_use]
    pub fn consent_url(&self, settings: &OauthSettings, state: &str) -> String {
        let scopes = settings.scopes.join(" ");
        let mut query = vec![
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect_url),
            ("scope", &scopes),
            ("state", state),
        ];
        if let Some(version) = &settings.app_version_id {
            query.push(("version_id", version));
        }
        // No PKCE: nothing is known of GHL reading a code_challenge (reference: "Authorize").
        format!("{}?{}", settings.authorize_url, encode_form(&query))
    }

    /// A parameter's name in the spelling of the version.
    fn spell(&self, camel: &'static str) -> &'static str {
        match (self.spelling, camel) {
            (ApiSpelling::Dated, "clientId") => "client_id",
            (ApiSpelling::Dated, "clientSecret") => "client_secret",
            (ApiSpelling::Dated, "grantType") => "grant_type",
            (ApiSpelling::Dated, "userType") => "user_type",
            (ApiSpelling::Dated, "redirectUri") => "redirect_uri",
            (ApiSpelling::Dated, "refreshToken") => "refresh_token",
            (ApiSpelling::Dated | ApiSpelling::V3, _) => camel,
        }
    }

    async fn ask(&self, call: Call, context: &CallContext) -> Result<Map<String, Value>, OauthError> {
        let call = call.header("version", self.spelling.version());
        let answer = self.upstream.call(call, context).await.map_err(classify)?;
        decode::envelope(&answer.body).map_err(|flaw| OauthError::Invalid(format!("{flaw:?}")))
    }
}

/// What a failed call means. Only words that refuse the tokens count against them, in JSON: a route that is not there, a page
/// or a line of GHL's edge, an empty answer and a gateway that gave up say nothing of them.
fn classify(error: CallError) -> OauthError {
    let unavailable = |code, retry_after| OauthError::Unavailable { code, retry_after };
    match error {
        CallError::Status { status, body, retry_after } => {
            let said = Said::read(&body);
            let elsewhere = !said.object || said.words.trim().is_empty() || said.words.contains("timed out");
            let no_route = status == 404 && said.words.starts_with("cannot ");
            match status {
                400 | 401 | 403 | 404 | 422 if !elsewhere && !no_route => {
                    if said.words.contains("not active") {
                        OauthError::NotActive
                    } else {
                        let expired = TOKEN_EXPIRED.iter().any(|wording| said.words.contains(wording));
                        OauthError::Refused { status, expired: status == 401 && expired, said: said.excerpt }
                    }
                }
                _ => unavailable("status", retry_after),
            }
        }
        CallError::BreakerOpen { retry_after } | CallError::QuotaSpent { retry_after, .. } => {
            unavailable("left-alone", Some(retry_after))
        }
        CallError::Decode { path, message } => OauthError::Invalid(format!("at {path}: {message}")),
        CallError::BodyTooLarge(_) => OauthError::Invalid("it is too large".to_owned()),
        CallError::Deadline | CallError::TimedOut(_) | CallError::Connect(_) | CallError::Broken(_) => {
            unavailable(error.code(), None)
        }
    }
}

#[cfg(test)]
mod tests;

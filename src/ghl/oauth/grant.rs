//! What GHL's token endpoints answer, read leniently: in both spellings, numbers as texts too.

use crate::{
    domain::{
        connection::Holder,
        ids::{CompanyId, LocationId},
    },
    settings::secret::Secret,
};
use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};

/// How long a token is good where GHL does not say (reference: "Authentication", 24 h).
const DEFAULT_LIFE: Duration = Duration::from_secs(86_399);

/// The longest life that is believed.
const MAX_LIFE: Duration = Duration::from_secs(366 * 86_400);

/// Most scopes and locations that are read of one answer.
const MAX_ENTRIES: usize = 10_000;

/// A pair of tokens, and whose it is.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Whose: a Company token is an agency's even where it names a location.
    pub holder: Holder,
    /// The agency.
    pub company: Option<CompanyId>,
    /// The access token.
    pub access: Arc<Secret>,
    /// The refresh token, which works once.
    pub refresh: Option<Arc<Secret>>,
    /// How long the access token is good.
    pub expires_in: Duration,
    /// What the tokens may do.
    pub scopes: Vec<String>,
    /// Locations that whoever consented named.
    pub approved: Vec<LocationId>,
}

impl Grant {
    /// Reads an answer; the error says what is missing, and nothing of what is there.
    pub(super) fn read(answer: &Map<String, Value>) -> Result<Self, String> {
        let secret = |names: &[&str]| text(answer, names).map(|token| Secret::parse(&token).map(Arc::new));
        let access = secret(&["access_token", "accessToken"])
            .ok_or("there is no access_token")?
            .map_err(|_| "the access_token is none that a header can carry")?;
        let refresh = secret(&["refresh_token", "refreshToken"])
            .transpose()
            .map_err(|_| "the refresh_token is none that a form can carry")?;
        let company = text(answer, &["companyId", "company_id"]).and_then(|id| CompanyId::parse(&id).ok());
        let location = text(answer, &["locationId", "location_id"]).and_then(|id| LocationId::parse(&id).ok());
        let user = text(answer, &["userType", "user_type"]);
        let holder = match (user.as_deref(), location, company.clone()) {
            (Some("Company"), _, Some(company)) | (None, None, Some(company)) => Holder::Company(company),
            (Some("Location") | None, Some(location), _) => Holder::Location(location),
            (Some("Location"), None, _) => return Err("a Location's tokens without a locationId".to_owned()),
            (Some("Company") | None, _, None) => return Err("tokens without a companyId or locationId".to_owned()),
            (Some(_), _, _) => return Err("tokens of a userType that is neither Location nor Company".to_owned()),
        };
        Ok(Self {
            holder,
            company,
            access,
            refresh,
            expires_in: life(answer),
            scopes: scopes(answer),
            approved: ids(answer, &["approvedLocations", "approved_locations"]),
        })
    }
}

/// A page of the locations in which the app is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledPage {
    /// The locations.
    pub locations: Vec<LocationId>,
    /// Where the next page begins, where one follows.
    pub next: Option<String>,
}

impl InstalledPage {
    pub(super) fn read(answer: &Map<String, Value>, size: u32, skipped: u32) -> Self {
        let entries = ["locations", "items"].iter().find_map(|&key| answer.get(key)).and_then(Value::as_array);
        let entries = entries.map(Vec::as_slice).unwrap_or_default();
        let id = |entry: &Value| {
            let installed = entry.get("isInstalled").and_then(Value::as_bool).unwrap_or(true);
            let id = ["_id", "id", "locationId"].iter().find_map(|&key| entry.get(key)).and_then(Value::as_str)?;
            installed.then(|| LocationId::parse(id).ok()).flatten()
        };
        let locations = entries.iter().take(MAX_ENTRIES).filter_map(id).collect();
        let token = answer.get("pagination").and_then(|pagination| pagination.get("nextPageToken"));
        let token = token.and_then(Value::as_str).filter(|token| !token.is_empty()).map(str::to_owned);
        let full = answer.contains_key("locations") && entries.len() >= size as usize;
        let next = token.or_else(|| full.then(|| skipped.saturating_add(size).to_string()));
        Self { locations, next }
    }
}

/// The first of these names that holds a text which is not empty.
pub(super) fn text(answer: &Map<String, Value>, names: &[&str]) -> Option<String> {
    let texts = names.iter().filter_map(|&name| answer.get(name)).filter_map(Value::as_str);
    texts.map(str::trim).find(|text| !text.is_empty()).map(str::to_owned)
}

fn life(answer: &Map<String, Value>) -> Duration {
    let given = ["expires_in", "expiresIn"].iter().find_map(|&name| match answer.get(name)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    });
    given.map_or(DEFAULT_LIFE, Duration::from_secs).min(MAX_LIFE)
}

/// Space separated, or a list.
fn scopes(answer: &Map<String, Value>) -> Vec<String> {
    let words: Vec<&str> = match answer.get("scope").or_else(|| answer.get("scopes")) {
        Some(Value::String(text)) => text.split_whitespace().collect(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
    };
    words.into_iter().filter(|word| word.len() <= 100).take(200).map(str::to_owned).collect()
}

fn ids(answer: &Map<String, Value>, names: &[&str]) -> Vec<LocationId> {
    let list = names.iter().find_map(|&name| answer.get(name)).and_then(Value::as_array);
    let ids = list.into_iter().flatten().filter_map(Value::as_str);
    ids.take(MAX_ENTRIES).filter_map(|id| LocationId::parse(id).ok()).collect()
}

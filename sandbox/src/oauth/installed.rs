//! Where the app is installed: `GET /oauth/installedLocations` with `skip` and `limit`, and v3's
//! `GET /oauth/installed-locations` with tokens for pages and an error envelope of its own.

use serde_json::{Value, json};

use super::jwt;
use super::params::missing;
use super::routes::{Path, set};
use crate::clock::iso;
use crate::ghl::auth::{self, OAUTH_READ};
use crate::ghl::{Answer, Version, errors, success};
use crate::model::Location;
use crate::state::State;
use crate::tokens;
use crate::wire::{Reply, Request};

const DEFAULT_SIZE: usize = 20;
/// v3's document says so; for the older route none is known, and the same holds.
const MAX_SIZE: usize = 100;

pub(super) fn serve(state: &mut State, req: &Request, path: Path) -> Answer {
    let version = Version::read(state, req)?;
    if path == Path::Hyphenated && !version.is_v3() {
        return Err(errors::cannot(state, req));
    }
    let token = auth::identify(state, req)?;
    auth::authorise_agency(state, &token, OAUTH_READ)?;
    let absent: Vec<&str> =
        ["companyId", "appId"].into_iter().filter(|name| req.query(name).is_none_or(str::is_empty)).collect();
    if !absent.is_empty() {
        return Err(match path {
            Path::Camel => errors::unprocessable(state, &missing(&absent)),
            Path::Hyphenated => {
                envelope(400, "INVALID_ARGUMENT", &missing(&absent).join(", "), &json!({"field": absent[0]}))
            }
        });
    }
    if req.query("companyId") != Some(&token.owner) {
        return Err(errors::forbidden(state, "The token does not have access to this company."));
    }
    match path {
        Path::Camel => by_skip(state, req),
        Path::Hyphenated => by_page(state, req),
    }
}

fn by_skip(state: &mut State, req: &Request) -> Answer {
    if req.query("appId") != Some(tokens::APP_ID) {
        return Err(errors::bad_request(state, "App not found"));
    }
    let number = |name: &str, or: usize| req.query(name).map_or(Some(or), |text| text.parse().ok());
    let (Some(skip), Some(limit)) = (number("skip", 0), number("limit", DEFAULT_SIZE)) else {
        return Err(errors::invalid(state, "skip and limit must be numeric strings"));
    };
    let rows = matching(state, req);
    let page: Vec<&Value> = rows.iter().skip(skip).take(limit.min(MAX_SIZE)).collect();
    success(state, 200, json!({"locations": page, "count": rows.len(), "installToFutureLocations": true}))
}

fn by_page(state: &mut State, req: &Request) -> Answer {
    let app = req.query("appId").unwrap_or_default();
    if app != tokens::APP_ID {
        let message = format!("The requested App '{app}' was not found.");
        return Err(envelope(404, "RESOURCE_NOT_FOUND", &message, &json!({"resource": "App", "identifier": app})));
    }
    let wrong =
        |field: &str| envelope(400, "INVALID_ARGUMENT", &format!("{field} is invalid"), &json!({"field": field}));
    let size = match req.query("pageSize") {
        None => DEFAULT_SIZE,
        Some(text) => page_size(text).ok_or_else(|| wrong("pageSize"))?,
    };
    let start = match req.query("pageToken") {
        None => 0,
        Some(token) => offset(token).ok_or_else(|| wrong("pageToken"))?,
    };
    let rows = matching(state, req);
    let page: Vec<&Value> = rows.iter().skip(start).take(size).collect();
    let (more, before) = (start + page.len() < rows.len(), start > 0);
    let mut pagination = json!({
        "totalRecords": rows.len(), "hasNextPage": more, "hasPrevPage": before, "currentPageSize": page.len(),
    });
    if more {
        set(&mut pagination, "nextPageToken", page_token(start + size));
    }
    if before {
        set(&mut pagination, "prevPageToken", page_token(start.saturating_sub(size)));
    }
    let metadata = json!({"filterApplied": {"companyId": tokens::COMPANY}, "sortApplied": {"locationId": "asc"}});
    success(
        state,
        200,
        json!({
            "items": page, "pagination": pagination, "metadata": metadata, "installToFutureLocations": true,
        }),
    )
}

/// A number from 1 to 100, also as the official Python SDK may send it: `20.0`.
fn page_size(text: &str) -> Option<usize> {
    let whole = text.strip_suffix(".0").unwrap_or(text);
    whole.parse().ok().filter(|size| (1..=MAX_SIZE).contains(size))
}

fn page_token(offset: usize) -> String {
    jwt::encode(json!({"offset": offset}).to_string().as_bytes())
}

fn offset(token: &str) -> Option<usize> {
    let told: Value = serde_json::from_slice(&jwt::decode(token)?).ok()?;
    told.get("offset")?.as_u64().and_then(|offset| u32::try_from(offset).ok()).map(|offset| offset as usize)
}

/// All locations that the query asks for, by id. Nobody here is on trial or on a paid plan.
fn matching(state: &State, req: &Request) -> Vec<Value> {
    let installed = req.query("isInstalled");
    let words = req.query("query").unwrap_or_default().to_lowercase();
    let nobody = req.query("onTrial") == Some("true") || req.query("planId").is_some();
    let fits = |location: &&Location| {
        let is = state.is_installed(&location.id);
        !nobody
            && installed.is_none_or(|wanted| wanted.eq_ignore_ascii_case(if is { "true" } else { "false" }))
            && location.name.to_lowercase().contains(&words)
            && req.query("locationId").is_none_or(|id| id == location.id)
            && req.query("versionId").is_none_or(|version| is && version == tokens::APP_VERSION_ID)
    };
    state.locations.values().filter(fits).map(|location| shape(state, location)).collect()
}

fn shape(state: &State, location: &Location) -> Value {
    let since = state.oauth.installed.get(&location.id);
    let mut row = json!({
        "_id": location.id, "name": location.name, "address": format!("1 Example Street, {}", location.city),
        "isInstalled": since.is_some(),
    });
    if let Some(since) = since {
        set(&mut row, "versionId", tokens::APP_VERSION_ID);
        set(&mut row, "installedAt", iso(*since));
    }
    row
}

/// v3's own form of an error.
fn envelope(status: u16, code: &str, message: &str, details: &Value) -> Reply {
    let resolution = "Check the parameters of the request.";
    let error = json!({"code": code, "message": message, "details": details, "resolution": resolution});
    Reply::json(status, &json!({"error": error}))
}

//! Which request is which OAuth endpoint, under which name it is counted, and whom it is about.

use serde_json::Value;

use super::params::{GRANT_TYPE, Params, Spelling};
use super::{authorize, installed, location_token, reconnect, token};
use crate::state::State;
use crate::wire::{Reply, Request};

/// A request to an OAuth endpoint.
#[derive(Debug)]
pub(crate) struct Ask {
    /// The endpoint name that faults and counters use.
    pub(crate) name: &'static str,
    /// The location or agency it is about, for faults that are aimed at one.
    pub(crate) subject: Option<String>,
    endpoint: Endpoint,
}

#[derive(Clone, Copy, Debug)]
enum Endpoint {
    Authorize,
    Token,
    LocationToken(Path),
    Installed(Path),
    Reconnect,
}

/// Which of its two paths an endpoint was called by. The answer's form follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// `/oauth/locationToken`, under every version.
    Camel,
    /// `/oauth/location-token`, under v3 alone.
    Hyphenated,
}

pub(crate) fn find(state: &State, req: &Request) -> Option<Ask> {
    let path: Vec<&str> = req.segments.iter().map(String::as_str).collect();
    let endpoint = match (req.method.as_str(), &path[..]) {
        ("GET", ["oauth", "chooselocation"] | ["v2", "oauth", "chooselocation"]) => Endpoint::Authorize,
        ("POST", ["oauth", "token"]) => Endpoint::Token,
        ("POST", ["oauth", "locationToken"]) => Endpoint::LocationToken(Path::Camel),
        ("POST", ["oauth", "location-token"]) => Endpoint::LocationToken(Path::Hyphenated),
        ("GET", ["oauth", "installedLocations"]) => Endpoint::Installed(Path::Camel),
        ("GET", ["oauth", "installed-locations"]) => Endpoint::Installed(Path::Hyphenated),
        ("POST", ["oauth", "reconnect"]) => Endpoint::Reconnect,
        _ => return None,
    };
    let params = Params::read(req).ok();
    let sent = |name: &str| params.as_ref().and_then(|params| params.get(name));
    let either =
        |name: super::params::Name| sent(name.spelt(Spelling::Snake)).or_else(|| sent(name.spelt(Spelling::Camel)));
    let (name, subject) = match endpoint {
        Endpoint::Authorize => ("oauth.authorize", None),
        Endpoint::Token if either(GRANT_TYPE) == Some("refresh_token") => {
            let refresh = either(token::REFRESH_TOKEN).and_then(|refresh| state.oauth.refreshes.get(refresh));
            ("oauth.token_refresh", refresh.map(|refresh| refresh.grant.owner.id.clone()))
        }
        Endpoint::Token => {
            let code = either(token::CODE).and_then(|code| state.oauth.codes.get(code));
            ("oauth.token", code.map(|code| code.grant.owner.id.clone()))
        }
        Endpoint::LocationToken(_) => ("oauth.location_token", sent("locationId").map(str::to_owned)),
        Endpoint::Installed(_) => ("oauth.installed_locations", req.query("companyId").map(str::to_owned)),
        Endpoint::Reconnect => {
            let id = sent("locationId").or_else(|| sent("companyId"));
            ("oauth.reconnect", id.map(str::to_owned))
        }
    };
    Some(Ask { name, subject, endpoint })
}

pub(crate) fn execute(state: &mut State, req: &Request, ask: &Ask) -> Reply {
    let answer = match ask.endpoint {
        Endpoint::Authorize => authorize::serve(state, req),
        Endpoint::Token => token::serve(state, req),
        Endpoint::LocationToken(path) => location_token::serve(state, req, path),
        Endpoint::Installed(path) => installed::serve(state, req, path),
        Endpoint::Reconnect => reconnect::serve(state, req),
    };
    // No cache may keep a token (RFC 6749, section 5.1).
    answer.unwrap_or_else(|reply| reply).with_header("cache-control", "no-store")
}

/// Sets a member of an object.
pub(super) fn set(body: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(map) = body.as_object_mut() {
        map.insert(name.to_owned(), value.into());
    }
}

//! `POST /oauth/locationToken`: an agency's token for one of a location. 201 live, whatever the document says.

use std::sync::Arc;

use super::params::{Params, Spelling, missing};
use super::routes::{Path, set};
use super::token::not_active;
use super::{Grant, Owner, seconds_left};
use crate::ghl::auth::{self, Class, OAUTH_WRITE};
use crate::ghl::{Answer, Version, errors, success};
use crate::state::State;
use crate::tokens;
use crate::wire::Request;

pub(super) fn serve(state: &mut State, req: &Request, path: Path) -> Answer {
    let version = Version::read(state, req)?;
    let spelling = match path {
        Path::Camel => Spelling::Snake,
        Path::Hyphenated if version.is_v3() => Spelling::Camel,
        Path::Hyphenated => return Err(errors::cannot(state, req)),
    };
    let token = auth::identify(state, req)?;
    auth::authorise_agency(state, &token, OAUTH_WRITE)?;
    let params = Params::require(state, req)?;
    let (Some(company), Some(location)) = (params.get("companyId"), params.get("locationId")) else {
        let absent: Vec<&str> =
            ["companyId", "locationId"].into_iter().filter(|name| params.get(name).is_none()).collect();
        return Err(errors::unprocessable(state, &missing(&absent)));
    };
    if company != token.owner {
        return Err(errors::forbidden(state, "The token does not have access to this company."));
    }
    if !state.locations.contains_key(location) {
        return Err(errors::bad_request(state, &format!("Location with id {location} not found")));
    }
    if !state.is_installed(location) {
        return Err(errors::bad_request(state, "The app is not installed on this location"));
    }
    if state.oauth.suspended.contains(location) {
        return Err(not_active(state));
    }
    let owner = Owner { class: Class::Location, id: location.to_owned() };
    let scopes: Arc<[String]> = token.scopes.iter().filter(|scope| !scope.starts_with("oauth.")).cloned().collect();
    let pair = state.mint(&Grant { owner, scopes });
    // The whole life, not a second less as the token endpoint says it.
    let mut body = pair.shown(spelling, seconds_left(pair.access_expires, state.now()) + 1);
    set(&mut body, "appId", tokens::APP_ID);
    set(&mut body, "versionId", tokens::APP_VERSION_ID);
    success(state, 201, body)
}

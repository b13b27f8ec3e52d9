//! `POST /oauth/reconnect`: a code for an app that is installed and lost its tokens, without a person.

use std::sync::Arc;

use serde_json::json;

use super::params::Params;
use super::token::not_found;
use super::{Grant, OAuth};
use crate::clock::iso;
use crate::ghl::auth::{self, Class};
use crate::ghl::{Answer, errors, success};
use crate::state::State;
use crate::wire::Request;

pub(super) fn serve(state: &mut State, req: &Request) -> Answer {
    let params = Params::require(state, req)?;
    if !OAuth::is_client(params.get("clientKey"), params.get("clientSecret")) {
        return Err(not_found());
    }
    let (id, class) = match (params.get("locationId"), params.get("companyId")) {
        (Some(id), None) => (id, Class::Location),
        (None, Some(id)) => (id, Class::Company),
        _ => return Err(errors::invalid(state, "one of locationId and companyId must be given")),
    };
    let owner = state.owner(id).filter(|owner| owner.class == class && owner.id == id);
    let Some(owner) = owner.filter(|owner| state.is_installed(&owner.id)) else {
        return Err(errors::bad_request(state, &format!("The app is not installed on {id}")));
    };
    // What the app asks for, since nobody asks here.
    let scopes: Arc<[String]> = auth::all_scopes(class);
    let (code, expires) = state.issue_code(Grant { owner, scopes }, None);
    success(state, 200, json!({"authorizationCode": code, "expiresAt": iso(expires)}))
}

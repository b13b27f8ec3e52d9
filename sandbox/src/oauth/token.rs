//! `POST /oauth/token`: a code or a refresh token for a pair.

use serde_json::{Value, json};

use super::params::{GRANT_TYPE, Name, Params, Spelling, complaint};
use super::routes::set;
use super::{OAuth, Pair, Refused, USER, seconds_left};
use crate::ghl::{Answer, errors, success};
use crate::state::State;
use crate::tokens;
use crate::wire::{Reply, Request};

pub(super) const CODE: Name = Name::new("code", "code");
pub(super) const REFRESH_TOKEN: Name = Name::new("refresh_token", "refreshToken");
const CLIENT_ID: Name = Name::new("client_id", "clientId");
const CLIENT_SECRET: Name = Name::new("client_secret", "clientSecret");
const USER_TYPE: Name = Name::new("user_type", "userType");
const REDIRECT_URI: Name = Name::new("redirect_uri", "redirectUri");

pub(super) fn serve(state: &mut State, req: &Request) -> Answer {
    let spelling = Spelling::read(state, req)?;
    let params = Params::require(state, req)?;
    // The class of what comes out was decided when somebody consented; what a client asks for must only be a class.
    if !matches!(params.named(USER_TYPE, spelling), None | Some("Location" | "Company")) {
        return Err(complaint("Invalid", USER_TYPE, spelling));
    }
    let pair = match params.need(GRANT_TYPE, spelling)? {
        "authorization_code" => by_code(state, &params, spelling)?,
        "refresh_token" => by_refresh(state, &params, spelling)?,
        "client_credentials" => return Err(no_credentials_grant()),
        _ => return Err(complaint("Invalid", GRANT_TYPE, spelling)),
    };
    let body = body(state, &pair, spelling);
    success(state, 200, body)
}

/// The code is looked at before the credentials, and both failures say the same.
fn by_code(state: &mut State, params: &Params, spelling: Spelling) -> Result<Pair, Reply> {
    let code = params.need(CODE, spelling)?;
    let now = state.now();
    let found = state.oauth.codes.get(code).filter(|code| now < code.expires).ok_or_else(not_found)?;
    require_client(params, spelling)?;
    let uri = params.named(REDIRECT_URI, spelling);
    if uri.is_some() && found.redirect_uri.is_some() && uri != found.redirect_uri.as_deref() {
        return Err(not_found());
    }
    if state.oauth.suspended.contains(&found.grant.owner.id) {
        return Err(not_active(state));
    }
    let grant = state.oauth.codes.remove(code).ok_or_else(not_found)?.grant;
    Ok(state.mint(&grant))
}

fn by_refresh(state: &mut State, params: &Params, spelling: Spelling) -> Result<Pair, Reply> {
    let refresh = params.need(REFRESH_TOKEN, spelling)?;
    require_client(params, spelling)?;
    state.rotate(refresh).map_err(|refused| {
        state.oauth.counts.refused += 1;
        match refused {
            Refused::Dead => invalid_grant(state.oauth.refusal, spelling),
            Refused::Suspended => not_active(state),
        }
    })
}

fn require_client(params: &Params, spelling: Spelling) -> Result<(), Reply> {
    let (id, secret) = (params.need(CLIENT_ID, spelling)?, params.need(CLIENT_SECRET, spelling)?);
    if OAuth::is_client(Some(id), Some(secret)) { Ok(()) } else { Err(not_found()) }
}

/// Seen live for a bad code and for a bad client alike.
pub(super) fn not_found() -> Reply {
    Reply::json(401, &json!({"error": "UnAuthorized!", "error_description": "Authorization code not found"}))
}

/// Before v3 as clients expect it of any OAuth server, in v3 as GHL's document has it.
fn invalid_grant(status: u16, spelling: Spelling) -> Reply {
    let body = match spelling {
        Spelling::Snake => json!({"error": "invalid_grant", "error_description": "This refresh token is invalid"}),
        Spelling::Camel => json!({"statusCode": status, "message": "Invalid grant: refresh token is invalid"}),
    };
    Reply::json(status, &body)
}

pub(super) fn not_active(state: &mut State) -> Reply {
    errors::bad_request(state, "Location is not active")
}

fn no_credentials_grant() -> Reply {
    let why = "client_credentials: the sandbox has no apps of that kind";
    Reply::json(400, &json!({"error": "unsupported_grant_type", "error_description": why}))
}

fn body(state: &State, pair: &Pair, spelling: Spelling) -> Value {
    let mut body = pair.shown(spelling, seconds_left(pair.access_expires, state.now()));
    let company = pair.grant.owner.is_company();
    set(&mut body, "refreshTokenId", pair.refresh_id.as_str());
    set(&mut body, "isBulkInstallation", company);
    if company {
        let approved: Vec<&String> = state.oauth.installed.keys().filter(|id| *id != tokens::COMPANY).collect();
        set(&mut body, "approvedLocations", json!(approved));
        set(&mut body, "approveAllLocations", approved.len() == state.locations.len());
        set(&mut body, "installToFutureLocations", true);
    }
    body
}

impl Pair {
    /// What every answer with a pair tells.
    pub(super) fn shown(&self, spelling: Spelling, expires_in: i64) -> Value {
        let owner = &self.grant.owner;
        let mut body = json!({});
        for (name, value) in [
            (Name::new("access_token", "accessToken"), json!(self.access)),
            (Name::new("token_type", "tokenType"), json!("Bearer")),
            (Name::new("expires_in", "expiresIn"), json!(expires_in)),
            (REFRESH_TOKEN, json!(self.refresh)),
        ] {
            set(&mut body, name.spelt(spelling), value);
        }
        set(&mut body, "scope", self.grant.scopes.join(" "));
        set(&mut body, "userType", owner.class.name());
        set(&mut body, "companyId", tokens::COMPANY);
        set(&mut body, "userId", USER);
        if !owner.is_company() {
            set(&mut body, "locationId", owner.id.as_str());
        }
        body
    }
}

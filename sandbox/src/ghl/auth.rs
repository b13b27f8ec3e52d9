//! Tokens: what they are for, and the several messages of one and the same 401.

use std::collections::HashMap;
use std::sync::Arc;

use super::errors;
use crate::clock::Millis;
use crate::state::State;
use crate::tokens;
use crate::wire::{Reply, Request};

pub(crate) const READ: &str = "contacts.readonly";
pub(crate) const WRITE: &str = "contacts.write";
pub(crate) const LOCATIONS: &str = "locations.readonly";
pub(crate) const CUSTOM_FIELDS: &str = "locations/customFields.readonly";
pub(crate) const LOCATION_TAGS: &str = "locations/tags.readonly";
pub(crate) const TASKS: &str = "locations/tasks.readonly";
/// Where the app is installed.
pub(crate) const OAUTH_READ: &str = "oauth.readonly";
/// An agency's token for one of a location.
pub(crate) const OAUTH_WRITE: &str = "oauth.write";

const ALL_SCOPES: &[&str] = &[READ, WRITE, LOCATIONS, CUSTOM_FIELDS, LOCATION_TAGS, TASKS];
const AGENCY_SCOPES: &[&str] = &[OAUTH_READ, OAUTH_WRITE];
const SCOPE_MESSAGE: &str = "The token is not authorized for this scope.";
const CLASS_MESSAGE: &str = "This authClass type is not allowed to access this scope. \
                             Please verify your IAM configuration if this is not the case.";

/// A bearer token the sandbox knows.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) class: Class,
    /// The location's or the company's id, and the key of its quota.
    pub(crate) owner: String,
    pub(crate) scopes: Arc<[String]>,
    pub(crate) expires: Option<Millis>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `pit-<uuid>`
    PrivateIntegration,
    /// An OAuth access token.
    OAuth,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Location,
    Company,
}

impl Class {
    /// As tokens and answers name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Location => "Location",
            Self::Company => "Company",
        }
    }
}

/// Every scope that the sandbox has a use for, as a token of this class may hold them.
pub(crate) fn all_scopes(class: Class) -> Arc<[String]> {
    let agency: &[&str] = match class {
        Class::Location => &[],
        Class::Company => AGENCY_SCOPES,
    };
    owned(ALL_SCOPES.iter().chain(agency))
}

fn owned<'a>(scopes: impl IntoIterator<Item = &'a &'static str>) -> Arc<[String]> {
    scopes.into_iter().map(|scope| (*scope).to_owned()).collect()
}

/// The tokens a sandbox is born with, by what is sent; `crate::tokens` documents them.
pub(crate) fn seeded() -> HashMap<String, Token> {
    let pit = |value: &str, class: Class, owner: &str, scopes: &[&'static str]| {
        let (kind, owner, scopes) = (Kind::PrivateIntegration, owner.to_owned(), owned(scopes));
        (value.to_owned(), Token { kind, class, owner, scopes, expires: None })
    };
    let oauth = |value: &str, class: Class, owner: &str, expires: Option<Millis>| {
        let (kind, owner, scopes) = (Kind::OAuth, owner.to_owned(), all_scopes(class));
        (value.to_owned(), Token { kind, class, owner, scopes, expires })
    };
    HashMap::from([
        pit(tokens::PIT_LOCATION_1, Class::Location, tokens::LOCATION_1, ALL_SCOPES),
        pit(tokens::PIT_LOCATION_2, Class::Location, tokens::LOCATION_2, ALL_SCOPES),
        pit(tokens::PIT_READ_ONLY, Class::Location, tokens::LOCATION_1, &[READ]),
        pit(tokens::PIT_AGENCY, Class::Company, tokens::COMPANY, ALL_SCOPES),
        pit(tokens::PIT_NO_CONTACTS, Class::Location, tokens::LOCATION_1, &[LOCATIONS]),
        oauth(tokens::OAUTH_LOCATION_1, Class::Location, tokens::LOCATION_1, None),
        oauth(tokens::OAUTH_COMPANY, Class::Company, tokens::COMPANY, None),
        oauth(tokens::OAUTH_EXPIRED, Class::Location, tokens::LOCATION_1, Some(0)),
    ])
}

/// Finds the token of a request; its scopes and class are judged per route.
pub(crate) fn identify(state: &mut State, req: &Request) -> Result<Token, Reply> {
    let bearer = req.authorization.as_deref().and_then(bearer);
    let Some(value) = bearer else {
        return Err(errors::unauthorized(state, "Invalid token: access token is invalid"));
    };
    let now = state.clock.now();
    let found = state.tokens.get(value).cloned();
    match found {
        Some(token) if token.expires.is_none_or(|at| now < at) => Ok(token),
        None if value.starts_with("pit-") => Err(errors::unauthorized(state, "Invalid Private Integration token")),
        _ => Err(errors::unauthorized(state, "Invalid JWT")),
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, value) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(value.trim()).filter(|value| !value.is_empty())
}

/// May this token use a sub-account route that asks for `scope`?
pub(crate) fn authorise(state: &mut State, token: &Token, scope: &'static str) -> Result<(), Reply> {
    match (token.class, token.kind) {
        (Class::Company, Kind::OAuth) => Err(errors::unauthorized(state, CLASS_MESSAGE)),
        (Class::Company, Kind::PrivateIntegration) if scope == READ || scope == WRITE => {
            Err(errors::unauthorized(state, SCOPE_MESSAGE))
        }
        (Class::Company, Kind::PrivateIntegration) => Err(errors::unauthorized(state, "Token's user type mismatch!")),
        (Class::Location, _) if !token.holds(scope) => Err(errors::unauthorized(state, SCOPE_MESSAGE)),
        (Class::Location, _) => Ok(()),
    }
}

/// May this token use an agency route that asks for `scope`? No private token may.
pub(crate) fn authorise_agency(state: &mut State, token: &Token, scope: &str) -> Result<(), Reply> {
    match (token.class, token.kind) {
        (_, Kind::PrivateIntegration) => Err(errors::unauthorized(state, SCOPE_MESSAGE)),
        (Class::Location, Kind::OAuth) => Err(errors::forbidden(state, "Forbidden resource")),
        (Class::Company, Kind::OAuth) if !token.holds(scope) => Err(errors::unauthorized(state, SCOPE_MESSAGE)),
        (Class::Company, Kind::OAuth) => Ok(()),
    }
}

impl Token {
    fn holds(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }
}

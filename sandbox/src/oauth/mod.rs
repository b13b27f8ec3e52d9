//! OAuth as GHL does it: an authorize page that consents by itself, codes that work once, access tokens that end, refresh
//! tokens that rotate with a grace, tokens of an agency and of its locations, and the installations behind them. None of
//! it is charged to a location's quota.
//!
//! The other endpoints know of all this by [`State::tokens`] alone.

mod authorize;
pub(crate) mod control;
mod handle;
mod installations;
mod installed;
mod jwt;
mod location_token;
mod params;
mod reconnect;
mod routes;
mod token;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

pub use handle::{OAuthCounts, TokenPair};
pub use installations::InstallationChange;
pub(crate) use routes::{Ask, execute, find};

use crate::clock::{DAY_MS, Millis};
use crate::config::SandboxConfig;
use crate::ghl::auth::{Class, Kind, Token};
use crate::rng::Rng;
use crate::state::State;
use crate::tokens;

/// A code that nobody takes is gone after ten minutes.
const CODE_MS: Millis = 600_000;
/// A refresh token that nobody uses lives a year.
const REFRESH_MS: Millis = 365 * DAY_MS;
/// So long does a refresh token that was used still answer, with the pair it gave.
const GRACE_MS: Millis = 30_000;
/// The person who installs.
const USER: &str = "sandboxUser000000001";
/// What the agency itself goes by in the control API and on the authorize page.
const COMPANY_ALIAS: &str = "company";

/// Whom the authorize page gives a code for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consent {
    /// One location.
    Location(String),
    /// The agency, with all its locations.
    Company,
    /// Nobody: the person says no.
    Deny,
}

/// A location or the agency, as the one that installs the app and whom tokens are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) class: Class,
    pub(crate) id: String,
}

/// What a code or a token allows.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) owner: Owner,
    pub(crate) scopes: Arc<[String]>,
}

#[derive(Debug)]
struct Code {
    grant: Grant,
    /// None if it came from a reconnection.
    redirect_uri: Option<String>,
    expires: Millis,
}

#[derive(Debug)]
struct Refresh {
    grant: Grant,
    expires: Millis,
    /// When it was used, and for what.
    used: Option<(Millis, Pair)>,
}

/// An access token and the refresh token that came with it.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) access_expires: Millis,
    pub(crate) refresh: String,
    refresh_id: String,
    grant: Grant,
}

/// Why a refresh token gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    /// Unknown, used, unused for too long or revoked: all the same.
    Dead,
    /// Its location is suspended; it works again once that is over.
    Suspended,
}

/// Everything about OAuth but the access tokens, which stand in [`State::tokens`].
#[derive(Debug)]
pub(crate) struct OAuth {
    rng: Rng,
    consent: Consent,
    access_ms: Millis,
    grace_ms: Millis,
    /// The status of a refused refresh: 400 or 401, as clients have seen both.
    refusal: u16,
    codes: HashMap<String, Code>,
    refreshes: HashMap<String, Refresh>,
    /// Since when, by the id of the location or of the agency.
    installed: BTreeMap<String, Millis>,
    suspended: BTreeSet<String>,
    changes: Vec<InstallationChange>,
    counts: OAuthCounts,
}

impl OAuth {
    /// Nothing installed yet. Tokens differ from one life of the sandbox to the next: those of an earlier one are dead.
    pub(crate) fn new(config: &SandboxConfig, now: Millis) -> Self {
        Self {
            rng: Rng::new(config.seed ^ now.unsigned_abs().rotate_left(20)),
            consent: Consent::Location(tokens::LOCATION_1.to_owned()),
            access_ms: millis(config.access_token_life),
            grace_ms: GRACE_MS,
            refusal: 400,
            codes: HashMap::new(),
            refreshes: HashMap::new(),
            installed: BTreeMap::new(),
            suspended: BTreeSet::new(),
            changes: Vec::new(),
            counts: OAuthCounts::default(),
        }
    }

    fn is_client(id: Option<&str>, secret: Option<&str>) -> bool {
        id == Some(tokens::OAUTH_CLIENT_ID) && secret == Some(tokens::OAUTH_CLIENT_SECRET)
    }
}

impl State {
    /// The location of this id, or the agency.
    fn owner(&self, id: &str) -> Option<Owner> {
        let class = match id {
            COMPANY_ALIAS | tokens::COMPANY => return Some(Owner::company()),
            id if self.locations.contains_key(id) => Class::Location,
            _ => return None,
        };
        Some(Owner { class, id: id.to_owned() })
    }

    fn issue_code(&mut self, grant: Grant, redirect_uri: Option<String>) -> (String, Millis) {
        let now = self.now();
        let expires = now.saturating_add(CODE_MS);
        let code = format!("{}{}", self.oauth.rng.id20(), self.oauth.rng.id20());
        self.oauth.codes.retain(|_, code| now < code.expires);
        self.oauth.codes.insert(code.clone(), Code { grant, redirect_uri, expires });
        self.oauth.counts.codes += 1;
        (code, expires)
    }

    /// A new pair; both halves work from now on.
    fn mint(&mut self, grant: &Grant) -> Pair {
        let now = self.now();
        let access_expires = now.saturating_add(self.oauth.access_ms);
        let refresh_expires = now.saturating_add(REFRESH_MS);
        let refresh_id = self.oauth.rng.id24();
        let access = jwt::access(&mut self.oauth.rng, grant, now, access_expires);
        let refresh = jwt::refresh(&mut self.oauth.rng, grant, &refresh_id, refresh_expires);
        let token = Token {
            kind: Kind::OAuth,
            class: grant.owner.class,
            owner: grant.owner.id.clone(),
            scopes: Arc::clone(&grant.scopes),
            expires: Some(access_expires),
        };
        self.tokens.insert(access.clone(), token);
        let kept = Refresh { grant: grant.clone(), expires: refresh_expires, used: None };
        self.oauth.refreshes.insert(refresh.clone(), kept);
        self.oauth.counts.pairs += 1;
        Pair { access, access_expires, refresh, refresh_id, grant: grant.clone() }
    }

    /// Uses a refresh token: a new pair the first time, the same one again within the grace, nothing thereafter.
    fn rotate(&mut self, refresh: &str) -> Result<Pair, Refused> {
        let now = self.now();
        let found = self.oauth.refreshes.get(refresh).ok_or(Refused::Dead)?;
        let repeated = match &found.used {
            Some((at, pair)) if now.saturating_sub(*at) < self.oauth.grace_ms => Some(pair.clone()),
            Some(_) => return Err(Refused::Dead),
            None if now >= found.expires => return Err(Refused::Dead),
            None => None,
        };
        if self.oauth.suspended.contains(&found.grant.owner.id) {
            return Err(Refused::Suspended);
        }
        if let Some(pair) = repeated {
            self.oauth.counts.repeats += 1;
            return Ok(pair);
        }
        let grant = found.grant.clone();
        let pair = self.mint(&grant);
        if let Some(found) = self.oauth.refreshes.get_mut(refresh) {
            found.used = Some((now, pair.clone()));
        }
        self.oauth.counts.rotations += 1;
        Ok(pair)
    }
}

impl Owner {
    fn company() -> Self {
        Self { class: Class::Company, id: tokens::COMPANY.to_owned() }
    }

    fn is_company(&self) -> bool {
        self.class == Class::Company
    }
}

impl Consent {
    /// A location's id, `company` or `deny`.
    fn read(state: &State, text: &str) -> Result<Self, String> {
        match (text, state.owner(text)) {
            ("deny", _) => Ok(Self::Deny),
            (_, Some(owner)) if owner.is_company() => Ok(Self::Company),
            (_, Some(owner)) => Ok(Self::Location(owner.id)),
            (_, None) => Err(format!("{text} is no location of this sandbox, and neither \"company\" nor \"deny\"")),
        }
    }

    fn shown(&self) -> &str {
        match self {
            Self::Location(id) => id,
            Self::Company => COMPANY_ALIAS,
            Self::Deny => "deny",
        }
    }
}

fn millis(duration: Duration) -> Millis {
    // Far below what would overflow when it is added to a time.
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX).min(100 * REFRESH_MS)
}

/// Whole seconds left until a time; an access token that lives a day says 86399, as GHL's do.
fn seconds_left(until: Millis, now: Millis) -> Millis {
    until.saturating_sub(now).saturating_sub(1).max(0) / 1_000
}

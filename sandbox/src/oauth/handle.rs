//! OAuth on the handle of a running sandbox, for tests. Where a method takes an id, it is a location's or the agency's
//! (`company` will do), and an unknown one changes nothing.

use std::time::Duration;

use serde::Serialize;

use super::{Consent, Grant, InstallationChange, Owner, millis};
use crate::ghl::auth;
use crate::server::Sandbox;
use crate::state::State;

/// An access token and its refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPair {
    /// The bearer token.
    pub access: String,
    /// What gives the next pair, once.
    pub refresh: String,
}

/// What was given out, and what was not. [`Calls`](crate::Calls) counts requests; this counts what came of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OAuthCounts {
    /// Codes, from the authorize page and from reconnections.
    pub codes: u64,
    /// Pairs of tokens that were made, for whatever reason.
    pub pairs: u64,
    /// Refresh tokens that were used up for a new pair.
    pub rotations: u64,
    /// Refreshes that got the pair of the one before, within the grace.
    pub repeats: u64,
    /// Refreshes that were refused.
    pub refused: u64,
}

impl Sandbox {
    /// Whom the authorize page gives codes for from now on.
    pub fn set_consent(&self, consent: Consent) {
        self.lock().oauth.consent = consent;
    }

    /// Installs the app, as somebody may in GHL's marketplace. The agency installs it in all its locations.
    pub fn install(&self, id: &str) {
        self.with_owner(id, State::install);
    }

    /// Ends an installation: its tokens die, and no reconnection brings it back.
    pub fn uninstall(&self, id: &str) {
        self.with_owner(id, State::uninstall);
    }

    /// Kills all tokens and codes of one owner. The installation stands: a reconnection works.
    pub fn revoke(&self, id: &str) {
        self.with_owner(id, |state, owner| state.kill(&owner.id));
    }

    /// While it lasts, refreshes and new tokens are refused with `Location is not active`.
    pub fn set_suspended(&self, id: &str, suspended: bool) {
        self.with_owner(id, |state, owner| state.set_suspended(owner, suspended));
    }

    /// Installs the app and gives a pair of all scopes, as the whole way through the authorize page would; `None` for an
    /// unknown id.
    pub fn connect(&self, id: &str) -> Option<TokenPair> {
        self.with_owner(id, |state, owner| {
            state.install(owner);
            let pair = state.mint(&Grant { owner: owner.clone(), scopes: auth::all_scopes(owner.class) });
            TokenPair { access: pair.access, refresh: pair.refresh }
        })
    }

    /// How long access tokens live that are made from now on: a day, unless told otherwise.
    pub fn set_access_token_life(&self, life: Duration) {
        self.lock().oauth.access_ms = millis(life);
    }

    /// How long a refresh token that was used still answers: 30 s, unless told otherwise.
    pub fn set_refresh_grace(&self, grace: Duration) {
        self.lock().oauth.grace_ms = millis(grace);
    }

    /// The status of a refused refresh: 400, unless told otherwise.
    pub fn set_refresh_refusal(&self, status: u16) {
        self.lock().oauth.refusal = status;
    }

    /// Whether the app is installed there.
    pub fn is_installed(&self, id: &str) -> bool {
        self.with_owner(id, |state, owner| state.is_installed(&owner.id)).unwrap_or(false)
    }

    /// Whether a token would be taken now: an access token that has not ended, or a refresh token that nobody has used.
    pub fn is_live(&self, token: &str) -> bool {
        let state = self.lock();
        let now = state.now();
        let access = state.tokens.get(token).is_some_and(|token| token.expires.is_none_or(|at| now < at));
        let refresh = state.oauth.refreshes.get(token);
        access || refresh.is_some_and(|refresh| refresh.used.is_none() && now < refresh.expires)
    }

    /// Every installation that was made or ended, in order.
    pub fn installation_changes(&self) -> Vec<InstallationChange> {
        self.lock().oauth.changes.clone()
    }

    /// What was given out so far.
    pub fn oauth_counts(&self) -> OAuthCounts {
        self.lock().oauth.counts
    }

    fn with_owner<T>(&self, id: &str, act: impl FnOnce(&mut State, &Owner) -> T) -> Option<T> {
        let mut state = self.lock();
        let owner = state.owner(id)?;
        Some(act(&mut state, &owner))
    }
}

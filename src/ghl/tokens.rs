//! Where the client of GHL has its tokens from: the seam between it and whoever keeps them.

use super::error::GhlError;
use crate::{
    domain::ids::LocationId,
    settings::{
        GhlSettings,
        secret::{LiveSecret, Secret},
    },
    upstream::CallContext,
};
use futures_util::future::BoxFuture;
use std::{fmt, future::ready, sync::Arc};

/// An access token, for the `Authorization` header.
pub type Bearer = Arc<Secret>;

/// Gives the token of a location.
pub trait TokenSource: Send + Sync + fmt::Debug {
    /// Whether a location has, or may come to have, a token. Neither waits nor calls anybody.
    ///
    /// # Errors
    /// [`GhlError::NoToken`].
    fn serves(&self, location: &LocationId) -> Result<(), GhlError>;

    /// The token of a location, as of now. An error says that nothing was sent to GHL on the caller's behalf.
    fn token<'a>(
        &'a self,
        location: &'a LocationId,
        context: &'a CallContext,
    ) -> BoxFuture<'a, Result<Bearer, GhlError>>;

    /// Another token, after GHL said of this one that it has expired; `None` where there is no other to be had.
    fn renewed<'a>(
        &'a self,
        location: &'a LocationId,
        rejected: &'a Bearer,
        context: &'a CallContext,
    ) -> BoxFuture<'a, Result<Option<Bearer>, GhlError>>;
}

/// A private integration token, for the one location it belongs to.
#[derive(Debug, Clone)]
pub struct PrivateToken {
    token: Option<LiveSecret>,
    /// Without it, the token is for none.
    location: Option<LocationId>,
}

impl PrivateToken {
    /// That of the settings, if there is one.
    #[must_use]
    pub fn new(settings: &GhlSettings) -> Self {
        Self { token: settings.token.clone(), location: settings.location_id.clone() }
    }

    /// The token for a location; no call is spent where there is none.
    ///
    /// # Errors
    /// [`GhlError::NoToken`].
    pub fn of(&self, location: &LocationId) -> Result<Bearer, GhlError> {
        // Notes, tasks and appointments carry no location that could be compared afterwards: asked for another tenant's
        // contact, GHL would answer with whatever this token may read.
        if self.location.as_ref() != Some(location) {
            return Err(GhlError::NoToken);
        }
        let token = self.token.as_ref().map(LiveSecret::get);
        token.filter(|token| !token.expose().trim().is_empty()).ok_or(GhlError::NoToken)
    }

    /// The location that there is a token for.
    #[must_use]
    pub fn location(&self) -> Option<&LocationId> {
        self.location.as_ref().filter(|location| self.of(location).is_ok())
    }
}

impl TokenSource for PrivateToken {
    fn serves(&self, location: &LocationId) -> Result<(), GhlError> {
        self.of(location).map(drop)
    }

    fn token<'a>(&'a self, location: &'a LocationId, _: &'a CallContext) -> BoxFuture<'a, Result<Bearer, GhlError>> {
        Box::pin(ready(self.of(location)))
    }

    /// It is what it is until somebody changes it.
    fn renewed<'a>(
        &'a self,
        _: &'a LocationId,
        _: &'a Bearer,
        _: &'a CallContext,
    ) -> BoxFuture<'a, Result<Option<Bearer>, GhlError>> {
        Box::pin(ready(Ok(None)))
    }
}

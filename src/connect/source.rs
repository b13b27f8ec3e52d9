//! Connections as a source of tokens: OAuth where the location is connected, its private token where it is not.

use super::{
    Connections, Inner,
    held::Held,
    renew::{RenewError, Why},
};
use crate::{
    domain::{connection::Holder, ids::LocationId},
    ghl::{
        GhlError,
        tokens::{Bearer, TokenSource},
    },
    upstream::CallContext,
};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// What may be had of a location, without asking anybody.
enum Standing {
    Connected(Arc<Held>),
    Private(Bearer),
    /// An agency of ours may have it.
    PerhapsMinted,
    Lost,
    None,
}

impl Inner {
    fn standing(&self, location: &LocationId) -> Standing {
        let held = self.table.get(&Holder::Location(location.clone()));
        match (held, self.private.of(location)) {
            (Some(held), _) if held.connection.lost.is_none() => Standing::Connected(held),
            (_, Ok(token)) => Standing::Private(token),
            (Some(_), Err(_)) => Standing::Lost,
            (None, Err(_)) => {
                let allowed = &self.settings.allowed_locations;
                let admitted = allowed.is_empty() || allowed.contains(location);
                if admitted && !self.table.companies().is_empty() && self.strangers.may_ask(location) {
                    Standing::PerhapsMinted
                } else {
                    Standing::None
                }
            }
        }
    }

    /// New tokens of a location, within a request's own time: the renewal goes on if that ends first.
    async fn within(
        self: &Arc<Self>,
        location: &LocationId,
        rejected: Option<&Bearer>,
        context: &CallContext,
    ) -> Result<Bearer, GhlError> {
        let holder = Holder::Location(location.clone());
        let renewed = tokio::time::timeout_at(context.deadline, self.renewed(&holder, rejected, Why::Wanted)).await;
        let Ok(outcome) = renewed else { return Err(unavailable("token-late", None)) };
        match outcome {
            Ok(held) => held.tokens.as_ref().map(|tokens| Arc::clone(&tokens.access)).ok_or(GhlError::Disconnected),
            Err(RenewError::Lost) => Err(GhlError::Disconnected),
            Err(RenewError::Nobody) => {
                self.strangers.add(location);
                Err(GhlError::NoToken)
            }
            Err(RenewError::Unavailable { retry_after }) => Err(GhlError::LeftAlone { retry_after }),
            Err(RenewError::Store(error)) => Err(unavailable("token-store", Some(error.to_string()))),
        }
    }
}

/// Nothing was sent on the caller's behalf.
const fn unavailable(code: &'static str, said: Option<String>) -> GhlError {
    GhlError::Unavailable { status: None, code, sent: false, said }
}

impl TokenSource for Connections {
    fn serves(&self, location: &LocationId) -> Result<(), GhlError> {
        match self.inner.standing(location) {
            Standing::Connected(_) | Standing::Private(_) | Standing::PerhapsMinted => Ok(()),
            // What is written waits for it to come back, unless somebody ended it.
            Standing::Lost => {
                let held = self.inner.table.get(&Holder::Location(location.clone()));
                if held.is_some_and(|held| held.ended()) { Err(GhlError::Disconnected) } else { Ok(()) }
            }
            Standing::None => Err(GhlError::NoToken),
        }
    }

    fn token<'a>(
        &'a self,
        location: &'a LocationId,
        context: &'a CallContext,
    ) -> BoxFuture<'a, Result<Bearer, GhlError>> {
        Box::pin(async move {
            match self.inner.standing(location) {
                Standing::Connected(held) => match held.good(self.inner.clock.now(), None) {
                    Some(access) => Ok(access),
                    None => self.inner.within(location, None, context).await,
                },
                Standing::Private(token) => Ok(token),
                Standing::PerhapsMinted => self.inner.within(location, None, context).await,
                Standing::Lost => Err(GhlError::Disconnected),
                Standing::None => Err(GhlError::NoToken),
            }
        })
    }

    fn renewed<'a>(
        &'a self,
        location: &'a LocationId,
        rejected: &'a Bearer,
        context: &'a CallContext,
    ) -> BoxFuture<'a, Result<Option<Bearer>, GhlError>> {
        Box::pin(async move {
            match self.inner.standing(location) {
                // GHL rejects what it gave a moment ago, again and again.
                Standing::Connected(held) if held.has(rejected) && held.is_past_help(self.inner.clock.now()) => {
                    Ok(None)
                }
                Standing::Connected(_) => self.inner.within(location, Some(rejected), context).await.map(Some),
                // Lost meanwhile, and the private token is not the one that was rejected.
                Standing::Private(token) if token != *rejected => Ok(Some(token)),
                Standing::Lost => Err(GhlError::Disconnected),
                Standing::Private(_) | Standing::PerhapsMinted | Standing::None => Ok(None),
            }
        })
    }
}

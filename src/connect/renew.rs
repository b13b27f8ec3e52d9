//! Renewing one holder's tokens, and bringing back what is lost.
//!
//! The order is the whole point: GHL's answer, then the disk (`landing.rs`), then use.

use super::{
    Inner,
    flights::{Joined, Landing, Outcome},
    held::Held,
    landing::{Over, Terms},
};
use crate::{
    domain::{
        connection::{Connection, Holder, Lost, LostBecause},
        ids::{CompanyId, LocationId},
    },
    ghl::{
        oauth::{Grant, OauthError},
        tokens::Bearer,
    },
    settings::UserType,
    store::{KeptConnection, StoreError},
    upstream::{CallContext, Lane},
};
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use std::{sync::Arc, time::Duration};

/// How long one step may take, repetitions included: within the 30 s in which GHL gives the same pair for the same refresh
/// token (reference: "Authentication").
const STEP: Duration = Duration::from_secs(25);

/// When to ask again for what is renewed, or was, at this moment.
const SOON: Duration = Duration::from_secs(1);

/// Most agencies that are asked for one location.
const MAX_AGENCIES: usize = 5;

/// Why there are no new tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RenewError {
    /// The connection is lost, or was ended.
    #[error("the connection is lost")]
    Lost,
    /// Nobody ever connected it, and no agency has it.
    #[error("nobody connected it")]
    Nobody,
    /// GHL's token endpoint is not available.
    #[error("GHL's token endpoint is not available")]
    Unavailable {
        /// When trying again may help.
        retry_after: Duration,
    },
    /// The store failed.
    #[error("the store failed: {}", .0.in_full())]
    Store(StoreError),
}

/// Why a renewal is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Its token is wanted.
    Wanted,
    /// Its token will soon expire, or it is time to try again what was lost.
    Ahead,
    /// GHL says that the app is installed: what was given up comes back.
    Installed,
}

/// Where a grant came from, for the metrics.
type Granted = (Grant, &'static str);

impl Inner {
    /// The holder with tokens other than the one rejected: those another renewal brought, or new ones.
    pub(super) async fn renewed(self: &Arc<Self>, holder: &Holder, rejected: Option<&Bearer>, why: Why) -> Outcome {
        let landing = match self.join(holder, rejected, why) {
            Ok(held) => return Ok(held),
            Err(landing) => landing,
        };
        // A renewal that panicked is a defect of ours; the next one who asks begins another.
        landing.await.unwrap_or(Err(RenewError::Unavailable { retry_after: SOON }))
    }

    /// What is there, or the renewal to wait for. Not a part of the future above: a renewal may wait for another, the
    /// agency's, and its type would contain itself.
    fn join(self: &Arc<Self>, holder: &Holder, rejected: Option<&Bearer>, why: Why) -> Result<Arc<Held>, Landing> {
        let there = || {
            let held = self.table.get(holder)?;
            held.good(self.clock.now(), rejected).map(|_| held)
        };
        match self.flights.join(holder, there) {
            Joined::Landed(held) => Ok(held),
            Joined::Running(landing) => Err(landing),
            Joined::Launch(landing, sender) => {
                let (inner, holder, rejected) = (Arc::clone(self), holder.clone(), rejected.cloned());
                let work: BoxFuture<'static, ()> = Box::pin(async move {
                    let outcome = inner.renew(&holder, rejected.as_ref(), why).await;
                    inner.count();
                    inner.flights.land(&holder, outcome, sender);
                });
                self.tasks.spawn_load("token-renewal", work);
                Err(landing)
            }
        }
    }

    async fn renew(self: &Arc<Self>, holder: &Holder, rejected: Option<&Bearer>, why: Why) -> Outcome {
        if let Some(retry_after) = self.left_alone(holder) {
            return Err(RenewError::Unavailable { retry_after });
        }
        while !self.lease(holder).await.map_err(RenewError::Store)? {
            // Whoever has it renews: what that brings is what we want.
            self.wait_for_lease().await;
            if let Some(held) = self.reread(holder).await?.filter(|held| self.is_good(held, rejected)) {
                return Ok(held);
            }
        }
        self.leased(holder, self.renew_leased(holder, rejected, why)).await
    }

    /// How much longer this one is left alone.
    fn left_alone(&self, holder: &Holder) -> Option<Duration> {
        let unsure = match holder {
            Holder::Location(location) => self.strangers.left(location),
            Holder::Company(_) => None,
        };
        self.troubles.left(holder).or(unsure)
    }

    async fn renew_leased(self: &Arc<Self>, holder: &Holder, rejected: Option<&Bearer>, why: Why) -> Outcome {
        let held = self.reread(holder).await?;
        if let Some(held) = held.as_ref().filter(|held| self.is_good(held, rejected)) {
            return Ok(Arc::clone(held));
        }
        let rests = |held: &Arc<Held>| held.ended() || held.rests(self.clock.now());
        if why != Why::Installed && held.as_ref().is_some_and(rests) {
            return Err(RenewError::Lost);
        }
        let granted = match (&held, holder) {
            (None, Holder::Location(location)) => self.first_grant(location, why).await,
            (None, Holder::Company(_)) => self.reconnected(holder).await,
            (Some(held), _) => match self.next_grant(held).await {
                // Another process may have renewed it after its lease ran out: look before giving up.
                Err(OauthError::Refused { .. } | OauthError::NotActive) if self.was_changed(held).await? => {
                    return self.reread(holder).await?.ok_or(RenewError::Nobody);
                }
                granted => granted,
            },
        };
        match granted {
            Ok((grant, how)) => {
                self.metrics.connections().renewed(how);
                self.troubles.clear(holder);
                // Upkeep's is not rejected by GHL.
                let in_vain = match (&held, rejected) {
                    (Some(held), Some(_)) if why == Why::Wanted => held.in_vain_with_this(self.clock.now()),
                    _ => 0,
                };
                let terms = Terms { minted: how == "minted", over: Over::Nothing, in_vain };
                self.land(held, grant, terms).await
            }
            Err(error) => self.failed(holder, held, &error, why).await,
        }
    }

    fn is_good(&self, held: &Held, rejected: Option<&Bearer>) -> bool {
        held.good(self.clock.now(), rejected).is_some()
    }

    /// What the store holds, put into the table.
    pub(super) async fn reread(&self, holder: &Holder) -> Result<Option<Arc<Held>>, RenewError> {
        let Some(kept) = self.store.connection(holder.clone()).await.map_err(RenewError::Store)? else {
            return Ok(None);
        };
        // What memory holds of the same version knows more: how long its token lives.
        if let Some(held) = self.table.get(holder).filter(|held| held.version == kept.version) {
            return Ok(Some(held));
        }
        let opened = self.open(kept).map_err(|error| RenewError::Store(StoreError::Corrupt(error.to_string())))?;
        let held = Arc::new(opened);
        self.table.put(Arc::clone(&held));
        Ok(Some(held))
    }

    async fn was_changed(&self, held: &Held) -> Result<bool, RenewError> {
        let now = self.store.connection(held.connection.holder.clone()).await.map_err(RenewError::Store)?;
        Ok(now.is_some_and(|kept| kept.version != held.version && kept.connection.lost.is_none()))
    }

    /// New tokens for a connection that was there: minted, refreshed, or by reconnecting.
    async fn next_grant(self: &Arc<Self>, held: &Held) -> Result<Granted, OauthError> {
        let Connection { holder, company, minted, .. } = &held.connection;
        if let (true, Holder::Location(location), Some(company)) = (minted, holder, company) {
            match self.minted(company, location).await {
                Err(OauthError::Refused { .. }) if held.tokens.as_ref().is_some_and(|t| t.refresh.is_some()) => {}
                outcome => return outcome,
            }
        }
        if let Some(refresh) = held.tokens.as_ref().and_then(|tokens| tokens.refresh.as_ref()) {
            match self.oauth.refresh(refresh, user_type(holder), &context()).await {
                Ok(grant) => return of(holder, grant).map(|grant| (grant, "refreshed")),
                // The refresh token is used up, or was never good.
                Err(OauthError::Refused { .. } | OauthError::Invalid(_)) => {}
                Err(error @ (OauthError::NotActive | OauthError::Unavailable { .. })) => return Err(error),
            }
            if self.was_changed(held).await.unwrap_or(false) {
                return Err(OauthError::Refused { status: 401, expired: false, said: None });
            }
        }
        self.reconnected(holder).await
    }

    /// The first tokens of a location that nobody connected by itself: an agency's token mints them. After an INSTALL event
    /// it may be the location's own installation. That one agency is in trouble keeps no other from being asked; but then
    /// nobody knows that the location is nobody's.
    async fn first_grant(self: &Arc<Self>, location: &LocationId, why: Why) -> Result<Granted, OauthError> {
        let mut last = OauthError::Refused { status: 404, expired: false, said: None };
        for company in self.table.companies().into_iter().take(MAX_AGENCIES) {
            match self.minted(&company, location).await {
                Ok(granted) => return Ok(granted),
                Err(error) if is_known(&last) => last = error,
                Err(_) => {}
            }
        }
        match why {
            Why::Installed => self.reconnected(&Holder::Location(location.clone())).await,
            Why::Wanted | Why::Ahead => Err(last),
        }
    }

    async fn minted(self: &Arc<Self>, company: &CompanyId, location: &LocationId) -> Result<Granted, OauthError> {
        let agency = Holder::Company(company.clone());
        let mut rejected = None;
        loop {
            let held = self.usable(&agency, rejected.as_ref()).await?;
            let Some(access) = held.tokens.as_ref().map(|tokens| Arc::clone(&tokens.access)) else {
                return Err(OauthError::Refused { status: 401, expired: false, said: None });
            };
            match self.oauth.location_token(&access, company, location, &context()).await {
                // A new one that has expired as well says nothing of the location.
                Err(OauthError::Refused { expired: true, .. })
                    if rejected.is_some() || held.is_past_help(self.clock.now()) =>
                {
                    return Err(OauthError::Unavailable { code: "agency-token", retry_after: None });
                }
                Err(OauthError::Refused { expired: true, .. }) => rejected = Some(access),
                outcome => return outcome.map(|grant| (grant, "minted")),
            }
        }
    }

    /// A holder with a good access token.
    async fn usable(self: &Arc<Self>, holder: &Holder, rejected: Option<&Bearer>) -> Result<Arc<Held>, OauthError> {
        match self.renewed(holder, rejected, Why::Wanted).await {
            Ok(held) => Ok(held),
            Err(RenewError::Lost | RenewError::Nobody) => {
                Err(OauthError::Refused { status: 401, expired: false, said: None })
            }
            Err(RenewError::Unavailable { retry_after }) => {
                Err(OauthError::Unavailable { code: "agency", retry_after: Some(retry_after) })
            }
            Err(RenewError::Store(_)) => Err(OauthError::Unavailable { code: "store", retry_after: None }),
        }
    }

    /// A new code without anybody's consent, exchanged.
    async fn reconnected(&self, holder: &Holder) -> Result<Granted, OauthError> {
        let code = self.oauth.reconnect(holder, &context()).await?;
        let grant = self.oauth.exchange(&code, user_type(holder), &context()).await?;
        of(holder, grant).map(|grant| (grant, "reconnected"))
    }

    /// No new tokens: left alone for a while, or lost.
    async fn failed(&self, holder: &Holder, held: Option<Arc<Held>>, error: &OauthError, why: Why) -> Outcome {
        let because = match error {
            OauthError::Refused { .. } => LostBecause::Refused,
            OauthError::NotActive => LostBecause::NotActive,
            OauthError::Unavailable { .. } | OauthError::Invalid(_) => {
                return Err(self.unavailable(holder, held.is_some(), error));
            }
        };
        self.metrics.connections().renewed("refused");
        let Some(held) = held else { return Err(RenewError::Nobody) };
        if why == Why::Ahead && self.is_good(&held, None) {
            tracing::warn!(%holder, cause = ?error, "tokens are refused ahead of time; the one that is there still serves");
            let (failures, next_try_at) = self.next_try(&held);
            self.table.put(Arc::new(held.put_off(failures, next_try_at)));
            return Err(RenewError::Unavailable { retry_after: SOON });
        }
        self.lose(&held, because, error).await?;
        Err(RenewError::Lost)
    }

    /// Nothing is known of the tokens, and they are left alone for a moment.
    fn unavailable(&self, holder: &Holder, known: bool, error: &OauthError) -> RenewError {
        self.metrics.connections().renewed("unavailable");
        let asked = match error {
            OauthError::Unavailable { retry_after, .. } => *retry_after,
            OauthError::Invalid(_) | OauthError::Refused { .. } | OauthError::NotActive => None,
        };
        let retry_after = match holder {
            // Whoever makes up ids must not fill our memory with them.
            Holder::Location(location) if !known => self.strangers.leave(location, asked),
            Holder::Location(_) | Holder::Company(_) => self.troubles.add(holder, asked),
        };
        tracing::warn!(%holder, cause = %error, retry_ms = retry_after.as_millis(), "tokens cannot be renewed now");
        RenewError::Unavailable { retry_after }
    }

    /// How often it has failed by now, and when it is tried again.
    fn next_try(&self, held: &Held) -> (u32, Option<Timestamp>) {
        let failures = held.failures.saturating_add(1);
        let pause = SignedDuration::try_from(super::patience::until_next_try(failures)).ok();
        (failures, pause.and_then(|pause| self.clock.now().checked_add(pause).ok()))
    }

    async fn lose(&self, held: &Held, because: LostBecause, error: &OauthError) -> Result<(), RenewError> {
        let (failures, next_try_at) = self.next_try(held);
        let holder = held.connection.holder.clone();
        let since = held.connection.lost.map_or_else(|| self.clock.now(), |lost| lost.since);
        if held.connection.lost.is_none() {
            tracing::warn!(%holder, because = because.as_str(), cause = ?error, "a connection is lost; it is tried again now and then");
        }
        let connection = Connection { lost: Some(Lost { since, because }), ..held.connection.clone() };
        let sealed = held.tokens.as_ref().map(|tokens| self.vault.seal(&holder, tokens)).transpose();
        let tokens = sealed.map_err(|error| RenewError::Store(StoreError::Failed(error.to_string())))?;
        let kept = KeptConnection { connection, tokens, failures, next_try_at, version: held.version };
        let lost = Held::new(kept.connection.clone(), held.tokens.clone(), None, Duration::ZERO);
        // Where somebody else changed it meanwhile, theirs holds.
        if let Some(version) = self.store.keep_connection(kept).await.map_err(RenewError::Store)? {
            self.table.put(Arc::new(Held { version, failures, next_try_at, ..lost }));
        } else {
            self.reread(&holder).await?;
        }
        Ok(())
    }
}

/// Whether GHL said something of the location.
const fn is_known(error: &OauthError) -> bool {
    matches!(error, OauthError::Refused { .. } | OauthError::NotActive)
}

/// The grant, if it is this holder's.
fn of(holder: &Holder, grant: Grant) -> Result<Grant, OauthError> {
    if grant.holder == *holder { Ok(grant) } else { Err(OauthError::Invalid("tokens of somebody else".to_owned())) }
}

const fn user_type(holder: &Holder) -> UserType {
    match holder {
        Holder::Location(_) => UserType::Location,
        Holder::Company(_) => UserType::Company,
    }
}

/// A renewal is not one request's: it has a time of its own.
pub(super) fn context() -> CallContext {
    CallContext::new(Lane::Interactive, STEP)
}

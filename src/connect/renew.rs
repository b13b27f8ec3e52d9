//! Renewing one holder's tokens, and bringing back what is lost.
//!
//! The order is the whole point: GHL's answer, then the disk, then use. A pair that cannot be stored is not used, for after
//! a crash nobody would know it.

use super::{
    Inner,
    flights::{Joined, Landing, Outcome},
    held::Held,
    vault::Tokens,
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
use jiff::SignedDuration;
use std::{sync::Arc, time::Duration};

/// How long one step may take, repetitions included: within the 30 s in which GHL gives the same pair for the same refresh
/// token (reference: "Authentication").
const STEP: Duration = Duration::from_secs(25);

/// Pauses before what GHL gave is stored once more, where that failed: together within those 30 s, too.
const STORE_PAUSES: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(4),
];

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
    /// Its token is wanted, or soon to expire.
    Wanted,
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
        landing.await.unwrap_or(Err(RenewError::Unavailable { retry_after: Duration::from_secs(1) }))
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
        if let Some(retry_after) = self.troubles.left(holder) {
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

    async fn renew_leased(self: &Arc<Self>, holder: &Holder, rejected: Option<&Bearer>, why: Why) -> Outcome {
        let held = self.reread(holder).await?;
        if let Some(held) = held.as_ref().filter(|held| self.is_good(held, rejected)) {
            return Ok(Arc::clone(held));
        }
        if held.as_ref().is_some_and(|held| held.ended()) && why != Why::Installed {
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
                let minted = how == "minted";
                self.land(held.as_deref(), grant, minted).await
            }
            Err(error) => self.failed(holder, held, &error).await,
        }
    }

    fn is_good(&self, held: &Held, rejected: Option<&Bearer>) -> bool {
        held.good(self.clock.now(), rejected).is_some()
    }

    /// What the store holds, put into the table.
    async fn reread(&self, holder: &Holder) -> Result<Option<Arc<Held>>, RenewError> {
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
    /// it may be the location's own installation.
    async fn first_grant(self: &Arc<Self>, location: &LocationId, why: Why) -> Result<Granted, OauthError> {
        let mut last = OauthError::Refused { status: 404, expired: false, said: None };
        for company in self.table.companies().into_iter().take(MAX_AGENCIES) {
            match self.minted(&company, location).await {
                Err(error @ OauthError::Refused { .. }) => last = error,
                outcome => return outcome,
            }
        }
        match why {
            Why::Installed => self.reconnected(&Holder::Location(location.clone())).await,
            Why::Wanted => Err(last),
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
                Err(OauthError::Refused { expired: true, .. }) if rejected.is_none() => rejected = Some(access),
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

    /// Stores what GHL gave, and only then lets it be used. Made from what was there `before`, it yields to whoever changed
    /// that meanwhile; a person's consent yields to nobody.
    pub(super) async fn land(&self, before: Option<&Held>, grant: Grant, minted: bool) -> Outcome {
        let (life, now, holder) = (grant.expires_in, self.clock.now(), grant.holder.clone());
        let known = before.map(|held| &held.connection);
        let scopes = match known {
            Some(known) if grant.scopes.is_empty() => known.scopes.clone(),
            _ => grant.scopes,
        };
        let connection = Connection {
            company: grant.company.or_else(|| known.and_then(|known| known.company.clone())),
            minted,
            scopes,
            connected_at: known.filter(|known| known.lost.is_none()).map_or(now, |known| known.connected_at),
            expires_at: SignedDuration::try_from(life).ok().and_then(|life| now.checked_add(life).ok()).unwrap_or(now),
            lost: None,
            holder: holder.clone(),
        };
        let tokens = Tokens { access: grant.access, refresh: grant.refresh };
        let sealed = self.vault.seal(&holder, &tokens);
        let sealed = sealed.map_err(|error| RenewError::Store(StoreError::Failed(error.to_string())))?;
        let known_version = before.map(|held| held.version);
        let kept = KeptConnection {
            connection: connection.clone(),
            tokens: Some(sealed),
            failures: 0,
            next_try_at: None,
            version: known_version.unwrap_or_default(),
        };
        let Some(version) = self.keep(kept, known_version.is_none()).await? else {
            let there = self.reread(&holder).await?.ok_or(RenewError::Nobody)?;
            return if there.connection.lost.is_some() { Err(RenewError::Lost) } else { Ok(there) };
        };
        let held = Held::new(connection, Some(tokens), Some(life), self.ahead(&holder));
        let held = Arc::new(Held { version, ..held });
        self.table.put(Arc::clone(&held));
        tracing::debug!(%holder, "tokens were renewed and stored");
        Ok(held)
    }

    /// Stores, again where that fails: what GHL gave is lost otherwise. `None`: somebody else changed it meanwhile. They ended
    /// it, or were quicker after our lease ran out, and then have the same pair.
    async fn keep(&self, mut kept: KeptConnection, over_all: bool) -> Result<Option<i64>, RenewError> {
        let mut last = StoreError::Closed;
        for pause in STORE_PAUSES {
            tokio::time::sleep(pause).await;
            match self.store.keep_connection(kept.clone()).await {
                Ok(Some(version)) => return Ok(Some(version)),
                Ok(None) if !over_all => return Ok(None),
                Ok(None) => {
                    let there = self.store.connection(kept.connection.holder.clone()).await;
                    kept.version = there.map_err(RenewError::Store)?.map_or(0, |there| there.version);
                }
                Err(StoreError::Closed) => break,
                Err(error) => last = error,
            }
        }
        tracing::error!(holder = %kept.connection.holder, cause = %last, "new tokens could not be stored and are not used");
        Err(RenewError::Store(last))
    }

    /// No new tokens: left alone for a while, or lost.
    async fn failed(&self, holder: &Holder, held: Option<Arc<Held>>, error: &OauthError) -> Outcome {
        let because = match error {
            OauthError::Refused { .. } => LostBecause::Refused,
            OauthError::NotActive => LostBecause::NotActive,
            OauthError::Unavailable { .. } | OauthError::Invalid(_) => {
                self.metrics.connections().renewed("unavailable");
                let asked = match error {
                    OauthError::Unavailable { retry_after, .. } => *retry_after,
                    OauthError::Invalid(_) | OauthError::Refused { .. } | OauthError::NotActive => None,
                };
                let retry_after = self.troubles.add(holder, asked);
                tracing::warn!(%holder, cause = %error, retry_ms = retry_after.as_millis(), "tokens cannot be renewed now");
                return Err(RenewError::Unavailable { retry_after });
            }
        };
        self.metrics.connections().renewed("refused");
        let Some(held) = held else { return Err(RenewError::Nobody) };
        self.lose(&held, because, error).await?;
        Err(RenewError::Lost)
    }

    async fn lose(&self, held: &Held, because: LostBecause, error: &OauthError) -> Result<(), RenewError> {
        let now = self.clock.now();
        let failures = held.failures.saturating_add(1);
        let pause = super::patience::until_next_try(failures);
        let next_try_at = SignedDuration::try_from(pause).ok().and_then(|pause| now.checked_add(pause).ok());
        let holder = held.connection.holder.clone();
        let since = held.connection.lost.map_or(now, |lost| lost.since);
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

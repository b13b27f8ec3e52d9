//! Locations connected by OAuth: their tokens, kept, renewed, brought back and given up.
//!
//! A refresh token works once. So a pair is renewed by one task, whoever waits for it (`flights.rs`); under a lease of the
//! store, for another process may share it (`lease.rs`); and what GHL gave is on the disk before anybody uses it
//! (`renew.rs`). What got lost between GHL's answer and our commit is brought back without a person: by the old refresh
//! token within 30 s, by `/oauth/reconnect` after that.

mod consent;
mod flights;
mod held;
mod landing;
mod lease;
mod patience;
mod renew;
mod source;
mod survey;
mod upkeep;
mod vault;

pub use consent::{Begun, Callback, Came, ConsentError};
pub use vault::VaultError;

use crate::{
    clock::Clock,
    domain::{
        connection::{Connection, Holder, Lost, LostBecause},
        ids::{CompanyId, LocationId},
        problem::{Problem, ProblemKind},
    },
    ghl::{oauth::OauthClient, tokens::PrivateToken},
    settings::{OauthSettings, StoreSettings},
    store::{ConnectionStore, KeptConnection, StoreError},
    tasks::Tasks,
    telemetry::metrics::Metrics,
};
use consent::Consents;
use flights::Flights;
use held::{Held, Table};
use jiff::Timestamp;
use patience::{Strangers, Troubles};
use std::{sync::Arc, time::Duration};
use vault::Vault;

/// What it is made from.
#[derive(Debug)]
#[expect(missing_docs, reason = "named as their types")]
pub struct Parts {
    pub store: Arc<dyn ConnectionStore>,
    pub oauth: OauthClient,
    /// For the location that has one, until it is connected.
    pub private: PrivateToken,
    pub clock: Clock,
    pub tasks: Tasks,
    pub metrics: Metrics,
}

/// Who installed the app, as GHL's INSTALL event tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Install {
    /// In a location; the agency it belongs to, where that is known.
    Location(LocationId, Option<CompanyId>),
    /// In an agency.
    Company(CompanyId),
}

/// All connections. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connections {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Arc<dyn ConnectionStore>,
    oauth: OauthClient,
    private: PrivateToken,
    clock: Clock,
    tasks: Tasks,
    metrics: Metrics,
    settings: OauthSettings,
    vault: Vault,
    table: Table,
    flights: Flights,
    troubles: Troubles,
    strangers: Strangers,
    consents: Consents,
    /// Whose leases are ours.
    owner: String,
}

impl Connections {
    /// Connections for the app of the settings. [`Self::start`] must follow before any is used.
    ///
    /// # Errors
    /// [`VaultError::NoKey`]
    pub fn new(parts: Parts, oauth: &OauthSettings, store: &StoreSettings) -> Result<Self, VaultError> {
        let key = store.encryption_key.as_ref().ok_or(VaultError::NoKey)?.get();
        let previous = store.previous_encryption_key.as_ref().map(|key| key.get());
        let inner = Inner {
            store: parts.store,
            oauth: parts.oauth,
            private: parts.private,
            clock: parts.clock,
            tasks: parts.tasks,
            metrics: parts.metrics,
            settings: oauth.clone(),
            vault: Vault::new(&key, previous.as_deref())?,
            table: Table::default(),
            flights: Flights::default(),
            troubles: Troubles::default(),
            strangers: Strangers::default(),
            consents: Consents::default(),
            owner: uuid::Uuid::new_v4().to_string(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Proves the key, takes up what the store holds, and begins to renew what is due. Leases there are a dead process's.
    ///
    /// # Errors
    /// [`VaultError::OtherKey`] where the store holds what another key sealed; nothing was changed then.
    pub async fn start(&self) -> Result<(), VaultError> {
        let inner = &self.inner;
        inner.vault.prove(&*inner.store).await?;
        inner.store.clear_leases().await.map_err(VaultError::Store)?;
        for kept in inner.store.connections().await.map_err(VaultError::Store)? {
            inner.table.put(Arc::new(inner.open(kept)?));
        }
        inner.count();
        upkeep::start(inner);
        Ok(())
    }

    /// Every connection, by holder.
    #[must_use]
    pub fn all(&self) -> Vec<Connection> {
        let mut all: Vec<_> = self.inner.table.all().iter().map(|held| held.connection.clone()).collect();
        all.sort_by(|one, other| one.holder.cmp(&other.holder));
        all
    }

    /// The connection of a holder.
    #[must_use]
    pub fn of(&self, holder: &Holder) -> Option<Connection> {
        self.inner.table.get(holder).map(|held| held.connection.clone())
    }

    /// The app was installed, says GHL: what was lost or given up comes back without a person. Waits until it has. `false`:
    /// the settings do not admit it.
    ///
    /// # Errors
    /// Why it has not come back.
    pub async fn installed(&self, install: Install) -> Result<bool, Problem> {
        let inner = &self.inner;
        let (holder, company) = match install {
            Install::Location(location, company) => (Holder::Location(location), company),
            Install::Company(company) => (Holder::Company(company), None),
        };
        if !inner.admits(&holder, company.as_ref()) {
            return Ok(false);
        }
        match &holder {
            Holder::Location(location) => inner.strangers.remove(location),
            Holder::Company(_) => inner.strangers.clear(),
        }
        inner.troubles.clear(&holder);
        if inner.table.get(&holder).is_some_and(|held| held.good(inner.clock.now(), None).is_some()) {
            return Ok(true);
        }
        match inner.renewed(&holder, None, renew::Why::Installed).await {
            Ok(_) => {
                if let Holder::Company(company) = &holder {
                    survey::start(inner, company.clone(), Vec::new());
                }
                Ok(true)
            }
            Err(error) => Err(not_installed(&holder, &error)),
        }
    }

    /// The app was uninstalled, says GHL: its tokens are dropped now. Says which locations have none any more.
    ///
    /// # Errors
    /// The store's.
    pub async fn uninstalled(&self, holder: Holder) -> Result<Vec<LocationId>, StoreError> {
        let inner = &self.inner;
        let locations = match &holder {
            Holder::Location(location) => vec![location.clone()],
            Holder::Company(company) => {
                inner.end(&holder, LostBecause::Uninstalled).await?;
                inner.table.minted_by(company)
            }
        };
        for location in &locations {
            inner.end(&Holder::Location(location.clone()), LostBecause::Uninstalled).await?;
        }
        Ok(locations)
    }

    /// Drops the tokens of a location, for good until somebody installs the app there again. `None`: it was not connected.
    /// What stays says so also of one that never was, so that no agency brings it.
    ///
    /// # Errors
    /// The store's.
    pub async fn disconnect(&self, location: &LocationId) -> Result<Option<Connection>, StoreError> {
        self.inner.end(&Holder::Location(location.clone()), LostBecause::Disconnected).await
    }

    /// Forgets that a location was ever connected.
    ///
    /// # Errors
    /// The store's.
    pub async fn forget(&self, location: &LocationId) -> Result<bool, StoreError> {
        let holder = Holder::Location(location.clone());
        let was = self.inner.store.forget_connection(holder.clone()).await?;
        self.inner.table.remove(&holder);
        self.inner.count();
        Ok(was)
    }

    /// How many are connected, and how many were lost without anybody meaning it.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        self.inner.counts()
    }
}

/// Why an installed app is not connected, for the list of events.
fn not_installed(holder: &Holder, error: &renew::RenewError) -> Problem {
    tracing::warn!(%holder, cause = %error, "an installed app could not be connected; it is tried again");
    match error {
        renew::RenewError::Store(failure) => failure.to_problem(),
        renew::RenewError::Unavailable { retry_after } => {
            Problem::new(ProblemKind::UpstreamUnavailable, "GHL gives no tokens at present.")
                .with_retry_after(*retry_after)
        }
        renew::RenewError::Lost | renew::RenewError::Nobody => Problem::new(
            ProblemKind::UpstreamUnauthorized,
            "GHL gives no tokens for the app that it says is installed.",
        ),
    }
}

impl Inner {
    /// Whether the settings admit a holder.
    fn admits(&self, holder: &Holder, company: Option<&CompanyId>) -> bool {
        let OauthSettings { allowed_locations, allowed_companies, .. } = &self.settings;
        let company = match holder {
            Holder::Company(company) => Some(company),
            Holder::Location(location) => {
                if !allowed_locations.is_empty() && !allowed_locations.contains(location) {
                    return false;
                }
                company
            }
        };
        allowed_companies.is_empty() || company.is_some_and(|company| allowed_companies.contains(company))
    }

    /// Opens what is stored.
    fn open(&self, kept: KeptConnection) -> Result<Held, VaultError> {
        let holder = kept.connection.holder.clone();
        let tokens = kept.tokens.as_ref().map(|sealed| self.vault.open(&holder, sealed)).transpose()?;
        let held = Held::new(kept.connection, tokens, None, self.ahead(&holder));
        Ok(Held { failures: kept.failures, next_try_at: kept.next_try_at, version: kept.version, ..held })
    }

    /// How early this one is renewed: up to a quarter earlier than set, so that those connected at once are not renewed at
    /// once.
    fn ahead(&self, holder: &Holder) -> Duration {
        let before = self.settings.refresh_before;
        let share = xxhash_rust::xxh3::xxh3_64(holder.id().as_bytes()) % 256;
        before + before / 4 * u32::try_from(share).unwrap_or_default() / 256
    }

    /// Ends a connection: its tokens go, and a line stays that says why, so that its agency does not mint new ones. That
    /// somebody here wants none is said of any location, connected or not, and outweighs that the app was uninstalled.
    /// Answers the connection, where it had not ended before.
    async fn end(&self, holder: &Holder, because: LostBecause) -> Result<Option<Connection>, StoreError> {
        // Whoever renews it at this moment is quicker once at most.
        for _ in 0..4 {
            let now = self.clock.now();
            let (kept, known) = match self.store.connection(holder.clone()).await? {
                Some(kept) => (kept, true),
                None if because == LostBecause::Disconnected => (unknown(holder, now), false),
                None => return Ok(None),
            };
            let had_ended = kept.connection.lost.is_some_and(|lost| !lost.because.may_heal());
            if had_ended && because != LostBecause::Disconnected {
                return Ok(None);
            }
            let lost = Some(Lost { since: now, because });
            let connection = Connection { lost, ..kept.connection };
            let ended = KeptConnection { connection, tokens: None, failures: 0, next_try_at: None, ..kept };
            if let Some(version) = self.store.keep_connection(ended.clone()).await? {
                let held = Held::new(ended.connection.clone(), None, None, Duration::ZERO);
                self.table.put(Arc::new(Held { version, ..held }));
                self.count();
                tracing::info!(%holder, because = because.as_str(), "a connection was ended");
                return Ok(Some(ended.connection).filter(|_| known && !had_ended));
            }
        }
        Err(StoreError::Failed("the connection changes faster than it can be ended".to_owned()))
    }

    /// What people ended on purpose is no loss that anybody should look into.
    fn counts(&self) -> (usize, usize) {
        let (mut connected, mut lost) = (0, 0);
        for held in self.table.all() {
            connected += usize::from(held.connection.lost.is_none());
            lost += usize::from(held.connection.lost.is_some_and(|lost| lost.because.may_heal()));
        }
        (connected, lost)
    }

    fn count(&self) {
        let (connected, lost) = self.counts();
        self.metrics.connections().set(connected, lost);
    }
}

/// A connection of which nothing is known but whose it is.
fn unknown(holder: &Holder, now: Timestamp) -> KeptConnection {
    let connection = Connection {
        holder: holder.clone(),
        company: None,
        minted: false,
        scopes: Vec::new(),
        connected_at: now,
        expires_at: now,
        lost: None,
    };
    KeptConnection { connection, tokens: None, failures: 0, next_try_at: None, version: 0 }
}

#[cfg(test)]
mod tests;

//! The store, opened before everything that keeps something in it, and closed after it.

use crate::{
    settings::{Settings, StoreUrl},
    store::{ConnectionStore as _, OperationStore as _, sqlite::SqliteStore},
    tasks::Tasks,
};
use std::{sync::Arc, time::Duration};

/// How long the store has to finish what was begun.
const CLOSING: Duration = Duration::from_secs(5);

/// An open store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    /// The store itself, behind each of its traits.
    pub(super) sqlite: Arc<SqliteStore>,
    /// Its own: they end after those of everybody who writes to it.
    tasks: Tasks,
}

impl Store {
    /// Opens the store that the settings name; `None` where they name none.
    ///
    /// # Errors
    /// Where it cannot be opened: says which and why.
    pub async fn open(settings: &Settings) -> anyhow::Result<Option<Self>> {
        match &settings.store.url {
            Some(url) => Self::open_url(url).await.map(Some),
            None => Ok(None),
        }
    }

    async fn open_url(url: &StoreUrl) -> anyhow::Result<Self> {
        let tasks = Tasks::new();
        let opened = SqliteStore::open(url, &tasks).await;
        let sqlite = opened.map_err(|error| {
            let why = error.in_full();
            anyhow::anyhow!("store.url ({url}): {why}; for a service that takes no writes set it to \"\"")
        })?;
        Ok(Self { sqlite: Arc::new(sqlite), tasks })
    }

    /// Without an app nobody opens the tokens that the store holds, and they grow old. With the key still in its place that
    /// is meant; without it, it may be a mistake, which nobody would notice before they are dead.
    pub(super) async fn require_key(&self, settings: &Settings) -> anyhow::Result<()> {
        let kept = self.sqlite.connections().await.map_err(|error| anyhow::anyhow!("{}", error.in_full()))?;
        let sealed = kept.iter().filter(|kept| kept.tokens.is_some()).count();
        if sealed > 0 {
            anyhow::ensure!(
                settings.store.encryption_key.is_some(),
                "store.encryption_key is not set, and the store holds sealed tokens of {sealed} connections: set it to the \
                 key they are sealed with (oauth.client_id alone may stay empty, to leave them be). Nothing was changed"
            );
            tracing::warn!(sealed, "oauth.client_id is not set: the tokens in the store are not used and grow old");
        }
        Ok(())
    }

    /// Resolves once the store's loop has panicked.
    pub(super) async fn broken(&self) {
        self.tasks.broken().await;
    }

    /// Finishes what the store has begun. Whoever writes to it has ended before.
    pub(super) async fn close(self) {
        // A disk that does not answer must not keep the process.
        let closed = tokio::time::timeout(CLOSING, self.sqlite.close()).await.is_ok();
        if !(closed && self.tasks.shut_down(CLOSING).await) {
            tracing::warn!("the store did not close in time");
        }
    }
}

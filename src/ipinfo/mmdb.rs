//! Look-ups in a file in MaxMind DB format, which may be replaced while the process runs.
//!
//! A loop looks at the file every `mmdb_poll`; another one that was renamed into place is opened, probed and swapped in
//! without a missed look-up. A broken or vanished file leaves the old one serving and says so, once for each such file.

mod file;
mod nested;
mod schema;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod writer;

use super::{
    credit::Credit,
    error::{IpSetupError, LookupError},
    facts::Facts,
    status::BackendStatus,
};
use crate::{clock::Clock, domain::ip::Backend, settings::IpinfoSettings, tasks::Tasks, telemetry::metrics::Metrics};
use arc_swap::ArcSwap;
use file::{Database, OpenError, Stamp};
use jiff::{SignedDuration, Timestamp};
use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// A file that answers, and what came of the last look at it. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Mmdb {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    map_min_bytes: u64,
    max_age: Duration,
    current: ArcSwap<Database>,
    /// The failure of the last look, with the stamp of the file if it is not worth opening again.
    failure: Mutex<Option<(Option<Stamp>, String)>>,
    /// Build time that was warned of as too old.
    warned_of: Mutex<Option<Timestamp>>,
    clock: Clock,
    metrics: Metrics,
}

/// What a look at the file brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reload {
    /// The same file still stands there.
    Unchanged,
    /// Another file answers from now on.
    Swapped,
    /// What stands there cannot be used, for this reason; the old file goes on answering.
    Kept(String),
}

/// What the file knew, and which file it was.
#[derive(Debug)]
pub(super) struct FileAnswer {
    pub(super) facts: Facts,
    pub(super) database_type: Arc<str>,
    pub(super) built_at: Option<Timestamp>,
}

impl Mmdb {
    /// Opens the file at `path`.
    pub(super) fn open(
        path: &Path,
        settings: &IpinfoSettings,
        clock: Clock,
        metrics: Metrics,
    ) -> Result<Self, IpSetupError> {
        let database = Database::open(path, settings.mmdb_map_min_bytes)
            .map_err(|error| IpSetupError::Mmdb { path: path.to_owned(), reason: error.to_string() })?;
        let inner = Inner {
            path: path.to_owned(),
            map_min_bytes: settings.mmdb_map_min_bytes,
            max_age: settings.mmdb_max_age,
            current: ArcSwap::from_pointee(database),
            failure: Mutex::default(),
            warned_of: Mutex::default(),
            clock,
            metrics,
        };
        let this = Self { inner: Arc::new(inner) };
        this.announce();
        Ok(this)
    }

    /// What the file knows of a canonical address; `None` is a miss.
    pub(super) fn look_up(&self, address: IpAddr) -> Result<Option<FileAnswer>, LookupError> {
        let database = self.inner.current.load();
        match database.look_up(address) {
            Ok(facts) => Ok(facts.map(|facts| FileAnswer {
                facts,
                database_type: Arc::clone(&database.database_type),
                built_at: database.built_at,
            })),
            Err(error) => Err(LookupError::Database(error.to_string())),
        }
    }

    /// Looks at the file every `every` until shutdown; never, if `every` is zero.
    pub(super) fn watch(&self, every: Duration, tasks: &Tasks) {
        if every.is_zero() {
            return;
        }
        let (this, work) = (self.clone(), tasks.clone());
        tasks.spawn_loop("ipinfo.mmdb", move |stop| async move {
            while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
                this.run_once(&work).await;
            }
        });
    }

    /// One look at the file, off the async workers: opening a large file takes a tenth of a second.
    pub(super) async fn run_once(&self, tasks: &Tasks) -> Reload {
        let this = self.clone();
        match tasks.spawn_work("ipinfo.mmdb.reload", move || this.reload()).await {
            Ok(outcome) => outcome,
            // A file over which the reader panics is a broken file.
            Err(error) => self.keep(Stamp::of(&self.inner.path).ok(), error.to_string()),
        }
    }

    /// Opens what stands at the path, if it is another file, and lets it answer from now on.
    pub(super) fn reload(&self) -> Reload {
        let inner = &self.inner;
        self.warn_of_age();
        let stamp = match Stamp::of(&inner.path) {
            Ok(stamp) => stamp,
            Err(error) => return self.keep(None, OpenError::Io(error).to_string()),
        };
        if stamp == inner.current.load().stamp {
            *lock(&inner.failure) = None;
            return Reload::Unchanged;
        }
        if let Some((Some(known), reason)) = &*lock(&inner.failure)
            && *known == stamp
        {
            return Reload::Kept(reason.clone());
        }
        match Database::open(&inner.path, inner.map_min_bytes) {
            Ok(database) => {
                inner.current.store(Arc::new(database));
                *lock(&inner.failure) = None;
                self.announce();
                Reload::Swapped
            }
            // What cannot be read today may be readable at the next look, with nothing about the file changed.
            Err(error @ OpenError::Io(_)) => self.keep(None, error.to_string()),
            Err(error) => self.keep(Some(stamp), error.to_string()),
        }
    }

    /// Says, once for each file, that what stands there cannot be used.
    fn keep(&self, stamp: Option<Stamp>, reason: String) -> Reload {
        let found = Some((stamp, reason.clone()));
        let mut failure = lock(&self.inner.failure);
        if *failure != found {
            tracing::warn!(reason, "the file at ipinfo.mmdb_path cannot be used; the previous one goes on answering");
            *failure = found;
        }
        Reload::Kept(reason)
    }

    fn announce(&self) {
        let database = self.inner.current.load();
        if let Some(built_at) = database.built_at {
            self.inner.metrics.mmdb_built_at(built_at);
        }
        tracing::info!(
            database_type = &*database.database_type,
            built_at = database.built_at.map(|built_at| built_at.to_string()),
            bytes = database.stamp.length,
            mapped = database.is_mapped(),
            "an IP database answers"
        );
        drop(database);
        self.warn_of_age();
    }

    /// Says, once for each build, that the file is old.
    fn warn_of_age(&self) {
        let Some((built_at, age)) = self.age() else { return };
        let mut warned_of = lock(&self.inner.warned_of);
        if age > self.inner.max_age && *warned_of != Some(built_at) {
            let days = age.as_secs() / 86_400;
            tracing::warn!(days, "the IP database is older than ipinfo.mmdb_max_age_days; fetch a new one");
            *warned_of = Some(built_at);
        }
    }

    fn age(&self) -> Option<(Timestamp, Duration)> {
        let built_at = self.inner.current.load().built_at?;
        let age = self.inner.clock.now().duration_since(built_at).max(SignedDuration::ZERO);
        Some((built_at, Duration::try_from(age).unwrap_or_default()))
    }

    /// The state, for readiness detail and `check`.
    pub(super) fn status(&self) -> BackendStatus {
        let database = self.inner.current.load();
        BackendStatus {
            database_type: Some(database.database_type.to_string()),
            database_built_at: database.built_at,
            age_seconds: self.age().map(|(_, age)| age.as_secs()),
            last_error: lock(&self.inner.failure).as_ref().map(|(_, reason)| reason.clone()),
            ..BackendStatus::configured(Backend::Mmdb)
        }
    }

    /// The credit the file asks for.
    pub(super) fn credit(&self) -> Credit {
        self.inner.current.load().source.credit()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

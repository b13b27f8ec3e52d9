//! The loop that notices when a secret's file changes.

use super::secret::{LiveSecret, Refreshed, SecretError};
use crate::tasks::Tasks;
use std::time::Duration;

/// How often the files are looked at, unless somebody wants otherwise: soon beside the minute that a kubelet takes.
pub const EVERY: Duration = Duration::from_secs(10);

/// Secrets that follow files.
#[derive(Debug)]
pub struct SecretWatch {
    watched: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    name: &'static str,
    secret: LiveSecret,
    /// The failure warned of last, so that each is warned of once.
    failure: Option<SecretError>,
}

impl SecretWatch {
    /// Watches those of the secrets that come from files.
    #[must_use]
    pub fn new(secrets: Vec<(&'static str, LiveSecret)>) -> Self {
        let from_files = secrets.into_iter().filter(|(_, secret)| secret.file().is_some());
        Self { watched: from_files.map(|(name, secret)| Watched { name, secret, failure: None }).collect() }
    }

    /// Looks at each file once and says what came of it. Files are small and local: reading them is not worth a thread.
    pub fn run_once(&mut self) -> Vec<(&'static str, Refreshed)> {
        self.watched.iter_mut().map(|watched| (watched.name, watched.run_once())).collect()
    }
}

impl Watched {
    fn run_once(&mut self) -> Refreshed {
        let refreshed = self.secret.refresh();
        let fingerprint = self.secret.get().fingerprint();
        match &refreshed {
            Refreshed::Failed(error) if self.failure.as_ref() == Some(error) => {}
            Refreshed::Failed(error) => {
                let reason = error.to_string();
                tracing::warn!(
                    secret.name = self.name,
                    fingerprint,
                    reason,
                    "a secret's file is bad; the old one stays"
                );
                self.failure = Some(error.clone());
            }
            Refreshed::Changed => {
                tracing::info!(secret.name = self.name, fingerprint, "a secret changed");
                self.failure = None;
            }
            Refreshed::Unchanged => {
                if self.failure.take().is_some() {
                    tracing::info!(secret.name = self.name, fingerprint, "a secret's file is good again, unchanged");
                }
            }
        }
        refreshed
    }
}

/// Starts the loop, if there is anything to watch.
pub fn watch(tasks: &Tasks, secrets: Vec<(&'static str, LiveSecret)>, every: Duration) {
    let mut watch = SecretWatch::new(secrets);
    if watch.watched.is_empty() {
        return;
    }
    tasks.spawn_loop("secrets", move |stop| async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => { watch.run_once(); }
            }
        }
    });
}

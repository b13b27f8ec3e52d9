//! Writes that are neither lost nor doubled: each is in the store before it is attempted, and an attempt whose outcome is
//! not known is looked for in GHL before it is made again.
//!
//! `requests` is what the rest of the service asks, `worker` claims what is due, `turn` carries one operation a step
//! further, `upkeep` forgets and measures. Operations with one order key (a contact's) go one after the other: the store
//! gives out the next only when the one before it has ended.

mod backoff;
mod core;
mod delivery;
mod gates;
pub mod ghl;
mod ids;
mod log;
mod requests;
mod slots;
mod turn;
mod upkeep;
mod waiters;
mod worker;

use crate::{
    clock::Clock,
    domain::{
        ids::{ContactId, LocationId},
        profile::Section,
        write::WriteKind,
    },
    settings::OperationSettings,
    store::{OperationStore, StoreError},
    tasks::Tasks,
    telemetry::metrics::Metrics,
};
use jiff::Timestamp;
use std::{fmt, sync::Arc};
use tokio::sync::mpsc;

pub use delivery::{Attempted, Delivery, Looked};

/// How many refused requests may wait to be logged. Beyond it they are counted, not logged: a flood of bad requests must
/// not fill the memory.
const REFUSALS_WAITING: usize = 1024;

/// Told which sections of a contact GHL has, or may have, changed for us.
pub type Touched = Arc<dyn Fn(&LocationId, &ContactId, &'static [Section]) + Send + Sync>;

/// Told that GHL made a record for us, and when the attempt began: an event of GHL's must tell of it.
pub type Made = Arc<dyn Fn(&LocationId, Timestamp) + Send + Sync>;

/// What the worker is made of.
#[derive(Clone)]
#[expect(missing_docs, reason = "the types say it")]
pub struct Parts {
    pub store: Arc<dyn OperationStore>,
    pub delivery: Arc<dyn Delivery>,
    pub clock: Clock,
    pub tasks: Tasks,
    pub metrics: Metrics,
    pub touched: Touched,
    pub made: Made,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("store", &self.store).field("delivery", &self.delivery).finish_non_exhaustive()
    }
}

/// The writes of the service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Operations {
    core: Arc<core::Core>,
}

impl Operations {
    /// Takes up what an earlier process left, and starts to work.
    pub async fn start(parts: Parts, settings: &OperationSettings) -> Result<Self, StoreError> {
        let now = parts.clock.now();
        let left = parts.store.recover(backoff::later(now, settings.settle)).await?;
        if left > 0 {
            tracing::warn!(operations = left, "writes were under way when the last process ended; each is looked into");
        }
        let tasks = parts.tasks.clone();
        let (refusals, waiting) = mpsc::channel(REFUSALS_WAITING);
        let core = Arc::new(core::Core::new(parts, settings.clone(), refusals));
        core.hasten().await?;
        tasks.spawn_loop("operations", |stop| worker::run(Arc::clone(&core), stop));
        tasks.spawn_loop("operations-upkeep", |stop| upkeep::run(Arc::clone(&core), stop));
        tasks.spawn_loop("audit", |stop| upkeep::log_refusals(Arc::clone(&core), waiting, stop));
        Ok(Self { core })
    }
}

/// Whether doing a write twice may leave two records where one was asked for. After an attempt whose outcome is not known
/// such a write is looked for before it is tried again; any other is repeated as it is.
#[must_use]
pub const fn may_double(kind: WriteKind) -> bool {
    match kind {
        WriteKind::CreateContact | WriteKind::UpsertContact | WriteKind::CreateNote | WriteKind::CreateTask => true,
        WriteKind::UpdateContact
        | WriteKind::DeleteContact
        | WriteKind::UpdateNote
        | WriteKind::DeleteNote
        | WriteKind::UpdateTask
        | WriteKind::CompleteTask
        | WriteKind::DeleteTask
        | WriteKind::AddTags
        | WriteKind::RemoveTags => false,
    }
}

#[cfg(test)]
mod tests;

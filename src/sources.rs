//! Sources: outside systems that push their records, and keep GHL in step by it.
//!
//! An event is verified, understood by the source's mapping ([`mapping`]) and put into the store before it is acknowledged.
//! The `laying` loop lays events over what is known of each record, newest field by newest field; `carrying` compares that
//! with what GHL was made to hold and writes the difference, a contact with its tasks and notes at a time, through
//! operations. What is written follows from what is known, never from which event was last: so order and repetition do
//! not matter.

mod carrying;
mod dry_run;
mod facade;
mod forecast;
mod held;
mod intake;
mod laying;
pub mod mapping;
mod plan;
mod reconcile;
mod seams;
mod shown;
pub mod signature;
mod stored;
mod systems;
mod upkeep;

#[cfg(test)]
mod tests;

pub use facade::{Status, try_out, understood};
pub use seams::{Directory, GhlDirectory, Writes};

use crate::{
    clock::Clock,
    domain::{
        hex::hex,
        problem::{Problem, ProblemKind},
        source::SourceName,
    },
    settings::SourceSettings,
    store::{SourceCounts, SourceStore, StoreError},
    tasks::Tasks,
    telemetry::metrics::Metrics,
};
use aws_lc_rs::digest;
use carrying::Hand;
use jiff::Timestamp;
use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};
use systems::Systems;
use tokio::sync::Notify;

/// When who pushes may try again what could not be stored.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// What sources are made of.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the types say it")]
pub struct Parts {
    pub store: Arc<dyn SourceStore>,
    pub writes: Arc<dyn Writes>,
    /// For what is carried out.
    pub ghl: Arc<dyn Directory>,
    /// For who waits for a dry run.
    pub shown: Arc<dyn Directory>,
    pub clock: Clock,
    pub tasks: Tasks,
    pub metrics: Metrics,
}

/// What every part shares.
struct Core {
    parts: Parts,
    settings: SourceSettings,
    systems: Systems,
    /// Rung when an event arrived.
    arrived: Notify,
    /// Rung when something was laid over what is known.
    laid: Notify,
    /// Rung when something is to be done at GHL, or somebody who had a lane in hand is done.
    due: Notify,
    hand: Hand,
    /// Writes that lanes did not wait for any longer, by their keys.
    parked: Mutex<HashMap<String, crate::domain::ids::OperationId>>,
    counts: Mutex<Vec<SourceCounts>>,
    /// Whether they may have changed since.
    changed: AtomicBool,
    /// The last moment given to an event that tells none, in milliseconds since 1970.
    last_moment: AtomicI64,
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("parts", &self.parts).finish_non_exhaustive()
    }
}

impl Core {
    fn new(parts: Parts, settings: SourceSettings, systems: Systems) -> Self {
        Self {
            parts,
            settings,
            systems,
            arrived: Notify::new(),
            laid: Notify::new(),
            due: Notify::new(),
            hand: Hand::default(),
            parked: Mutex::default(),
            counts: Mutex::default(),
            changed: AtomicBool::new(true),
            last_moment: AtomicI64::new(i64::MIN),
        }
    }

    fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// This moment, or the next that no other call got: whole milliseconds, as the store keeps them. Where more than a
    /// thousand a second are asked for, it runs ahead.
    fn own_moment(&self, now: Timestamp) -> Timestamp {
        let now_ms = now.as_millisecond();
        let next = |last: i64| Some(now_ms.max(last.saturating_add(1)));
        let last = self.last_moment.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        let own = last.map_or(now_ms, |last| now_ms.max(last.saturating_add(1)));
        Timestamp::from_millisecond(own).unwrap_or(now)
    }

    fn note_change(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Logs that the store failed.
    fn report(failure: &StoreError) {
        tracing::warn!(error = %failure, detail = ?failure, "the store failed while events of sources are carried out");
    }
}

/// Outside systems that push. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Feeds {
    core: Arc<Core>,
}

impl Feeds {
    /// Compiles the mappings and starts to carry out what is pushed, beginning with what an earlier process left.
    ///
    /// # Errors
    /// All that is wrong with any mapping.
    pub fn start(parts: Parts, settings: &SourceSettings) -> Result<Self, mapping::MappingErrors> {
        let systems = Systems::compile(settings)?;
        Ok(Self::begin(parts, settings.clone(), systems))
    }

    fn begin(parts: Parts, settings: SourceSettings, systems: Systems) -> Self {
        let tasks = parts.tasks.clone();
        let core = Arc::new(Core::new(parts, settings, systems));
        tasks.spawn_loop("sources-laying", |stop| laying::run(Arc::clone(&core), stop));
        tasks.spawn_loop("sources-carrying", |stop| carrying::run(Arc::clone(&core), stop));
        tasks.spawn_loop("sources-upkeep", |stop| upkeep::run(Arc::clone(&core), stop));
        Self { core }
    }
}

/// Where no source is configured: forgets in its time what is kept of those that were.
pub fn forget(store: Arc<dyn SourceStore>, clock: Clock, settings: &SourceSettings, tasks: &Tasks) {
    let settings = settings.clone();
    tasks.spawn_loop("sources-upkeep", |stop| upkeep::forget(store, clock, settings, stop));
}

/// What cannot be taken before others of the source have had their fate.
fn later_than_full() -> Problem {
    let detail = "As many events of the source wait as may (sources.max_pending). Nothing of the request was taken.";
    Problem::new(ProblemKind::TooManyRequests, detail).with_retry_after(TRY_AGAIN)
}

/// A name for what has none, made of texts: the same for the same.
fn hashed(parts: &[&str]) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in parts {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digits = hex(hash.finish().as_ref());
    digits.get(..32).unwrap_or_default().to_owned()
}

/// Lists are of one source at a time.
fn of_source(source: &SourceName, counts: &[SourceCounts]) -> Option<SourceCounts> {
    counts.iter().find(|counts| counts.source == *source).cloned()
}

/// A time that is later, as far as there is one.
fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// A time that is earlier, as far as there is one.
fn earlier(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_sub(by).unwrap_or(Timestamp::MIN)
}

//! What every part of the operations shares.

use super::{
    Made, Parts, Touched,
    backoff::{Backoff, earlier, later},
    gates::Gates,
    log,
    slots::Slots,
    waiters::Waiters,
};
use crate::{
    clock::Clock,
    domain::{
        operation::{AuditEntry, Operation, Written},
        write::WriteKind,
    },
    settings::OperationSettings,
    store::{Hasten, OperationStore, StoreError, Stored},
    tasks::Tasks,
    telemetry::metrics::Metrics,
    telemetry::metrics::OperationMetrics,
};
use jiff::Timestamp;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

/// Pauses between tries to store what must be stored.
const STORE_PAUSE_FIRST: Duration = Duration::from_millis(50);
const STORE_PAUSE_LONGEST: Duration = Duration::from_secs(5);

/// When an attempt was that was timed by another clock is not known: not longer ago than this. Too much of it makes a
/// look find what another made; too little makes it miss the operation's own, which is then made twice.
const UNCERTAIN_BEFORE: Duration = Duration::from_secs(86_400);

/// The shared parts.
pub(super) struct Core {
    pub(super) store: Arc<dyn OperationStore>,
    pub(super) delivery: Arc<dyn super::Delivery>,
    pub(super) clock: Clock,
    pub(super) tasks: Tasks,
    pub(super) settings: OperationSettings,
    pub(super) waiters: Waiters,
    pub(super) slots: Arc<Slots>,
    pub(super) gates: Gates,
    pub(super) backoff: Backoff,
    /// Rung when there may be something to claim.
    pub(super) wake: Notify,
    /// The process is stopping: nothing new is begun.
    pub(super) stopping: CancellationToken,
    pub(super) refusals: mpsc::Sender<AuditEntry>,
    /// Whether the numbers of operations changed since they were last measured.
    changed: AtomicBool,
    metrics: Metrics,
    touched: Touched,
    made: Made,
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("store", &self.store).field("delivery", &self.delivery).finish_non_exhaustive()
    }
}

impl Core {
    pub(super) fn new(parts: Parts, settings: OperationSettings, refusals: mpsc::Sender<AuditEntry>) -> Self {
        let Parts { store, delivery, clock, tasks, metrics, touched, made } = parts;
        Self {
            store,
            delivery,
            clock,
            tasks,
            waiters: Waiters::default(),
            slots: Slots::new(settings.workers),
            gates: Gates::default(),
            backoff: Backoff::new(settings.retry_base, settings.retry_cap),
            wake: Notify::new(),
            stopping: CancellationToken::new(),
            refusals,
            changed: AtomicBool::new(true),
            metrics,
            touched,
            made,
            settings,
        }
    }

    pub(super) fn metrics(&self) -> &OperationMetrics {
        self.metrics.operations()
    }

    /// Notes that an operation changed its state.
    pub(super) fn note_change(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Whether one did since this was last asked.
    pub(super) fn take_change(&self) -> bool {
        self.changed.swap(false, Ordering::Relaxed)
    }

    /// Says that GHL has, or may have, done a write.
    pub(super) fn touch(&self, operation: &Operation, written: Option<&Written>) {
        if let Some(contact) = log::contact_of(operation, written) {
            (self.touched)(&operation.location, &contact, operation.write.touches());
        }
    }

    /// Says that GHL did a write which its attempt began then, if that made a record: others may have changed nothing.
    pub(super) fn made(&self, operation: &Operation, began_at: Timestamp) {
        match operation.write.kind() {
            WriteKind::CreateContact | WriteKind::CreateNote | WriteKind::CreateTask => {
                (self.made)(&operation.location, operation.uncertain_since.unwrap_or(began_at));
            }
            WriteKind::UpdateContact
            | WriteKind::UpsertContact
            | WriteKind::DeleteContact
            | WriteKind::UpdateNote
            | WriteKind::DeleteNote
            | WriteKind::UpdateTask
            | WriteKind::CompleteTask
            | WriteKind::DeleteTask
            | WriteKind::AddTags
            | WriteKind::RemoveTags => {}
        }
    }

    /// Asks the store until it does it: what GHL did is known here alone. `None` where the process stops first; the
    /// next one then finds the operation running and looks into it.
    pub(super) async fn insist<T>(
        &self,
        mut ask: impl FnMut(&dyn OperationStore) -> Stored<'_, T> + Send,
    ) -> Option<T> {
        let mut pause = STORE_PAUSE_FIRST;
        loop {
            let failure = match ask(self.store.as_ref()).await {
                Ok(answer) => return Some(answer),
                Err(failure) => failure,
            };
            self.report(&failure);
            if failure == StoreError::Closed || self.stopping.is_cancelled() {
                return None;
            }
            tokio::select! {
                () = self.stopping.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
            pause = pause.saturating_mul(2).min(STORE_PAUSE_LONGEST);
        }
    }

    /// After the clock was set back: what was put off by the old time would wait until it comes again.
    pub(super) async fn hasten(&self) -> Result<(), StoreError> {
        let (now, settings) = (self.clock.now(), &self.settings);
        // Nothing is put off further than the cap and its jitter.
        let latest = later(now, settings.retry_cap.saturating_mul(2).saturating_add(settings.settle));
        let (settles, since) = (later(now, settings.settle), earlier(now, UNCERTAIN_BEFORE));
        let hastened = self.store.hasten(Hasten { now, latest, settles, since }).await?;
        if hastened > 0 {
            tracing::warn!(operations = hastened, "the clock was set back: what waited for the old time goes on now");
        }
        Ok(())
    }

    /// Counts and logs that the store failed.
    pub(super) fn report(&self, failure: &StoreError) {
        self.metrics().store_failure();
        tracing::warn!(error = %failure, detail = ?failure, "the store failed while writes are carried out");
    }
}

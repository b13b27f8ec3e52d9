//! GHL's webhooks: hints to read again, each applied once and in the order of its arrival.
//!
//! An event is verified over its raw body, put into the inbox ([`crate::store::Inbox`]), and only then acknowledged. The
//! `worker` takes up what arrived, does what can be done at once (`effect`: mark sections, forget a contact, tell an echo
//! of our own writes by `echo`) and notes the fate; what takes time (rules, a look-up of whose a task is, an installation)
//! is left to `waiting`, by contact or location. A crash loses nothing: whatever has no fate is taken up again, and doing
//! any of this twice is as doing it once. `refresh` fetches behind an event what somebody is reading.

mod complaints;
mod echo;
mod effect;
mod hand;
mod refresh;
mod rules;
mod tasks;
mod upkeep;
mod waiting;
mod worker;

#[cfg(test)]
mod tests;

use crate::{
    clock::Clock,
    domain::{
        ids::{LocationId, WebhookId},
        operation::Requester,
        problem::{Problem, ProblemKind},
        webhook::{EventFilter, NewEvent, WebhookEvent},
    },
    enrichment::Enrichment,
    ghl::{
        self,
        signature::{Signatures, Verifier},
        webhook::hear,
    },
    liveness::Liveness,
    profiles::{ContactKey, Profiles},
    settings::{Settings, WebhookSettings},
    store::{Inbox, InboxDepth, Page, Received, Replayed, StoreError},
    tasks::Tasks,
    telemetry::metrics::{Metrics, WebhookMetrics, WebhookOutcome},
};
use complaints::Complaints;
use futures_util::future::BoxFuture;
use hand::Hand;
use jiff::Timestamp;
use refresh::Refresher;

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// How long the store has to take an event in. GHL does not say how long it waits for an answer.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);

/// When GHL may try again what the store could not take.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// What is told of an installation of the app.
#[derive(Debug, Clone, PartialEq)]
pub struct Installation {
    /// Where; none where the app was installed for a whole agency.
    pub location: Option<LocationId>,
    /// The agency.
    pub company: Option<String>,
    /// When: GHL delivers in any order.
    pub at: Option<Timestamp>,
    /// Whether somebody asked for it to be applied again.
    pub replayed: bool,
    /// In whose name it is acted upon.
    pub by: Requester,
}

/// In whose name an event is acted upon, as it stands in the log. No API key can bear that name.
fn requester(event: &WebhookId) -> Requester {
    Requester { key: Some("webhook:ghl".to_owned()), request_id: event.to_string() }
}

/// Who connects locations.
pub trait Installations: fmt::Debug + Send + Sync {
    /// The app was installed. Says whether that meant anything.
    fn installed(&self, told: Installation) -> BoxFuture<'_, Result<bool, Problem>>;

    /// The app was uninstalled. Says whether that meant anything.
    fn uninstalled(&self, told: Installation) -> BoxFuture<'_, Result<bool, Problem>>;
}

/// Who keeps more of a contact than memory does.
pub trait Purge: fmt::Debug + Send + Sync {
    /// GHL deleted a contact: what is kept of it goes.
    fn purge(&self, contact: ContactKey, by: Requester) -> BoxFuture<'_, Result<(), Problem>>;
}

/// Whether there is a token for a location.
pub type Serves = Arc<dyn Fn(&LocationId) -> bool + Send + Sync>;

/// What webhooks are made of.
#[derive(Clone)]
#[expect(missing_docs, reason = "the types say it")]
pub struct Parts {
    pub inbox: Arc<dyn Inbox>,
    pub profiles: Profiles,
    pub liveness: Liveness,
    pub ghl: ghl::Client,
    pub enrichment: Enrichment,
    pub serves: Serves,
    pub installations: Arc<dyn Installations>,
    pub purge: Arc<dyn Purge>,
    pub clock: Clock,
    pub tasks: Tasks,
    pub metrics: Metrics,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("inbox", &self.inbox).finish_non_exhaustive()
    }
}

/// What every part of the webhooks shares.
struct Core {
    parts: Parts,
    settings: WebhookSettings,
    verifier: Verifier,
    /// The app that is ours, where there is one.
    app: Option<String>,
    pace: Pace,
    /// Rung when an event arrived.
    arrived: Notify,
    /// Rung when an event waits, or somebody who had some in hand is done.
    waiting: Notify,
    hand: Hand,
    refresher: Refresher,
    forgeries: Complaints,
    depth: Mutex<InboxDepth>,
    /// Whether it may have changed since it was measured.
    changed: AtomicBool,
}

/// How failed tries are repeated: as writes are.
#[derive(Debug, Clone, Copy)]
struct Pace {
    base: Duration,
    cap: Duration,
    max_attempts: u32,
    /// Time for one run of the rules.
    deadline: Duration,
    /// Share of the quota that is left to readers.
    spare_percent: u32,
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("parts", &self.parts).finish_non_exhaustive()
    }
}

impl Core {
    fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    fn metrics(&self) -> &WebhookMetrics {
        self.parts.metrics.webhooks()
    }

    fn note_change(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Logs that the store failed.
    fn report(failure: &StoreError) {
        tracing::warn!(error = %failure, detail = ?failure, "the store failed while webhooks are applied");
    }
}

/// Why a webhook is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Its signature is missing or wrong.
    #[error("the webhook bears no signature of GHL's")]
    Forged,
    /// The store cannot take it at present.
    #[error("the webhook could not be stored")]
    Unstored(StoreError),
}

impl Refused {
    /// The problem for who sent it. Never a 5xx: GHL has published policies under which it sends nothing again after one.
    #[must_use]
    pub fn to_problem(&self) -> Problem {
        match self {
            Self::Forged => Problem::new(ProblemKind::Unauthenticated, "The webhook bears no valid signature."),
            Self::Unstored(failure) => {
                Problem::new(ProblemKind::TooManyRequests, "The webhook cannot be stored at present. Send it again.")
                    .with_retry_after(TRY_AGAIN)
                    .with_cause(failure.in_full())
            }
        }
    }
}

/// How the inbox stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// How much waits, as last measured.
    pub depth: InboxDepth,
    /// When each location's last event arrived.
    pub last_received: Vec<(LocationId, Timestamp)>,
}

/// GHL's webhooks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Webhooks {
    core: Arc<Core>,
}

impl Webhooks {
    /// Starts to work, with what an earlier process left first.
    #[must_use]
    pub fn start(parts: Parts, settings: &Settings) -> Self {
        let tasks = parts.tasks.clone();
        let pace = Pace {
            base: settings.operations.retry_base,
            cap: settings.operations.retry_cap,
            max_attempts: settings.operations.max_attempts,
            deadline: settings.http.deadline,
            spare_percent: settings.ghl.bulk_reserve_percent,
        };
        let core = Arc::new(Core {
            verifier: Verifier::new(&settings.webhooks),
            app: settings.oauth.as_ref().map(|oauth| oauth.app_id().to_owned()),
            refresher: Refresher::new(settings.webhooks.refresh_after),
            settings: settings.webhooks.clone(),
            pace,
            arrived: Notify::new(),
            waiting: Notify::new(),
            hand: Hand::default(),
            forgeries: Complaints::default(),
            depth: Mutex::default(),
            changed: AtomicBool::new(true),
            parts,
        });
        tasks.spawn_loop("webhooks", |stop| worker::run(Arc::clone(&core), stop));
        tasks.spawn_loop("webhooks-waiting", |stop| waiting::run(Arc::clone(&core), stop));
        tasks.spawn_loop("webhooks-refresh", |stop| refresh::run(Arc::clone(&core), stop));
        tasks.spawn_loop("webhooks-upkeep", |stop| upkeep::run(Arc::clone(&core), stop));
        Self { core }
    }

    /// Whether a webhook with these headers is worth reading.
    ///
    /// # Errors
    /// [`Refused::Forged`]
    pub fn screen(&self, signatures: &Signatures) -> Result<(), Refused> {
        self.core.verifier.admits(signatures).map_err(|_| self.forged())
    }

    /// Verifies a webhook and puts it into the inbox: once this answers, it is on the disk.
    ///
    /// # Errors
    /// [`Refused`]: nothing was done.
    pub async fn accept(&self, signatures: &Signatures, body: &[u8]) -> Result<Received, Refused> {
        let (core, began) = (&self.core, Instant::now());
        core.verifier.verify(body, signatures).map_err(|_| self.forged())?;
        let event = hear(body, core.now());
        let kind = event.kind.clone();
        let taken = tokio::time::timeout(TAKEN_WITHIN, self.receive(event)).await;
        let late = || StoreError::Failed("it did not answer in time".to_owned());
        let received = taken.unwrap_or_else(|_| Err(late())).map_err(Refused::Unstored);
        core.metrics().acknowledged(began.elapsed());
        let outcome = match &received {
            Ok(Received::New) => WebhookOutcome::Accepted,
            Ok(Received::Before) => WebhookOutcome::Duplicate,
            Err(_) => WebhookOutcome::Unstored,
        };
        core.metrics().received(Some(&kind), outcome);
        received
    }

    /// Also one that was given up on, by us or by who sent it, is stored and rung for all the same.
    async fn receive(&self, event: NewEvent) -> Result<Received, StoreError> {
        let core = Arc::clone(&self.core);
        let stored = self.core.parts.tasks.spawn_load("webhook-receive", async move {
            let received = core.parts.inbox.receive(event).await;
            core.arrived.notify_one();
            received
        });
        stored.await.map_err(|_| StoreError::Failed("taking it in broke down".to_owned()))?
    }

    fn forged(&self) -> Refused {
        self.core.metrics().received(None, WebhookOutcome::Refused);
        if let Some(count) = self.core.forgeries.one_more(Instant::now()) {
            tracing::warn!(count, "webhooks without a valid signature were refused");
        }
        Refused::Forged
    }

    /// Events, newest first, those before a position.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn events(
        &self,
        filter: EventFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<WebhookEvent>, Problem> {
        self.core.parts.inbox.events(filter, before, limit).await.map_err(|failure| unreadable(&failure))
    }

    /// One event; `not-found` where there is none in these locations (`None` is all).
    ///
    /// # Errors
    /// That, or where the store cannot be read.
    pub async fn event(&self, id: WebhookId, locations: Option<Vec<LocationId>>) -> Result<WebhookEvent, Problem> {
        let event = self.core.parts.inbox.event(id).await.map_err(|failure| unreadable(&failure))?;
        let seen = |event: &WebhookEvent| match (&locations, &event.location_id) {
            (None, _) => true,
            (Some(locations), Some(location)) => locations.contains(location),
            (Some(_), None) => false,
        };
        event.filter(seen).ok_or_else(not_found)
    }

    /// Applies an event once more, whatever is held; `operation-conflict` where it is not applied yet, or its body is gone.
    ///
    /// # Errors
    /// That, or as [`Self::event`].
    pub async fn replay(&self, id: WebhookId, locations: Option<Vec<LocationId>>) -> Result<WebhookEvent, Problem> {
        self.event(id.clone(), locations).await?;
        let replayed = self.core.parts.inbox.replay(id, self.core.now()).await;
        match replayed.map_err(|failure| failure.to_problem())? {
            Replayed::Yes(event) => {
                self.core.note_change();
                self.core.arrived.notify_one();
                Ok(event)
            }
            Replayed::No(event) if event.fate_at.is_none() => {
                Err(Problem::new(ProblemKind::OperationConflict, "The event has no fate yet: it is still applied."))
            }
            Replayed::No(_) => Err(Problem::new(
                ProblemKind::OperationConflict,
                "The event's body is gone (webhooks.keep_bodies_hours), so it cannot be replayed.",
            )),
            Replayed::Unknown => Err(not_found()),
        }
    }

    /// How the inbox stands. Asks nobody.
    #[must_use]
    pub fn status(&self) -> Status {
        let depth = *self.core.depth.lock().unwrap_or_else(PoisonError::into_inner);
        let all = self.core.parts.liveness.all(self.core.now());
        let mut last_received: Vec<_> =
            all.into_iter().filter_map(|(location, report)| Some((location, report.last_event_at?))).collect();
        last_received.sort();
        Status { depth, last_received }
    }
}

fn not_found() -> Problem {
    Problem::new(ProblemKind::NotFound, "There is no such event.")
}

/// A store that cannot be read says nothing of what was accepted.
fn unreadable(failure: &StoreError) -> Problem {
    Problem { detail: "The store that events are kept in cannot be read at present.".into(), ..failure.to_problem() }
}

/// A time that is later, as far as there is one.
fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// A time that is earlier, as far as there is one.
fn earlier(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_sub(by).unwrap_or(Timestamp::MIN)
}

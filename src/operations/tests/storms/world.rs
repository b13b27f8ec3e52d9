//! The whole chain below HTTP on one paused clock: operations, store, delivery, client, upstream with its policy, and GHL.
//!
//! `SQLite` answers from a thread of its own. So that simulated time does not run away meanwhile, each of the store's
//! commands holds the clock (`Mortal::still`): tokio does not advance it while blocking work is under way. Wall time is
//! kept in step with it.

use super::{
    super::{double::Mortal, *},
    ghl::{Came, Ghl, Outcome, Purpose, WINDOW},
};
use crate::{
    ghl::{Client, GhlError, Redaction},
    operations::ghl::GhlDelivery,
    settings::{
        GhlSettings, Settings, Sources,
        secret::{LiveSecret, Secret},
    },
    upstream::{CallContext, Lane, Policy, Service, Transport, Upstream},
};
use jiff::SignedDuration;
use std::{collections::BTreeMap, sync::atomic::Ordering};
use tokio::task::JoinHandle;

pub(super) struct World {
    pub(super) ghl: Arc<Ghl>,
    pub(super) client: Client,
    pub(super) operations: Operations,
    store: Arc<Mortal>,
    inner: Arc<dyn OperationStore>,
    tasks: Tasks,
    /// What each contact's notes are to be, in order.
    wanted: Mutex<BTreeMap<String, Vec<String>>>,
}

/// What somebody who waited was told.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) at: Instant,
    pub(super) took: Duration,
    pub(super) result: Result<(), GhlError>,
}

/// Calls in sum, and what they were good for.
#[derive(Debug)]
pub(super) struct Bill {
    pub(super) calls: usize,
    pub(super) notes: usize,
    pub(super) reads: usize,
    pub(super) looks: usize,
    pub(super) rate_limited: usize,
}

fn ghl_settings() -> GhlSettings {
    let mut settings = Settings::load(Sources::default()).unwrap().settings.ghl;
    settings.location_id = Some(location("loc1"));
    settings.token = Some(LiveSecret::fixed(Secret::new("pit-test")));
    settings
}

fn policy(settings: &GhlSettings) -> Policy {
    Policy {
        burst_limit: settings.burst_limit.into(),
        burst_window: settings.burst_window,
        day_limit: settings.day_limit.into(),
        operation_reserve_percent: settings.operation_reserve_percent,
        bulk_reserve_percent: settings.bulk_reserve_percent,
        retries: settings.retries,
        retry_budget_percent: settings.retry_budget_percent,
        breaker_failures: settings.breaker_failures,
        breaker_hold: settings.breaker_hold,
    }
}

impl World {
    /// With the settings as they come. Wall time follows in steps of `tick`.
    pub(super) async fn new(ghl: impl FnOnce(Clock) -> Ghl, tick: Duration) -> Self {
        let (tasks, metrics, clock) = (Tasks::new(), Metrics::new(), Clock::system());
        let store_tasks = Tasks::new();
        // While it opens, nothing that waits for a time may be there: time would run away to it.
        let inner = double::memory(&store_tasks).await;
        keep_in_step(&tasks, &clock, tick);
        let ghl = Arc::new(ghl(clock.clone()));
        let settings = ghl_settings();
        let transport = Arc::clone(&ghl) as Arc<dyn Transport>;
        let upstream = Upstream::new(Service::Ghl, transport, settings.timeout, metrics.clone())
            .with_policy(policy(&settings), clock.clone());
        let client = Client::new(upstream, &settings, Redaction::default());
        let store = Mortal::still(Arc::clone(&inner), &store_tasks);
        let parts = Parts {
            store: Arc::clone(&store) as Arc<dyn OperationStore>,
            delivery: Arc::new(GhlDelivery::new(client.clone(), clock.clone())),
            clock: clock.clone(),
            tasks: tasks.clone(),
            metrics,
            touched: Arc::new(|_, _, _| ()),
            made: Arc::new(|_, _| ()),
        };
        let defaults = Settings::load(Sources::default()).unwrap().settings.operations;
        let operations = Operations::start(parts, &defaults).await.unwrap();
        Self { ghl, client, operations, store, inner, tasks, wanted: Mutex::default() }
    }

    /// Accepts so many notes for each of so many contacts, one of each at a time.
    pub(super) async fn accept(&self, notes_each: usize, contacts: usize) {
        for _ in 0..notes_each {
            futures_util::future::join_all((0..contacts).map(|contact| self.accept_one(contact))).await;
        }
    }

    pub(super) async fn accept_one(&self, contact: usize) {
        let contact = format!("contact{contact}");
        let body = {
            let mut wanted = self.wanted.lock().unwrap();
            let list = wanted.entry(contact.clone()).or_default();
            list.push(format!("note {} of {contact}", list.len()));
            list.last().unwrap().clone()
        };
        self.operations.submit(submission("loc1", note(&contact, &body))).await.unwrap();
    }

    /// How many were accepted.
    pub(super) fn accepted(&self) -> usize {
        self.wanted.lock().unwrap().values().map(Vec::len).sum()
    }

    /// Waits until all that was accepted is done. Says how long after `since`.
    pub(super) async fn all_done(&self, since: Instant, within: Duration) -> Duration {
        loop {
            if self.ghl.notes() >= self.accepted() && self.open().await == 0 {
                return since.elapsed();
            }
            assert!(since.elapsed() < within, "{} of {} in {within:?}", self.ghl.notes(), self.accepted());
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Operations that are neither done nor given up.
    async fn open(&self) -> u64 {
        let depth = self.operations.depth().await.unwrap();
        depth.by_state.iter().filter(|(state, _)| !state.ended()).map(|(_, number)| number).sum()
    }

    /// Each accepted note is there exactly once, in order within its contact, and every operation is done.
    pub(super) async fn assert_exactly_once(&self) {
        assert_eq!(self.ghl.by_contact(), *self.wanted.lock().unwrap());
        let depth = self.operations.depth().await.unwrap();
        assert_eq!(depth.by_state, [(OperationState::Done, self.accepted() as u64)]);
    }

    /// People who read a contact, each so long after the other, with `deadline` each.
    pub(super) fn people(&self, number: u32, every: Duration, deadline: Duration) -> JoinHandle<Vec<Read>> {
        let (client, begin) = (self.client.clone(), Instant::now());
        let reads = (0..number).map(move |index| {
            let client = client.clone();
            async move {
                let asked = begin + every * index;
                tokio::time::sleep_until(asked).await;
                let context = CallContext::new(Lane::Interactive, deadline);
                let result = client.contact(&location("loc1"), &contact("reader"), &context).await;
                Read { at: asked, took: asked.elapsed(), result: result.map(drop) }
            }
        });
        let reads: Vec<_> = reads.collect();
        self.tasks.spawn_load("people", futures_util::future::join_all(reads))
    }

    pub(super) fn bill(&self) -> Bill {
        let came = self.ghl.came();
        let answered = |purpose| came.iter().filter(|call| is(call, purpose, Outcome::Answered)).count();
        Bill {
            calls: came.len(),
            notes: self.ghl.notes(),
            reads: answered(Purpose::Read),
            looks: answered(Purpose::Look),
            rate_limited: came.iter().filter(|call| call.outcome == Outcome::RateLimited).count(),
        }
    }

    /// The share of the limit that GHL counted in each full window between two moments.
    pub(super) fn use_of_windows(&self, from: Instant, to: Instant) -> Vec<f64> {
        let counted = self.ghl.counted();
        let before = |at: Instant| counted.partition_point(|counted| *counted < at);
        let windows = (to - from).as_millis() / WINDOW.as_millis();
        (0..u32::try_from(windows).unwrap())
            .map(|window| (from + WINDOW * window, from + WINDOW * (window + 1)))
            .map(|(begin, end)| (before(end) - before(begin)) as f64 / self.ghl.limit as f64)
            .collect()
    }

    /// Commands that the store was given so far.
    pub(super) fn commands(&self) -> u64 {
        self.store.commands.load(Ordering::SeqCst)
    }

    /// Of them, claims.
    pub(super) fn claims(&self) -> u64 {
        self.store.claims.load(Ordering::SeqCst)
    }

    pub(super) async fn end(self) {
        assert!(self.tasks.shut_down(Duration::from_secs(120)).await);
        self.inner.close().await;
    }
}

fn is(call: &Came, purpose: Purpose, outcome: Outcome) -> bool {
    (call.purpose, call.outcome) == (purpose, outcome)
}

impl Bill {
    /// Calls for each that was of use.
    pub(super) fn per_useful(&self) -> f64 {
        self.calls as f64 / (self.notes + self.reads + self.looks) as f64
    }
}

/// Wall time goes with simulated time, a tick behind at most.
fn keep_in_step(tasks: &Tasks, clock: &Clock, tick: Duration) {
    let (clock, wall, began) = (clock.clone(), clock.now(), Instant::now());
    tasks.spawn_loop("clock", move |stop| async move {
        while !stop.is_cancelled() {
            tokio::time::sleep(tick).await;
            let behind = backoff::later(wall, began.elapsed()).duration_since(clock.now());
            clock.advance(behind.max(SignedDuration::ZERO));
        }
    });
}

/// The mean of some numbers, and the least.
pub(super) fn mean_and_least(numbers: &[f64]) -> (f64, f64) {
    let sum: f64 = numbers.iter().sum();
    (sum / numbers.len() as f64, numbers.iter().copied().fold(f64::INFINITY, f64::min))
}

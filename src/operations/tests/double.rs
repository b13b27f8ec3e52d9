//! Doubles: a store that can die, fail and be slow around the real one, and a delivery that does as it is told.

use crate::{
    domain::{
        erasure::ErasureScope,
        ids::{ContactId, LocationId, OperationId},
        operation::{
            AttemptEnd, AuditEntry, AuditFilter, Idempotency, NewOperation, Operation, OperationFilter, Written,
        },
        write::{Write, WriteKind},
    },
    operations::{Attempted, Delivery, Looked},
    settings::StoreUrl,
    store::{
        Accepted, Changed, Depth, Erasure, Hasten, OperationStore, Page, Reservation, StoreError, Stored,
        sqlite::SqliteStore,
    },
    tasks::Tasks,
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// The real store in memory.
pub(super) async fn memory(tasks: &Tasks) -> Arc<dyn OperationStore> {
    Arc::new(SqliteStore::open(&StoreUrl::SqliteMemory, tasks).await.unwrap())
}

/// One process's view of a store.
#[derive(Debug)]
pub(super) struct Mortal {
    inner: Arc<dyn OperationStore>,
    /// The process is dead: it learns nothing any more, not even what it asked before.
    pub(super) dead: AtomicBool,
    /// Nothing can be written.
    pub(super) failing: AtomicBool,
    /// How long an attempt's end takes to be known after it was stored.
    pub(super) end_lag_ms: AtomicU64,
    pub(super) claims: AtomicU64,
    pub(super) ends: AtomicU64,
    /// All that it was asked.
    pub(super) commands: AtomicU64,
    /// Where time stands still while it works.
    stilled: Option<Tasks>,
}

/// Holds a paused clock: tokio does not advance it while blocking work is under way.
struct Still(Option<mpsc::Sender<()>>);

impl Still {
    fn new(tasks: &Tasks) -> Self {
        let (held, until_dropped) = mpsc::channel::<()>();
        tasks.spawn_work("still", move || until_dropped.recv().is_ok());
        Self(Some(held))
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        drop(self.0.take());
    }
}

impl Mortal {
    pub(super) fn new(inner: Arc<dyn OperationStore>) -> Arc<Self> {
        Self::make(inner, None)
    }

    /// A store that takes no time on a paused clock.
    pub(super) fn still(inner: Arc<dyn OperationStore>, tasks: &Tasks) -> Arc<Self> {
        Self::make(inner, Some(tasks.clone()))
    }

    fn make(inner: Arc<dyn OperationStore>, stilled: Option<Tasks>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            stilled,
            commands: AtomicU64::new(0),
            dead: AtomicBool::new(false),
            failing: AtomicBool::new(false),
            end_lag_ms: AtomicU64::new(0),
            claims: AtomicU64::new(0),
            ends: AtomicU64::new(0),
        })
    }

    fn state(&self, writes: bool) -> Result<(), StoreError> {
        if self.dead.load(Ordering::SeqCst) {
            return Err(StoreError::Closed);
        }
        if writes && self.failing.load(Ordering::SeqCst) { Err(StoreError::Full) } else { Ok(()) }
    }

    fn read<'a, T: Send + 'a>(&'a self, ask: impl FnOnce(&'a dyn OperationStore) -> Stored<'a, T>) -> Stored<'a, T> {
        self.call(false, ask)
    }

    fn write<'a, T: Send + 'a>(&'a self, ask: impl FnOnce(&'a dyn OperationStore) -> Stored<'a, T>) -> Stored<'a, T> {
        self.call(true, ask)
    }

    fn call<'a, T: Send + 'a>(
        &'a self,
        writes: bool,
        ask: impl FnOnce(&'a dyn OperationStore) -> Stored<'a, T>,
    ) -> Stored<'a, T> {
        if let Err(failure) = self.state(writes) {
            return Box::pin(std::future::ready(Err(failure)));
        }
        let asked = self.counted(ask(self.inner.as_ref()));
        Box::pin(async move {
            let answer = asked.await?;
            self.state(false)?;
            Ok(answer)
        })
    }

    fn counted<'a, T: Send + 'a>(&'a self, asked: Stored<'a, T>) -> Stored<'a, T> {
        Box::pin(async move {
            self.commands.fetch_add(1, Ordering::SeqCst);
            let still = self.stilled.as_ref().map(Still::new);
            let answer = asked.await;
            drop(still);
            answer
        })
    }
}

impl OperationStore for Mortal {
    fn accept(&self, new: NewOperation, entry: AuditEntry) -> Stored<'_, Accepted> {
        // Whether it is stored is known to who asked: the model counts on it.
        if let Err(failure) = self.state(true) {
            return Box::pin(std::future::ready(Err(failure)));
        }
        self.counted(self.inner.accept(new, entry))
    }

    fn claim(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
        closed: Vec<LocationId>,
    ) -> Stored<'_, Vec<Operation>> {
        self.claims.fetch_add(1, Ordering::SeqCst);
        self.write(|store| store.claim(now, lease_until, limit, closed))
    }

    fn recover(&self, settles: Timestamp) -> Stored<'_, u64> {
        self.write(|store| store.recover(settles))
    }

    fn hasten(&self, times: Hasten) -> Stored<'_, u64> {
        self.write(|store| store.hasten(times))
    }

    fn end_attempt(&self, id: OperationId, end: AttemptEnd, entry: AuditEntry, now: Timestamp) -> Stored<'_, bool> {
        self.ends.fetch_add(1, Ordering::SeqCst);
        let ended = self.write(|store| store.end_attempt(id, end, entry, now));
        let lag = Duration::from_millis(self.end_lag_ms.load(Ordering::SeqCst));
        Box::pin(async move {
            let ended = ended.await;
            tokio::time::sleep(lag).await;
            ended
        })
    }

    fn operation(&self, id: OperationId) -> Stored<'_, Option<Operation>> {
        self.read(|store| store.operation(id))
    }

    fn operations(&self, filter: OperationFilter, before: Option<i64>, limit: u32) -> Stored<'_, Page<Operation>> {
        self.read(|store| store.operations(filter, before, limit))
    }

    fn claimed_ids(&self, contact: Option<ContactId>, kind: WriteKind, since: Timestamp) -> Stored<'_, Vec<String>> {
        self.read(|store| store.claimed_ids(contact, kind, since))
    }

    fn next_due(&self, closed: Vec<LocationId>) -> Stored<'_, Option<Timestamp>> {
        self.read(|store| store.next_due(closed))
    }

    fn retry(&self, id: OperationId, entry: AuditEntry, now: Timestamp) -> Stored<'_, Changed> {
        self.write(|store| store.retry(id, entry, now))
    }

    fn resolve(&self, id: OperationId, write: Write, entry: AuditEntry, now: Timestamp) -> Stored<'_, Changed> {
        self.write(|store| store.resolve(id, write, entry, now))
    }

    fn cancel(&self, id: OperationId, entry: AuditEntry, now: Timestamp) -> Stored<'_, Changed> {
        self.write(|store| store.cancel(id, entry, now))
    }

    fn reserve(&self, key: Idempotency, now: Timestamp) -> Stored<'_, Reservation> {
        self.write(|store| store.reserve(key, now))
    }

    fn answer(&self, key: Idempotency, answer: Option<Value>) -> Stored<'_, ()> {
        self.write(|store| store.answer(key, answer))
    }

    fn append(&self, entry: AuditEntry) -> Stored<'_, ()> {
        self.write(|store| store.append(entry))
    }

    fn audit(&self, filter: AuditFilter, before: Option<i64>, limit: u32) -> Stored<'_, Page<AuditEntry>> {
        self.read(|store| store.audit(filter, before, limit))
    }

    fn erase(&self, scope: ErasureScope, entry: AuditEntry, now: Timestamp) -> Stored<'_, Erasure> {
        self.write(|store| store.erase(scope, entry, now))
    }

    fn depth(&self) -> Stored<'_, Depth> {
        self.read(|store| store.depth())
    }

    fn prune(&self, operations: Timestamp, keys: Timestamp, audit: Timestamp) -> Stored<'_, u64> {
        self.write(|store| store.prune(operations, keys, audit))
    }

    fn health(&self) -> Result<(), StoreError> {
        self.state(true)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.dead.store(true, Ordering::SeqCst);
        Box::pin(std::future::ready(()))
    }
}

/// Does as it is told, and after that everything at once.
#[derive(Debug)]
pub(super) struct Script {
    attempts: Mutex<VecDeque<Attempted>>,
    looks: Mutex<VecDeque<Looked>>,
    /// What every attempt at this location comes to.
    by_location: Mutex<Option<(LocationId, Attempted)>>,
    calls: Mutex<Vec<Call>>,
    /// While false, attempts hang.
    go: watch::Sender<bool>,
}

/// What it was asked.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) look: bool,
    pub(super) operation: Operation,
    pub(super) taken: Vec<String>,
    pub(super) at: Instant,
}

impl Script {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            attempts: Mutex::default(),
            looks: Mutex::default(),
            by_location: Mutex::default(),
            calls: Mutex::default(),
            go: watch::Sender::new(true),
        })
    }

    pub(super) fn will(&self, attempts: impl IntoIterator<Item = Attempted>) {
        self.attempts.lock().unwrap().extend(attempts);
    }

    pub(super) fn will_look(&self, looks: impl IntoIterator<Item = Looked>) {
        self.looks.lock().unwrap().extend(looks);
    }

    pub(super) fn always(&self, location: &LocationId, attempted: Option<Attempted>) {
        *self.by_location.lock().unwrap() = attempted.map(|attempted| (location.clone(), attempted));
    }

    pub(super) fn hold(&self, hold: bool) {
        self.go.send_replace(!hold);
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// `a` for an attempt, `l` for a look.
    pub(super) fn course(&self) -> String {
        self.calls().iter().map(|call| if call.look { 'l' } else { 'a' }).collect()
    }

    fn note(&self, look: bool, operation: &Operation, taken: &[String]) {
        let (operation, taken, at) = (operation.clone(), taken.to_vec(), Instant::now());
        self.calls.lock().unwrap().push(Call { look, operation, taken, at });
    }

    fn answer(&self, operation: &Operation) -> Attempted {
        let everywhere = self.by_location.lock().unwrap().clone();
        match everywhere.filter(|(location, _)| *location == operation.location) {
            Some((_, attempted)) => attempted,
            None => self.attempts.lock().unwrap().pop_front().unwrap_or_else(|| done("made")),
        }
    }
}

pub(super) fn written(id: &str) -> Written {
    Written { status: 201, body: json!({"id": id}), id: Some(id.to_owned()) }
}

pub(super) fn done(id: &str) -> Attempted {
    Attempted::Done { written: written(id), upstream_status: Some(201) }
}

impl Delivery for Script {
    fn attempt<'a>(&'a self, operation: &'a Operation, _: Instant) -> BoxFuture<'a, Attempted> {
        Box::pin(async move {
            self.note(false, operation, &[]);
            let mut go = self.go.subscribe();
            let _ = go.wait_for(|go| *go).await;
            self.answer(operation)
        })
    }

    fn look<'a>(&'a self, operation: &'a Operation, taken: &'a [String], _: Instant) -> BoxFuture<'a, Looked> {
        self.note(true, operation, taken);
        let looked = self.looks.lock().unwrap().pop_front().unwrap_or(Looked::Absent);
        Box::pin(std::future::ready(looked))
    }
}

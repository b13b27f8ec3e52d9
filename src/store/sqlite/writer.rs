//! The one writer: takes what is queued, commits it together, and only then answers. So as many writes as arrive while
//! the disk is busy share its next flush.

use super::{
    open::Lock,
    wal::{Copier, Wal},
};
use crate::{store::StoreError, tasks::Tasks};
use futures_util::future::BoxFuture;
use sqlx::{Connection as _, SqliteConnection};
use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// How much one commit takes at most: enough to share a flush, little enough to answer soon.
const GROUP: usize = 256;

/// How much may wait; beyond it, callers wait for a place.
const QUEUE: usize = 1024;

/// The longest wait for those of the last group who may come again at once, and its share of what a commit takes.
const GATHER: Duration = Duration::from_millis(2);
const GATHER_SHARE: u32 = 4;

/// How often a store that failed and is asked nothing is tried.
const PROBE_EVERY: Duration = Duration::from_secs(2);

/// What is written to learn whether a store that failed can be written: more than the free rest of a page.
const PROBE_BYTES: i64 = 64 * 1024;

/// Something to do on a connection, all of it or nothing. May be run again after it failed.
pub(super) trait Work: Send + Sync + 'static {
    /// What it answers.
    type Answer: Send + 'static;

    /// Whether it wants no transaction around it.
    const OUTSIDE: bool = false;

    /// Does it.
    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Self::Answer, StoreError>>;
}

/// [`Work`] with its answer, whatever its type.
trait Job: Send {
    fn outside(&self) -> bool;
    fn run<'a>(&'a mut self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), StoreError>>;
    fn answer(self: Box<Self>, failure: Option<&StoreError>);
}

struct Queued<W: Work> {
    work: W,
    outcome: Option<W::Answer>,
    answer: oneshot::Sender<Result<W::Answer, StoreError>>,
}

impl<W: Work> Job for Queued<W> {
    fn outside(&self) -> bool {
        W::OUTSIDE
    }

    fn run<'a>(&'a mut self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.outcome = Some(self.work.run(on).await?);
            Ok(())
        })
    }

    fn answer(self: Box<Self>, failure: Option<&StoreError>) {
        let answer = match (failure, self.outcome) {
            (None, Some(outcome)) => Ok(outcome),
            (Some(failure), _) => Err(failure.clone()),
            (None, None) => Err(StoreError::Failed("it was not run".to_owned())),
        };
        // Who asked may have hung up; it is done all the same.
        drop(self.answer.send(answer));
    }
}

/// What the writer did, and how it fares.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub commits: AtomicU64,
    pub commands: AtomicU64,
    pub outside: AtomicU64,
    failure: Mutex<Option<StoreError>>,
}

impl Account {
    /// The last write's failure, until one succeeds.
    pub(super) fn failure(&self) -> Option<StoreError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, failure: Option<&StoreError>) {
        let mut last = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*last, failure) {
            (None, Some(failure)) => tracing::error!(cause = ?failure, "the store cannot be written"),
            (Some(_), None) => tracing::info!("the store can be written again"),
            _ => {}
        }
        *last = failure.cloned();
    }
}

/// The way to the writer.
pub(super) struct Writer {
    sender: mpsc::Sender<Box<dyn Job>>,
    closing: CancellationToken,
    ended: CancellationToken,
    pub account: Arc<Account>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("account", &self.account).finish_non_exhaustive()
    }
}

impl Writer {
    /// Starts it. It ends when it is closed or nobody can ask it any more, not when `tasks` are told to stop: those who
    /// stop have things to store.
    pub(super) fn start(connection: SqliteConnection, file: Option<(Lock, Wal)>, tasks: &Tasks) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let (closing, ended) = (CancellationToken::new(), CancellationToken::new());
        let account = Arc::new(Account::default());
        let (lock, wal) = file.unzip();
        let copier = wal.map(|wal| wal.start(Ask(sender.downgrade()), tasks));
        let task = Loop {
            connection,
            copier,
            receiver,
            closing: closing.clone(),
            account: Arc::clone(&account),
            closed_by_us: false,
            last: Last::default(),
        };
        let at_end = ended.clone().drop_guard();
        tasks.spawn_loop("store-writer", |_stop| async move {
            task.run().await;
            // The file is another process's to take only after the connections are closed.
            drop(lock);
            drop(at_end);
        });
        Self { sender, closing, ended, account }
    }

    /// Does it, together with what else is queued, and answers once it is on the disk.
    pub(super) async fn call<W: Work>(&self, work: W) -> Result<W::Answer, StoreError> {
        ask(&self.sender, work).await
    }

    /// Whether it takes nothing more.
    pub(super) fn is_closed(&self) -> bool {
        self.closing.is_cancelled() || self.sender.is_closed()
    }

    /// Does what is queued and ends.
    pub(super) async fn close(&self) {
        self.closing.cancel();
        self.ended.cancelled().await;
    }
}

/// A way to the writer that does not keep it from ending.
pub(super) struct Ask(mpsc::WeakSender<Box<dyn Job>>);

impl Ask {
    /// As [`Writer::call`].
    pub(super) async fn call<W: Work>(&self, work: W) -> Result<W::Answer, StoreError> {
        let sender = self.0.upgrade().ok_or(StoreError::Closed)?;
        ask(&sender, work).await
    }
}

async fn ask<W: Work>(sender: &mpsc::Sender<Box<dyn Job>>, work: W) -> Result<W::Answer, StoreError> {
    let (answer, answered) = oneshot::channel();
    let queued = Box::new(Queued { work, outcome: None, answer });
    sender.send(queued).await.map_err(|_| StoreError::Closed)?;
    answered.await.map_err(|_| StoreError::Closed)?
}

/// What failed a group.
enum Trouble {
    /// One of its commands: the others may be done without it.
    Work(StoreError),
    /// The store itself.
    Store(StoreError),
}

struct Loop {
    connection: SqliteConnection,
    copier: Option<Copier>,
    receiver: mpsc::Receiver<Box<dyn Job>>,
    closing: CancellationToken,
    closed_by_us: bool,
    account: Arc<Account>,
    last: Last,
}

/// The last group.
#[derive(Default)]
struct Last {
    size: usize,
    took: Duration,
}

impl Loop {
    async fn run(mut self) {
        let mut group = Vec::with_capacity(GROUP);
        while self.wait(&mut group).await {
            self.gather(&mut group).await;
            let (begin, size) = (Instant::now(), group.len());
            for job in group.extract_if(.., |job| job.outside()).collect::<Vec<_>>() {
                self.outside(job).await;
            }
            self.settle(&mut group).await;
            self.last = Last { size, took: begin.elapsed() };
            if let Some(copier) = &mut self.copier {
                copier.note(size);
            }
        }
        // Whoever still asks is told that it is closed; the log's copier may be one of them.
        drop(self.receiver);
        // The last connection to close brings the whole log into the file and removes it
        // (<https://www.sqlite.org/wal.html#the_wal_file>): that is the writer's, which says what comes of it.
        if let Some(copier) = self.copier {
            copier.end().await;
        }
        if let Err(error) = self.connection.close().await {
            tracing::warn!(cause = %error, "the store was not closed cleanly");
        }
    }

    /// Waits for something to do. Nothing in `group` and `true`: the store is to be tried.
    async fn wait(&mut self, group: &mut Vec<Box<dyn Job>>) -> bool {
        let sick = self.account.failure().is_some();
        loop {
            tokio::select! {
                biased;
                () = self.closing.cancelled(), if !self.closed_by_us => {
                    // What was sent before is still received.
                    self.receiver.close();
                    self.closed_by_us = true;
                }
                taken = self.receiver.recv_many(group, GROUP) => return taken > 0,
                () = tokio::time::sleep(PROBE_EVERY), if sick => return true,
            }
        }
    }

    /// Where many write, the first of those just answered is back before the others: begun at once, the commit would
    /// leave them behind. One writer alone is never made to wait.
    async fn gather(&mut self, group: &mut Vec<Box<dyn Job>>) {
        let expected = self.last.size.min(GROUP);
        if group.len() >= expected || self.closed_by_us {
            return;
        }
        let until = Instant::now() + GATHER.min(self.last.took / GATHER_SHARE);
        while group.len() < expected {
            let more = self.receiver.recv_many(group, GROUP - group.len());
            if !matches!(tokio::time::timeout_at(until, more).await, Ok(taken) if taken > 0) {
                return;
            }
        }
    }

    async fn outside(&mut self, mut job: Box<dyn Job>) {
        let failure = job.run(&mut self.connection).await.err();
        self.account.outside.fetch_add(1, Ordering::Relaxed);
        job.answer(failure.as_ref());
    }

    async fn settle(&mut self, group: &mut Vec<Box<dyn Job>>) {
        if group.is_empty() && self.account.failure().is_none() {
            return;
        }
        match self.transaction(group).await {
            Err(Trouble::Work(_)) if group.len() > 1 => self.one_by_one(group).await,
            outcome => self.answer(group, outcome.err().map(Trouble::into_error).as_ref()),
        }
    }

    /// After one of a group failed, each has a transaction of its own: a full disk may roll back a transaction by itself
    /// (<https://www.sqlite.org/lang_transaction.html>), and savepoints with it.
    async fn one_by_one(&mut self, group: &mut Vec<Box<dyn Job>>) {
        let mut beyond_help = None;
        for job in group.drain(..) {
            let mut alone = vec![job];
            if beyond_help.is_none() {
                let outcome = self.transaction(&mut alone).await;
                if let Err(Trouble::Store(failure)) = &outcome {
                    beyond_help = Some(failure.clone());
                }
                self.answer(&mut alone, outcome.err().map(Trouble::into_error).as_ref());
            } else {
                self.answer(&mut alone, beyond_help.as_ref());
            }
        }
    }

    fn answer(&self, group: &mut Vec<Box<dyn Job>>, failure: Option<&StoreError>) {
        self.account.note(failure);
        for job in group.drain(..) {
            job.answer(failure);
        }
    }

    async fn transaction(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), Trouble> {
        self.begin().await.map_err(Trouble::Store)?;
        let outcome = self.within(group).await;
        if outcome.is_err() {
            // Where the failure ended the transaction by itself there is nothing to roll back.
            drop(self.say("ROLLBACK").await);
        }
        outcome
    }

    async fn within(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), Trouble> {
        if self.account.failure().is_some() {
            // Reads and claims of nothing would succeed on a full disk, and must not pass for its recovery.
            self.probe().await.map_err(Trouble::Store)?;
        }
        for job in group.iter_mut() {
            job.run(&mut self.connection).await.map_err(Trouble::Work)?;
        }
        self.say("COMMIT").await.map_err(Trouble::Store)?;
        self.account.commits.fetch_add(1, Ordering::Relaxed);
        self.account.commands.fetch_add(group.len().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(())
    }

    async fn begin(&mut self) -> Result<(), StoreError> {
        // At once for writing: who finds the file locked finds it here, not in the middle.
        let Err(failure) = self.say("BEGIN IMMEDIATE").await else { return Ok(()) };
        // A transaction that could not be rolled back before would be in the way for ever.
        if self.say("ROLLBACK").await.is_ok() { self.say("BEGIN IMMEDIATE").await } else { Err(failure) }
    }

    async fn probe(&mut self) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO probe (room) VALUES (zeroblob($1))")
            .bind(PROBE_BYTES)
            .execute(&mut self.connection)
            .await?;
        self.say("DELETE FROM probe").await
    }

    async fn say(&mut self, statement: &'static str) -> Result<(), StoreError> {
        sqlx::query(statement).execute(&mut self.connection).await.map(drop).map_err(StoreError::from)
    }
}

impl Trouble {
    fn into_error(self) -> StoreError {
        match self {
            Self::Work(error) | Self::Store(error) => error,
        }
    }
}

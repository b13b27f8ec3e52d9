//! Brings the write-ahead log into the file beside the writer, and begins it anew before it is long.
//!
//! `SQLite` would copy the log into the file by itself, but within the commit that makes it a thousand pages long
//! (<https://www.sqlite.org/wal.html#ckpt>): whoever waits for that commit, or for one after it, waits for the file's flush
//! as well. So a connection of its own copies while the writer goes on
//! (`PASSIVE`, <https://www.sqlite.org/pragma.html#pragma_wal_checkpoint>).
//!
//! That alone would let the log grow for as long as somebody writes: it is begun anew only at a moment when all of it is in
//! the file and nobody reads it (<https://www.sqlite.org/wal.html#avoiding_excessively_large_wal_files>). That moment is
//! made: between two groups the writer copies the little that is left and waits shortly for those who read. The log's file
//! is kept and written over: where a file grows, a flush has its new size and blocks to write as well
//! (<https://man7.org/linux/man-pages/man2/fdatasync.2.html>).

use super::{
    open::{self, WAL_BYTES},
    writer::{Ask, Work},
};
use crate::{store::StoreError, tasks::Tasks};
use futures_util::future::BoxFuture;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

/// After how many commands of the writer the log's length is looked at.
const LOOK_EVERY: usize = 64;

/// How often it is copied at most before it is begun anew, and how little is left for the writer to copy then, in pages.
const PASSES: u32 = 3;
const LITTLE: u64 = 64;

/// How long the writer waits for those who read, while the log is not too long.
const PATIENCE: Duration = Duration::from_millis(10);

/// The size of a page, which is `SQLite`'s default (<https://www.sqlite.org/pragma.html#pragma_page_size>).
const PAGE: u64 = 4096;

/// How long the log may become, in pages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lengths {
    /// What waits to be copied before it is.
    copy: u64,
    /// What is in the log before it is begun anew, if nobody is in the way.
    anew: u64,
    /// What is in the log before those who write have to wait for those who read.
    most: u64,
}

impl Lengths {
    /// For a log of at most so many bytes, but for what is written in between.
    pub(super) const fn within(bytes: u64) -> Self {
        let most = bytes / PAGE;
        Self { copy: most / 16, anew: most / 4, most }
    }
}

impl Default for Lengths {
    fn default() -> Self {
        Self::within(WAL_BYTES)
    }
}

/// One checkpoint at a time: `SQLite` refuses a second one.
pub(super) type Turn = Arc<Mutex<()>>;

/// What copies the log.
pub(super) struct Wal {
    options: SqliteConnectOptions,
    lengths: Lengths,
    turn: Turn,
}

impl Wal {
    /// Of the file the options name.
    pub(super) fn new(options: &SqliteConnectOptions, lengths: Lengths, turn: Turn) -> Self {
        Self { options: options.clone().create_if_missing(false), lengths, turn }
    }

    /// Starts it. It sleeps while nothing is written.
    pub(super) fn start(self, writer: Ask, tasks: &Tasks) -> Copier {
        let copier = Copier {
            written: 0,
            look: Arc::default(),
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
        };
        let task = Loop {
            options: self.options,
            connection: None,
            lengths: self.lengths,
            turn: self.turn,
            writer,
            look: Arc::clone(&copier.look),
            stop: copier.stop.clone(),
            again_at: 0,
            failed: false,
        };
        let at_end = copier.ended.clone().drop_guard();
        tasks.spawn_loop("store-log", |_stop| async move {
            task.run().await;
            drop(at_end);
        });
        copier
    }
}

/// The writer's end of it.
pub(super) struct Copier {
    written: usize,
    look: Arc<Notify>,
    stop: CancellationToken,
    ended: CancellationToken,
}

impl Copier {
    /// To be called after each group.
    pub(super) fn note(&mut self, commands: usize) {
        self.written += commands.max(1);
        if self.written >= LOOK_EVERY {
            self.written = 0;
            self.look.notify_one();
        }
    }

    /// Ends it and waits until its connection is closed.
    pub(super) async fn end(self) {
        self.stop.cancel();
        self.ended.cancelled().await;
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Loop {
    options: SqliteConnectOptions,
    /// Opened when first needed: the start of a service need not wait for it.
    connection: Option<SqliteConnection>,
    lengths: Lengths,
    turn: Turn,
    writer: Ask,
    look: Arc<Notify>,
    stop: CancellationToken,
    /// How long the log has to be for the next try to begin it anew, after one that failed.
    again_at: u64,
    failed: bool,
}

impl Loop {
    async fn run(mut self) {
        while self.wait().await {
            match self.round().await {
                Ok(()) if self.failed => {
                    tracing::info!("the store's log can be copied into its file again");
                    self.failed = false;
                }
                // It is told of once; what was written is safe in the log meanwhile.
                Err(error) if !self.failed && !self.stop.is_cancelled() => {
                    tracing::error!(cause = ?error, "the store's log cannot be copied into its file, and grows");
                    self.failed = true;
                }
                _ => {}
            }
        }
        if let Some(connection) = self.connection
            && let Err(error) = connection.close().await
        {
            tracing::debug!(cause = %error, "the store's log was not closed cleanly");
        }
    }

    /// Whether there is something to look at.
    async fn wait(&self) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = self.look.notified() => true,
        }
    }

    async fn round(&mut self) -> Result<(), StoreError> {
        let log = self.look_at("NOOP").await?;
        let anew = log.pages >= self.lengths.anew.max(self.again_at);
        if log.left < self.lengths.copy && !anew {
            return Ok(());
        }
        let turn = Arc::clone(&self.turn);
        let _turn = turn.lock().await;
        self.look_at("PASSIVE").await?;
        if anew { self.begin_anew().await } else { Ok(()) }
    }

    /// Leaves to the writer only what was written in the time of the last pass.
    async fn begin_anew(&mut self) -> Result<(), StoreError> {
        let mut log = self.look_at("NOOP").await?;
        for _ in 1..PASSES {
            if log.left > LITTLE {
                self.look_at("PASSIVE").await?;
                log = self.look_at("NOOP").await?;
            }
        }
        let too_long = log.pages >= self.lengths.most;
        if log.left > self.lengths.copy && !too_long {
            // Somebody reads for long: the writer would have to copy too much.
            self.again_at = log.pages + self.lengths.copy;
            return Ok(());
        }
        let patience = if too_long { open::BUSY } else { PATIENCE };
        let done = self.writer.call(Checkpoint { how: "RESTART", patience }).await?;
        self.again_at = match (done, too_long) {
            (true, _) => 0,
            (false, false) => log.pages + self.lengths.copy,
            (false, true) => {
                let bytes = log.pages * PAGE;
                tracing::warn!(bytes, "the store's log cannot be begun anew, for somebody reads it all the time");
                log.pages + self.lengths.anew
            }
        };
        Ok(())
    }

    async fn look_at(&mut self, how: &'static str) -> Result<Log, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        checkpoint(self.connection.insert(connection), how).await
    }
}

/// What a checkpoint says of the log.
struct Log {
    busy: bool,
    pages: u64,
    /// Those of them that are not in the file.
    left: u64,
}

async fn checkpoint(on: &mut SqliteConnection, how: &'static str) -> Result<Log, StoreError> {
    let statement = format!("PRAGMA wal_checkpoint({how})");
    let row = sqlx::query(AssertSqlSafe(statement)).fetch_one(on).await?;
    let number = |column| row.try_get::<i64, _>(column).map(|number| u64::try_from(number).unwrap_or_default());
    let (pages, copied) = (number(1)?, number(2)?);
    Ok(Log { busy: number(0)? != 0, pages, left: pages.saturating_sub(copied) })
}

/// A checkpoint by the writer, so that nothing is written meanwhile. Answers whether it was done: somebody may read what the
/// log holds.
pub(super) struct Checkpoint {
    /// `RESTART`, or `TRUNCATE` to leave nothing in it.
    pub how: &'static str,
    /// How long it waits for those who read.
    pub patience: Duration,
}

impl Work for Checkpoint {
    type Answer = bool;
    const OUTSIDE: bool = true;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            be_patient(on, self.patience).await?;
            let log = checkpoint(on, self.how).await;
            be_patient(on, open::BUSY).await?;
            Ok(!log?.busy)
        })
    }
}

async fn be_patient(on: &mut SqliteConnection, time: Duration) -> Result<(), StoreError> {
    let statement = format!("PRAGMA busy_timeout = {}", time.as_millis());
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(on).await?;
    Ok(())
}

//! The store in one `SQLite` file: one writer that commits in groups, and readers beside it (WAL).

mod accept;
mod audit;
mod connections;
mod ends;
mod erase;
mod examine;
mod fault;
mod inbox;
mod journal;
mod lists;
mod open;
mod prune;
mod readers;
mod rows;
mod sources;
mod turns;
mod unreadable;
mod wal;
mod writer;

pub use examine::Examined;

use super::{Accepted, Changed, Depth, Erasure, Hasten, OperationStore, Page, Reservation, StoreError, Stored};
use crate::{
    domain::{
        erasure::ErasureScope,
        ids::{ContactId, LocationId, OperationId},
        operation::{AttemptEnd, AuditEntry, AuditFilter, Idempotency, NewOperation, Operation, OperationFilter},
        write::{Write, WriteKind},
    },
    settings::StoreUrl,
    tasks::Tasks,
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use journal::Emptying;
use prune::{BATCH, Forget, Old};
use readers::Readers;
use sqlx::SqliteConnection;
use std::{path::Path, sync::atomic::Ordering};
use wal::{Lengths, Wal};
use writer::{Work, Writer};

/// [`OperationStore`] in `SQLite`.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    /// None in memory: there it is the writer that reads.
    readers: Option<Readers>,
    emptying: Emptying,
}

/// What the writer did so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriterReport {
    /// Transactions that were committed: at most as many flushes of the disk.
    pub commits: u64,
    /// Commands in them.
    pub commands: u64,
    /// What was done outside of any, such as emptying the journal.
    pub outside: u64,
}

/// A fault that a test gives the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The file cannot grow.
    Full,
    /// Nothing can be written.
    ReadOnly,
}

impl SqliteStore {
    /// Opens the store; makes folder and file where they are missing, and brings the schema up to date.
    ///
    /// Its writer runs among `tasks` until [`OperationStore::close`]: those who write must have ended by then, so give it
    /// tasks of its own, which are shut down last.
    ///
    /// # Errors
    /// [`StoreError::Locked`] where another process has it, [`StoreError::ReadOnly`] where folder or file cannot be
    /// written, [`StoreError::Corrupt`] where the file is damaged or somebody else's, [`StoreError::Failed`] where a newer
    /// version made it.
    pub async fn open(url: &StoreUrl, tasks: &Tasks) -> Result<Self, StoreError> {
        match url {
            StoreUrl::SqliteFile(path) => Self::open_file(path, Lengths::default(), tasks).await,
            StoreUrl::SqliteMemory => {
                tracing::warn!("writes are kept in memory alone: what GHL does not have yet is lost with the process");
                let writer = Writer::start(open::memory().await?, None, tasks);
                Ok(Self { writer, readers: None, emptying: Emptying::default() })
            }
        }
    }

    async fn open_file(path: &Path, log: Lengths, tasks: &Tasks) -> Result<Self, StoreError> {
        let (connection, options, lock) = open::file(path).await?;
        let readers = Some(Readers::new(&options));
        let emptying = Emptying::default();
        let wal = Wal::new(&options, log, emptying.turn());
        let writer = Writer::start(connection, Some((lock, wal)), tasks);
        Ok(Self { writer, readers, emptying })
    }

    /// Looks whether the store could be opened and written, without making or changing anything, and without a word to
    /// a process that has it.
    ///
    /// # Errors
    /// As [`Self::open`], but for [`StoreError::Locked`].
    pub async fn examine(url: &StoreUrl) -> Result<Examined, StoreError> {
        examine::examine(url).await
    }

    /// What the writer did so far.
    #[must_use]
    pub fn report(&self) -> WriterReport {
        let account = &self.writer.account;
        WriterReport {
            commits: account.commits.load(Ordering::Relaxed),
            commands: account.commands.load(Ordering::Relaxed),
            outside: account.outside.load(Ordering::Relaxed),
        }
    }

    /// For tests: gives it a fault, or takes it away.
    ///
    /// # Errors
    /// As every method.
    #[doc(hidden)]
    pub async fn inject(&self, fault: Option<Fault>) -> Result<(), StoreError> {
        self.writer.call(Inject(fault)).await
    }

    async fn read<W: Work>(&self, work: W) -> Result<W::Answer, StoreError> {
        match &self.readers {
            Some(_) if self.writer.is_closed() => Err(StoreError::Closed),
            Some(readers) => readers.call(work).await,
            None => self.writer.call(work).await,
        }
    }

    async fn forget(&self, what: Old, before: Timestamp) -> Result<u64, StoreError> {
        let mut sum = 0;
        loop {
            let gone = self.writer.call(Forget { what, before }).await?;
            sum += gone;
            if gone < u64::from(BATCH) {
                return Ok(sum);
            }
        }
    }
}

impl SqliteStore {
    async fn erase_all(&self, scope: ErasureScope, entry: AuditEntry, now: Timestamp) -> Result<Erasure, StoreError> {
        let (mut so_far, mut cancelled) = (erase::Progress::default(), Vec::new());
        while !so_far.done {
            let step = erase::Erase { scope: scope.clone(), entry: entry.clone(), now, so_far };
            so_far = self.writer.call(step).await?;
            cancelled.append(&mut so_far.cancelled);
        }
        self.empty_journal().await?;
        Ok(Erasure { counts: so_far.counts, cancelled })
    }

    /// So that nothing is left of what was overwritten.
    async fn empty_journal(&self) -> Result<(), StoreError> {
        self.emptying.run(&self.writer).await
    }
}

struct Inject(Option<Fault>);

impl Work for Inject {
    type Answer = ();
    const OUTSIDE: bool = true;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            // A maximum below the present size means the present size (<https://www.sqlite.org/pragma.html>).
            let statement = match self.0 {
                Some(Fault::Full) => "PRAGMA max_page_count = 1",
                Some(Fault::ReadOnly) => "PRAGMA query_only = ON",
                None => "PRAGMA query_only = OFF; PRAGMA max_page_count = 4294967294",
            };
            sqlx::raw_sql(statement).execute(on).await?;
            Ok(())
        })
    }
}

impl OperationStore for SqliteStore {
    fn accept(&self, new: NewOperation, entry: AuditEntry) -> Stored<'_, Accepted> {
        Box::pin(self.writer.call(accept::Accept { new, entry }))
    }

    fn claim(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
        closed: Vec<LocationId>,
    ) -> Stored<'_, Vec<Operation>> {
        Box::pin(self.writer.call(turns::Claim { now, lease_until, limit, closed }))
    }

    fn recover(&self, settles: Timestamp) -> Stored<'_, u64> {
        Box::pin(async move {
            let recovered = self.writer.call(turns::Recover { settles }).await?;
            if recovered.erased {
                self.empty_journal().await?;
            }
            Ok(recovered.operations)
        })
    }

    fn hasten(&self, times: Hasten) -> Stored<'_, u64> {
        Box::pin(self.writer.call(times))
    }

    fn end_attempt(&self, id: OperationId, end: AttemptEnd, entry: AuditEntry, now: Timestamp) -> Stored<'_, bool> {
        Box::pin(async move {
            let ended = self.writer.call(ends::EndAttempt { id, end, entry, now }).await?;
            if ended == ends::Ended::Erased
                && let Err(why) = self.empty_journal().await
            {
                // It is ended and told so; what the journal still holds goes when it is next emptied.
                tracing::warn!(cause = ?why, "what was forgotten is still in the store's journal");
            }
            Ok(ended != ends::Ended::No)
        })
    }

    fn operation(&self, id: OperationId) -> Stored<'_, Option<Operation>> {
        Box::pin(self.read(lists::One(id)))
    }

    fn operations(&self, filter: OperationFilter, before: Option<i64>, limit: u32) -> Stored<'_, Page<Operation>> {
        Box::pin(self.read(lists::List { filter, before, limit }))
    }

    fn claimed_ids(&self, contact: Option<ContactId>, kind: WriteKind, since: Timestamp) -> Stored<'_, Vec<String>> {
        Box::pin(self.read(lists::ClaimedIds { contact, kind, since }))
    }

    fn next_due(&self, closed: Vec<LocationId>) -> Stored<'_, Option<Timestamp>> {
        Box::pin(self.read(lists::NextDue { closed }))
    }

    fn retry(&self, id: OperationId, entry: AuditEntry, now: Timestamp) -> Stored<'_, Changed> {
        Box::pin(self.writer.call(turns::Retry { id, entry, now }))
    }

    fn resolve(&self, id: OperationId, write: Write, entry: AuditEntry, now: Timestamp) -> Stored<'_, Changed> {
        Box::pin(self.writer.call(turns::Resolve { id, write, entry, now }))
    }

    fn cancel(&self, id: OperationId, entry: AuditEntry, now: Timestamp) -> Stored<'_, Changed> {
        Box::pin(self.writer.call(turns::Cancel { id, entry, now }))
    }

    fn reserve(&self, key: Idempotency, now: Timestamp) -> Stored<'_, Reservation> {
        Box::pin(self.writer.call(accept::Reserve { key, now }))
    }

    fn answer(&self, key: Idempotency, answer: Option<serde_json::Value>) -> Stored<'_, ()> {
        Box::pin(self.writer.call(accept::Answer { key, answer }))
    }

    fn append(&self, entry: AuditEntry) -> Stored<'_, ()> {
        Box::pin(self.writer.call(audit::Append(entry)))
    }

    fn audit(&self, filter: AuditFilter, before: Option<i64>, limit: u32) -> Stored<'_, Page<AuditEntry>> {
        Box::pin(self.read(audit::ListAudit { filter, before, limit }))
    }

    fn erase(&self, scope: ErasureScope, entry: AuditEntry, now: Timestamp) -> Stored<'_, Erasure> {
        Box::pin(self.erase_all(scope, entry, now))
    }

    fn depth(&self) -> Stored<'_, Depth> {
        Box::pin(self.read(lists::HowDeep))
    }

    fn prune(&self, operations: Timestamp, keys: Timestamp, audit: Timestamp) -> Stored<'_, u64> {
        Box::pin(async move {
            // Keys first: operations are kept for theirs.
            let mut sum = 0;
            for (what, before) in [(Old::Keys, keys), (Old::Operations, operations), (Old::Audit, audit)] {
                sum += self.forget(what, before).await?;
            }
            Ok(sum)
        })
    }

    fn health(&self) -> Result<(), StoreError> {
        if self.writer.is_closed() {
            return Err(StoreError::Closed);
        }
        self.writer.account.failure().map_or(Ok(()), Err)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(readers) = &self.readers {
                readers.close().await;
            }
            self.writer.close().await;
        })
    }
}

#[cfg(test)]
mod tests;

//! Keeps the write-ahead log from growing for ever.
//!
//! `SQLite` copies it into the file by itself, but begins it anew only at a moment when nobody reads what it holds
//! (<https://www.sqlite.org/wal.html#avoiding_excessively_large_wal_files>). Where readers come without a pause there is no
//! such moment, so one is made: a checkpoint that waits for those who read, while nothing is written.

use sqlx::{Row as _, SqliteConnection};
use std::path::PathBuf;

/// After how many groups of the writer its size is looked at.
const LOOK_EVERY: u32 = 64;

/// After how many groups it is tried again where somebody read for too long.
const AGAIN_AFTER: u32 = 1024;

/// The log of a file.
pub(super) struct Wal {
    path: PathBuf,
    most_bytes: u64,
    groups_left: u32,
}

impl Wal {
    pub(super) const fn new(path: PathBuf, most_bytes: u64) -> Self {
        Self { path, most_bytes, groups_left: LOOK_EVERY }
    }

    /// To be called after each group.
    pub(super) async fn keep_short(&mut self, on: &mut SqliteConnection) {
        self.groups_left = self.groups_left.saturating_sub(1);
        if self.groups_left > 0 {
            return;
        }
        self.groups_left = LOOK_EVERY;
        let bytes = std::fs::metadata(&self.path).map(|file| file.len()).unwrap_or_default();
        if bytes > self.most_bytes && !Self::empty(on).await {
            self.groups_left = AGAIN_AFTER;
            tracing::warn!(bytes, "the store's log cannot be emptied, for somebody reads it all the time");
        }
    }

    async fn empty(on: &mut SqliteConnection) -> bool {
        let answer = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(on).await;
        answer.and_then(|row| row.try_get::<i64, _>(0)).is_ok_and(|busy| busy == 0)
    }
}

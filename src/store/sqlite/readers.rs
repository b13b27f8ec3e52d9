//! Readers beside the writer: in WAL mode they never wait for it, nor it for them.

use super::writer::Work;
use crate::store::StoreError;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{
    fmt,
    sync::{Mutex, PoisonError},
};
use tokio::sync::Semaphore;

/// How many read at once.
const READERS: u32 = 4;

/// A few connections that only read, opened when first needed.
pub(super) struct Readers {
    options: SqliteConnectOptions,
    turns: Semaphore,
    idle: Mutex<Vec<SqliteConnection>>,
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").finish_non_exhaustive()
    }
}

impl Readers {
    /// Readers of the file the options name.
    pub(super) fn new(options: &SqliteConnectOptions) -> Self {
        Self {
            options: options.clone().create_if_missing(false).pragma("query_only", "ON"),
            turns: Semaphore::new(READERS as usize),
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Does it. A connection whose caller hangs up in the middle is not used again.
    pub(super) async fn call<W: Work>(&self, work: W) -> Result<W::Answer, StoreError> {
        let _turn = self.turns.acquire().await.map_err(|_| StoreError::Closed)?;
        let mut connection = match self.take() {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        let answer = work.run(&mut connection).await;
        if answer.is_ok() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        answer
    }

    fn take(&self) -> Option<SqliteConnection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Waits for those who read, lets nobody in any more and closes.
    pub(super) async fn close(&self) {
        let all = self.turns.acquire_many(READERS).await;
        self.turns.close();
        drop(all);
        while let Some(connection) = self.take() {
            if let Err(error) = connection.close().await {
                tracing::debug!(cause = %error, "a reader of the store was not closed cleanly");
            }
        }
    }
}

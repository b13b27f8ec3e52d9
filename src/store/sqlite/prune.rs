//! Forgetting what is old, a little at a time: between two batches others have their turn.

use super::{rows::millis, writer::Work};
use crate::store::StoreError;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use sqlx::SqliteConnection;

/// Rows of one batch: some milliseconds.
pub(super) const BATCH: u32 = 500;

/// What is forgotten.
#[derive(Debug, Clone, Copy)]
pub(super) enum Old {
    Keys,
    Operations,
    Audit,
}

impl Old {
    pub(super) const fn statement(self) -> &'static str {
        match self {
            // Repeated while its operation is still to be done, a request would be done twice: until then its key is kept.
            Self::Keys => {
                "DELETE FROM idempotency_keys WHERE (scope, client_key) IN
                     (SELECT scope, client_key FROM idempotency_keys AS old WHERE created_at < $1
                     AND NOT EXISTS (SELECT 1 FROM operations WHERE id = old.operation
                         AND +state IN ('pending', 'running')) LIMIT $2)"
            }
            // One that a key stands for is kept as long as the key: a repeated request is answered from it.
            Self::Operations => {
                "DELETE FROM operations WHERE seq IN (SELECT seq FROM operations AS old INDEXED BY operations_ended
                     WHERE state IN ('done', 'failed', 'dead', 'cancelled') AND updated_at < $1
                     AND NOT EXISTS (SELECT 1 FROM idempotency_keys WHERE operation = old.id) LIMIT $2)"
            }
            Self::Audit => "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE at < $1 LIMIT $2)",
        }
    }
}

/// One batch. Answers how many rows went.
pub(super) struct Forget {
    pub what: Old,
    pub before: Timestamp,
}

impl Work for Forget {
    type Answer = u64;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move {
            let gone = sqlx::query(self.what.statement()).bind(millis(self.before)).bind(BATCH).execute(on).await?;
            Ok(gone.rows_affected())
        })
    }
}

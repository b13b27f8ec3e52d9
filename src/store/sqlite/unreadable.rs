//! What to do with an operation that this version cannot read: a newer one stored it, or its row is damaged. It fails
//! where everybody can see it; the others go on. Its row stays as it is, for a version that can read it.

use super::{
    rows::{json, millis},
    turns::promote,
};
use crate::{
    domain::problem::{Problem, ProblemKind},
    store::StoreError,
};
use jiff::Timestamp;
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

/// Ends an operation that was claimed and cannot be read. `why` says nothing of what it holds.
pub(super) async fn set_aside(
    on: &mut SqliteConnection,
    row: &SqliteRow,
    why: &StoreError,
    now: Timestamp,
) -> Result<(), StoreError> {
    let seq: i64 = row.try_get("seq")?;
    tracing::error!(seq, cause = ?why, "an operation cannot be read; it fails, and can be retried by who can read it");
    let detail = "This version of the service cannot read the operation. One that can may retry it.";
    sqlx::query(
        "UPDATE operations SET state = 'failed', head = 0, problem_json = $2, updated_at = $3, started_at = NULL,
             lease_until = NULL
         WHERE seq = $1",
    )
    .bind(seq)
    .bind(json(&Problem::new(ProblemKind::Internal, detail))?)
    .bind(millis(now))
    .execute(&mut *on)
    .await?;
    sqlx::query(
        "INSERT INTO audit (at, event, location, contact, operation, requester_key, request_id, outcome)
         SELECT $2, 'attempt', location, contact, id, requester_key, request_id, 'failed' FROM operations
         WHERE seq = $1",
    )
    .bind(seq)
    .bind(millis(now))
    .execute(&mut *on)
    .await?;
    promote(on, row.try_get("order_key")?).await
}

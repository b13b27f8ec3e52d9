//! Whose turn it is: claiming, ending, retrying, taking back.
//!
//! Of each order key's operations that have not ended, exactly one is the head. Only heads are claimed; who ends the head
//! passes its place on to the oldest one left.

use super::{
    audit::append,
    erase::{finish, finish_left},
    rows::{Stored, json, millis, operation, stored},
    unreadable::set_aside,
    writer::Work,
};
use crate::{
    domain::{
        ids::{LocationId, OperationId},
        operation::{AuditEntry, Operation, OperationState},
        write::{Write, WriteKind},
    },
    store::{Changed, Hasten, StoreError},
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

/// Takes those whose lease ran out. The lost attempt may have reached GHL: it counts.
pub(super) const LOST: &str =
    "UPDATE operations SET uncertain_since = coalesce(uncertain_since, started_at), settles_at = lease_until,
         attempts = attempts + 1, started_at = $1, lease_until = $2, updated_at = $1
     WHERE seq IN (SELECT seq FROM operations WHERE state = 'running' AND lease_until <= $1
         AND location NOT IN (SELECT value FROM json_each($4)) ORDER BY lease_until LIMIT $3)
     RETURNING *";

/// The locations that have somebody waiting, found one after the other without a look at those who wait.
macro_rules! places {
    () => {
        "WITH RECURSIVE places(location) AS (
             SELECT min(location) FROM operations INDEXED BY operations_due WHERE head = 1 AND state = 'pending'
             UNION ALL
             SELECT (SELECT min(location) FROM operations INDEXED BY operations_due
                 WHERE head = 1 AND state = 'pending' AND location > places.location)
             FROM places WHERE places.location IS NOT NULL),
         firsts(location, due_at) AS (
             SELECT location, (SELECT min(due_at) FROM operations INDEXED BY operations_due
                 WHERE head = 1 AND state = 'pending' AND location = places.location)
             FROM places WHERE location IS NOT NULL)"
    };
}

/// Takes those whose turn it is, whatever stands behind them: the first few of the few locations that wait longest, and
/// of these the first.
pub(super) const DUE: &str = concat!(
    "UPDATE operations SET state = 'running', started_at = $1, lease_until = $2, updated_at = $1
     WHERE seq IN (",
    places!(),
    " SELECT mine.seq FROM (SELECT location FROM firsts WHERE due_at <= $1
             AND location NOT IN (SELECT value FROM json_each($4)) ORDER BY due_at LIMIT $3) AS open
         CROSS JOIN operations AS mine ON mine.seq IN (SELECT seq FROM operations AS due INDEXED BY operations_due
             WHERE due.head = 1 AND due.state = 'pending' AND due.location = open.location AND due.due_at <= $1
             ORDER BY due.due_at, due.seq LIMIT $3)
         ORDER BY mine.due_at, mine.seq LIMIT $3)
     RETURNING *"
);

/// When the next of those whose turn it is, is due.
pub(super) const NEXT_DUE: &str =
    concat!(places!(), " SELECT min(due_at) FROM firsts WHERE location NOT IN (SELECT value FROM json_each($1))");

/// [`OperationStore::claim`](crate::store::OperationStore::claim)
pub(super) struct Claim {
    pub now: Timestamp,
    pub lease_until: Timestamp,
    pub limit: u32,
    pub closed: Vec<LocationId>,
}

impl Claim {
    async fn take(
        &self,
        on: &mut SqliteConnection,
        statement: &'static str,
        limit: usize,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let closed: Vec<&str> = self.closed.iter().map(LocationId::as_str).collect();
        Ok(sqlx::query(statement)
            .bind(millis(self.now))
            .bind(millis(self.lease_until))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .bind(json(&closed)?)
            .fetch_all(on)
            .await?)
    }
}

impl Work for Claim {
    type Answer = Vec<Operation>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Vec<Operation>, StoreError>> {
        Box::pin(async move {
            let limit = self.limit as usize;
            let mut rows = self.take(on, LOST, limit).await?;
            rows.extend(self.take(on, DUE, limit.saturating_sub(rows.len())).await?);
            let mut claimed = Vec::with_capacity(rows.len());
            for row in &rows {
                match operation(row) {
                    // Only one that was lost can be.
                    Ok(operation) if operation.erased_at.is_some() => finish(on, operation.seq, self.now).await?,
                    Ok(operation) => claimed.push(operation),
                    Err(why) => set_aside(on, row, &why, self.now).await?,
                }
            }
            claimed.sort_by_key(|operation| (operation.due_at, operation.seq));
            Ok(claimed)
        })
    }
}

/// [`OperationStore::recover`](crate::store::OperationStore::recover)
pub(super) struct Recover {
    pub settles: Timestamp,
}

/// What was left under way.
pub(super) struct Recovered {
    pub operations: u64,
    /// Whether some of it was to be forgotten.
    pub erased: bool,
}

impl Work for Recover {
    type Answer = Recovered;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Recovered, StoreError>> {
        Box::pin(async move {
            // Whoever was to answer for these keys is gone as well.
            sqlx::query(
                "DELETE FROM idempotency_keys WHERE operation IS NULL AND answer_json IS NULL AND erased_at IS NULL",
            )
            .execute(&mut *on)
            .await?;
            let erased = finish_left(on).await?;
            let recovered = sqlx::query(
                "UPDATE operations SET state = 'pending', uncertain_since = coalesce(uncertain_since, started_at),
                     settles_at = $1, due_at = max(due_at, $1), attempts = attempts + 1, started_at = NULL,
                     lease_until = NULL
                 WHERE state = 'running'",
            )
            .bind(millis(self.settles))
            .execute(on)
            .await?;
            Ok(Recovered { operations: recovered.rows_affected(), erased })
        })
    }
}

impl Work for Hasten {
    type Answer = u64;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move {
            let hastened = sqlx::query(
                "UPDATE operations SET due_at = iif(due_at > $2, $3, due_at),
                     settles_at = iif(settles_at > $2, $3, settles_at),
                     uncertain_since = iif(uncertain_since > $1, $4, uncertain_since)
                 WHERE state = 'pending' AND (due_at > $2 OR uncertain_since > $1)",
            )
            .bind(millis(self.now))
            .bind(millis(self.latest))
            .bind(millis(self.settles))
            .bind(millis(self.since))
            .execute(on)
            .await?;
            Ok(hastened.rows_affected())
        })
    }
}

/// An operation by its id.
pub(super) async fn find(on: &mut SqliteConnection, id: &OperationId) -> Result<Option<Stored>, StoreError> {
    let row = sqlx::query("SELECT * FROM operations WHERE id = $1").bind(id.as_str()).fetch_optional(on).await?;
    row.as_ref().map(stored).transpose()
}

/// Makes the oldest open operation of a key that has no head the head.
pub(super) const PROMOTE: &str = "UPDATE operations SET head = 1 WHERE seq =
     (SELECT min(seq) FROM operations WHERE order_key = $1 AND state IN ('pending', 'running'))";

/// Does that.
pub(super) async fn promote(on: &mut SqliteConnection, order_key: &str) -> Result<(), StoreError> {
    sqlx::query(PROMOTE).bind(order_key).execute(on).await?;
    Ok(())
}

/// Whether it was a source's whose record does not wait for it any more.
async fn is_superseded(on: &mut SqliteConnection, operation: &Operation) -> Result<bool, StoreError> {
    if !operation.requester.is_source() {
        return Ok(false);
    }
    let waits: bool = sqlx::query_scalar(AWAITED).bind(operation.id.as_str()).fetch_one(on).await?;
    Ok(!waits)
}

pub(super) const AWAITED: &str = "SELECT EXISTS (SELECT 1 FROM source_records
     INDEXED BY source_records_by_operation WHERE operation = $1)";

/// [`OperationStore::retry`](crate::store::OperationStore::retry)
pub(super) struct Retry {
    pub id: OperationId,
    pub entry: AuditEntry,
    pub now: Timestamp,
}

impl Work for Retry {
    type Answer = Changed;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Changed, StoreError>> {
        Box::pin(async move {
            let Some(found) = find(on, &self.id).await? else { return Ok(Changed::Unknown) };
            let retriable = matches!(found.operation.state, OperationState::Failed | OperationState::Dead);
            if !retriable || found.operation.erased_at.is_some() {
                return Ok(Changed::No(found.operation));
            }
            if is_superseded(on, &found.operation).await? {
                return Ok(Changed::Superseded(found.operation));
            }
            let head = displace(on, &found.operation.order_key, found.operation.seq).await?;
            let row = sqlx::query(
                "UPDATE operations SET state = 'pending', head = $2, attempts = 0, due_at = $3, updated_at = $3
                 WHERE seq = $1 RETURNING *",
            )
            .bind(found.operation.seq)
            .bind(i64::from(head))
            .bind(millis(self.now))
            .fetch_one(&mut *on)
            .await?;
            append(on, &self.entry).await?;
            Ok(Changed::Yes(operation(&row)?))
        })
    }
}

/// [`OperationStore::resolve`](crate::store::OperationStore::resolve)
pub(super) struct Resolve {
    pub id: OperationId,
    /// A change of the contact that was chosen.
    pub write: Write,
    pub entry: AuditEntry,
    pub now: Timestamp,
}

impl Work for Resolve {
    type Answer = Changed;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Changed, StoreError>> {
        Box::pin(async move {
            let Some(found) = find(on, &self.id).await? else { return Ok(Changed::Unknown) };
            let Operation { seq, location, state, write, erased_at, .. } = &found.operation;
            let open = *state == OperationState::Failed && write.kind() == WriteKind::UpsertContact;
            if !open || erased_at.is_some() {
                return Ok(Changed::No(found.operation));
            }
            if is_superseded(on, &found.operation).await? {
                return Ok(Changed::Superseded(found.operation));
            }
            // From now on it waits behind what is to be done to that contact.
            let order_key = self.write.order_key(location, self.id.as_str());
            let head = displace(on, &order_key, *seq).await?;
            let row = sqlx::query(
                "UPDATE operations SET state = 'pending', head = $2, attempts = 0, due_at = $3, updated_at = $3, kind = $4,
                     write_json = $5, contact = $6, order_key = $7, problem_json = NULL, uncertain_since = NULL,
                     settles_at = NULL
                 WHERE seq = $1 RETURNING *",
            )
            .bind(seq)
            .bind(i64::from(head))
            .bind(millis(self.now))
            .bind(self.write.kind().as_str())
            .bind(json(&self.write)?)
            .bind(self.write.contact().map(AsRef::<str>::as_ref))
            .bind(order_key)
            .fetch_one(&mut *on)
            .await?;
            append(on, &self.entry).await?;
            Ok(Changed::Yes(operation(&row)?))
        })
    }
}

/// Whether an operation that is to be open again becomes the head: unless the present one is older, or under way. Then it
/// comes next.
async fn displace(on: &mut SqliteConnection, order_key: &str, again: i64) -> Result<bool, StoreError> {
    let head = sqlx::query("SELECT seq, state FROM operations WHERE order_key = $1 AND head = 1")
        .bind(order_key)
        .fetch_optional(&mut *on)
        .await?;
    let Some(head) = head else { return Ok(true) };
    let seq: i64 = head.try_get("seq")?;
    if seq < again || head.try_get::<&str, _>("state")? == OperationState::Running.as_str() {
        return Ok(false);
    }
    sqlx::query("UPDATE operations SET head = 0 WHERE seq = $1").bind(seq).execute(on).await?;
    Ok(true)
}

/// [`OperationStore::cancel`](crate::store::OperationStore::cancel)
pub(super) struct Cancel {
    pub id: OperationId,
    pub entry: AuditEntry,
    pub now: Timestamp,
}

impl Work for Cancel {
    type Answer = Changed;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Changed, StoreError>> {
        Box::pin(async move {
            let Some(found) = find(on, &self.id).await? else { return Ok(Changed::Unknown) };
            let known = found.operation.uncertain_since.is_none();
            if found.operation.state != OperationState::Pending || !known {
                return Ok(Changed::No(found.operation));
            }
            let row = sqlx::query(
                "UPDATE operations SET state = 'cancelled', head = 0, updated_at = $2 WHERE seq = $1 RETURNING *",
            )
            .bind(found.operation.seq)
            .bind(millis(self.now))
            .fetch_one(&mut *on)
            .await?;
            if found.head {
                promote(on, &found.operation.order_key).await?;
            }
            append(on, &self.entry).await?;
            Ok(Changed::Yes(operation(&row)?))
        })
    }
}

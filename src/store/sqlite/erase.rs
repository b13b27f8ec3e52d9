//! Forgetting what rows say of people, and keeping the rows: ids, kinds, times and states stay, and no position of the log
//! is left empty. A little at a time, as with what is old; the step that finds nothing more writes the log's entry, and
//! from then on nothing that was begun before is kept (see [`erased_since`]).
//!
//! What is deleted is overwritten, as every connection says `secure_delete`; what the journal still holds of it goes when
//! that is emptied (`journal`).

use super::{
    audit::append,
    prune::BATCH,
    rows::{json, millis, time},
    turns::promote,
    writer::Work,
};
use crate::{
    domain::{
        erasure::{Erased, ErasureScope},
        ids::OperationId,
        operation::{AuditEntry, OperationState},
        write::Write,
    },
    store::StoreError,
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, sqlite::SqliteRow};

/// Entries of the log that one step looks at: most have nothing to forget.
const ENTRIES: u32 = 4 * BATCH;

/// One step of [`OperationStore::erase`](crate::store::OperationStore::erase).
pub(super) struct Erase {
    pub scope: ErasureScope,
    /// What the log will say; its payload has the counts.
    pub entry: AuditEntry,
    pub now: Timestamp,
    pub so_far: Progress,
}

/// How far it has come.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress {
    pub counts: Erased,
    /// Those that this step cancelled.
    pub cancelled: Vec<OperationId>,
    pub done: bool,
    /// Of a location: the last operation and entry that were looked at. A contact has few and is looked at as a whole,
    /// for an operation may become its own only at its end.
    after_operation: i64,
    after_entry: i64,
    /// The same of keys, which are ordered by scope and then by what the client said.
    after_key: Option<(String, String)>,
}

impl Work for Erase {
    type Answer = Progress;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Progress, StoreError>> {
        Box::pin(async move {
            let mut next = Progress { cancelled: Vec::new(), ..self.so_far.clone() };
            let mut full = self.operations(on, &mut next).await?;
            full |= self.log(on, &mut next).await?;
            full |= self.answers(on, &mut next).await?;
            if !full {
                let payload = payload(self.entry.payload.as_ref(), &next.counts);
                append(on, &AuditEntry { payload: Some(payload), ..self.entry.clone() }).await?;
                next.done = true;
            }
            Ok(next)
        })
    }
}

impl Erase {
    fn contact(&self) -> Option<&str> {
        self.scope.contact.as_ref().map(AsRef::as_ref)
    }

    /// Whether there may be more.
    async fn operations(&self, on: &mut SqliteConnection, next: &mut Progress) -> Result<bool, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM operations WHERE erased_at IS NULL");
        match self.contact() {
            // A contact has few: the plus sign keeps another index away.
            Some(contact) => {
                query.push(" AND contact = ").push_bind(contact).push(" AND +location = ");
                query.push_bind(self.scope.location.as_str());
            }
            None => {
                query.push(" AND location = ").push_bind(self.scope.location.as_str());
                query.push(" AND seq > ").push_bind(next.after_operation);
            }
        }
        query.push(" ORDER BY seq LIMIT ").push_bind(BATCH);
        let rows = query.build().fetch_all(&mut *on).await?;
        for row in &rows {
            self.operation(on, row, next).await?;
            next.after_operation = row.try_get("seq")?;
        }
        Ok(rows.len() >= BATCH as usize)
    }

    async fn operation(
        &self,
        on: &mut SqliteConnection,
        row: &SqliteRow,
        next: &mut Progress,
    ) -> Result<(), StoreError> {
        let seq: i64 = row.try_get("seq")?;
        let state = OperationState::parse(row.try_get("state")?);
        if state == Some(OperationState::Running) {
            // What it says is being told to GHL at this moment: it goes when that ends.
            let marked = "UPDATE operations SET erased_at = $2 WHERE seq = $1";
            sqlx::query(marked).bind(seq).bind(millis(self.now)).execute(on).await?;
            next.counts.operations.running += 1;
            return Ok(());
        }
        if state == Some(OperationState::Pending) {
            cancel(on, row, Some(&self.entry), self.now).await?;
            next.counts.operations.cancelled += 1;
            next.cancelled.extend(OperationId::parse(row.try_get("id")?));
        }
        let gone = blank(on, row, self.now).await?;
        next.counts.operations.erased += 1;
        next.counts.idempotency_keys += gone.idempotency_keys;
        next.counts.audit_payloads += gone.audit_payloads;
        Ok(())
    }

    async fn log(&self, on: &mut SqliteConnection, next: &mut Progress) -> Result<bool, StoreError> {
        let location = self.scope.location.as_str();
        if let Some(contact) = self.contact() {
            let statement = "UPDATE audit SET payload_json = NULL
                 WHERE contact = $1 AND +location = $2 AND payload_json IS NOT NULL AND event <> 'erased'";
            let gone = sqlx::query(statement).bind(contact).bind(location).execute(on).await?;
            next.counts.audit_payloads += gone.rows_affected();
            return Ok(false);
        }
        let looked_at: Vec<i64> =
            sqlx::query_scalar("SELECT seq FROM audit WHERE location = $1 AND seq > $2 ORDER BY seq LIMIT $3")
                .bind(location)
                .bind(next.after_entry)
                .bind(ENTRIES)
                .fetch_all(&mut *on)
                .await?;
        let Some(last) = looked_at.last() else { return Ok(false) };
        let statement = "UPDATE audit SET payload_json = NULL WHERE location = $1 AND seq > $2 AND seq <= $3
             AND payload_json IS NOT NULL AND event <> 'erased'";
        let gone = sqlx::query(statement).bind(location).bind(next.after_entry).bind(last).execute(on).await?;
        next.counts.audit_payloads += gone.rows_affected();
        next.after_entry = *last;
        Ok(looked_at.len() >= ENTRIES as usize)
    }

    /// Answers that are kept under keys of requests that were no single operation.
    async fn answers(&self, on: &mut SqliteConnection, next: &mut Progress) -> Result<bool, StoreError> {
        // A scope is a location's id and a colon, which no id holds, and then whose key it is.
        let location = self.scope.location.as_str();
        let (from, to) = (format!("{location}:"), format!("{location};"));
        if let Some(contact) = self.contact() {
            let statement = "UPDATE idempotency_keys SET answer_json = NULL, erased_at = $4, fingerprint = zeroblob(32)
                 WHERE contact = $1 AND answer_json IS NOT NULL AND +scope >= $2 AND +scope < $3";
            let query = sqlx::query(statement).bind(contact).bind(&from).bind(&to).bind(millis(self.now));
            next.counts.idempotency_keys += query.execute(on).await?.rows_affected();
            return Ok(false);
        }
        let (scope, key) = next.after_key.clone().unwrap_or((from, String::new()));
        let looked_at: Vec<(String, String)> = sqlx::query_as(
            "SELECT scope, client_key FROM idempotency_keys WHERE (scope, client_key) > ($1, $2) AND scope < $3
             ORDER BY scope, client_key LIMIT $4",
        )
        .bind(&scope)
        .bind(&key)
        .bind(&to)
        .bind(ENTRIES)
        .fetch_all(&mut *on)
        .await?;
        let Some((last_scope, last_key)) = looked_at.last() else { return Ok(false) };
        let gone = sqlx::query(
            "UPDATE idempotency_keys SET answer_json = NULL, erased_at = $5, fingerprint = zeroblob(32)
             WHERE (scope, client_key) > ($1, $2) AND (scope, client_key) <= ($3, $4) AND answer_json IS NOT NULL",
        )
        .bind(scope)
        .bind(key)
        .bind(last_scope)
        .bind(last_key)
        .bind(millis(self.now))
        .execute(on)
        .await?;
        next.counts.idempotency_keys += gone.rows_affected();
        let more = looked_at.len() >= ENTRIES as usize;
        next.after_key = looked_at.into_iter().next_back();
        Ok(more)
    }
}

/// What the log says of an erasure: what was counted elsewhere, and here.
fn payload(elsewhere: Option<&Value>, counts: &Erased) -> Value {
    let mut payload = elsewhere.and_then(Value::as_object).cloned().unwrap_or_else(Map::new);
    payload.insert("operations".into(), serde_json::to_value(counts.operations).unwrap_or_default());
    payload.insert("idempotencyKeys".into(), counts.idempotency_keys.into());
    payload.insert("auditPayloads".into(), counts.audit_payloads.into());
    Value::Object(payload)
}

/// Ends an operation that is not to be tried any more. The log names whoever had its content forgotten, or where that was
/// earlier, who had asked for it.
async fn cancel(
    on: &mut SqliteConnection,
    row: &SqliteRow,
    by: Option<&AuditEntry>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (key, request_id) = match by {
        Some(entry) => (entry.key.clone(), entry.request_id.clone()),
        None => (row.try_get("requester_key")?, row.try_get("request_id")?),
    };
    let seq: i64 = row.try_get("seq")?;
    // Not as the row was read: cancelling another may have made it the head.
    let head: i64 =
        sqlx::query_scalar("SELECT head FROM operations WHERE seq = $1").bind(seq).fetch_one(&mut *on).await?;
    sqlx::query(
        "UPDATE operations SET state = 'cancelled', head = 0, updated_at = $2, started_at = NULL, lease_until = NULL
         WHERE seq = $1",
    )
    .bind(seq)
    .bind(millis(now))
    .execute(&mut *on)
    .await?;
    if head == 1 {
        promote(on, row.try_get("order_key")?).await?;
    }
    sqlx::query(
        "INSERT INTO audit (at, event, location, contact, operation, kind, requester_key, request_id, outcome)
         SELECT $2, 'cancelled', location, contact, id, kind, $3, $4, 'cancelled' FROM operations WHERE seq = $1",
    )
    .bind(seq)
    .bind(millis(now))
    .bind(key)
    .bind(request_id)
    .execute(on)
    .await?;
    Ok(())
}

/// Rows beside an operation's own whose content went.
struct Beside {
    idempotency_keys: u64,
    audit_payloads: u64,
}

/// Leaves of an operation what says nothing of a person.
async fn blank(on: &mut SqliteConnection, row: &SqliteRow, now: Timestamp) -> Result<Beside, StoreError> {
    let (id, location): (&str, &str) = (row.try_get("id")?, row.try_get("location")?);
    // One that this version cannot read loses all of it.
    let write = serde_json::from_str::<Write>(row.try_get("write_json")?);
    let write = write.map_or_else(|_| Ok("{}".to_owned()), |write| json(&write.without_content()))?;
    sqlx::query(
        "UPDATE operations SET write_json = $2, written_json = NULL, problem_json = NULL, client_key = NULL,
             order_key = $3, erased_at = $4
         WHERE seq = $1",
    )
    .bind(row.try_get::<i64, _>("seq")?)
    .bind(write)
    // That of a contact to be made is its e-mail address or phone.
    .bind(format!("{location}/{id}"))
    .bind(millis(now))
    .execute(&mut *on)
    .await?;
    let keys = "UPDATE idempotency_keys SET fingerprint = zeroblob(32), answer_json = NULL, erased_at = $2
         WHERE operation = $1";
    let keys = sqlx::query(keys).bind(id).bind(millis(now)).execute(&mut *on).await?;
    let payloads = "UPDATE audit SET payload_json = NULL WHERE operation = $1 AND payload_json IS NOT NULL";
    let payloads = sqlx::query(payloads).bind(id).execute(on).await?;
    Ok(Beside { idempotency_keys: keys.rows_affected(), audit_payloads: payloads.rows_affected() })
}

/// Whether a contact, or its location, was forgotten at or after a time.
pub(super) async fn erased_since(
    on: &mut SqliteConnection,
    location: &str,
    contact: &str,
    since: i64,
) -> Result<bool, StoreError> {
    let question =
        "SELECT EXISTS (SELECT 1 FROM audit INDEXED BY audit_erasures WHERE event = 'erased' AND location = $1
         AND contact = $2 AND at >= $3) OR EXISTS (SELECT 1 FROM audit INDEXED BY audit_erasures WHERE event = 'erased'
         AND location = $1 AND contact IS NULL AND at >= $3)";
    let erased: bool = sqlx::query_scalar(question).bind(location).bind(contact).bind(since).fetch_one(on).await?;
    Ok(erased)
}

/// An operation whose content was to be forgotten when its attempt ends, after that end: it is never tried again.
pub(super) async fn finish(on: &mut SqliteConnection, seq: i64, now: Timestamp) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT * FROM operations WHERE seq = $1").bind(seq).fetch_one(&mut *on).await?;
    let ended = OperationState::parse(row.try_get("state")?).is_some_and(OperationState::ended);
    if !ended {
        cancel(on, &row, None, now).await?;
    }
    blank(on, &row, now).await?;
    Ok(())
}

/// Finishes those that were under way in a process that has ended. Says whether there were any.
pub(super) async fn finish_left(on: &mut SqliteConnection) -> Result<bool, StoreError> {
    let question = "SELECT seq, erased_at FROM operations WHERE state = 'running' AND erased_at IS NOT NULL";
    let left: Vec<(i64, i64)> = sqlx::query_as(question).fetch_all(&mut *on).await?;
    for (seq, erased_at) in &left {
        finish(on, *seq, time(*erased_at)?).await?;
    }
    Ok(!left.is_empty())
}

//! Taking operations and idempotency keys in. The key's row decides, in the transaction that stores what it stands for.

use super::{
    audit::append,
    erase::erased_since,
    fault::damaged,
    rows::{json, millis, of_json, operation, time},
    writer::Work,
};
use crate::{
    domain::operation::{AuditEntry, Idempotency, NewOperation, Operation, OperationState},
    store::{Accepted, Reservation, StoreError},
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;
use sqlx::{Row as _, SqliteConnection};

/// [`OperationStore::accept`](crate::store::OperationStore::accept)
pub(super) struct Accept {
    pub new: NewOperation,
    pub entry: AuditEntry,
}

impl Work for Accept {
    type Answer = Accepted;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Accepted, StoreError>> {
        Box::pin(async move {
            if let Some(key) = &self.new.idempotency
                && !take_key(on, key, Some(self.new.id.as_str()), self.new.created_at).await?
            {
                return before(on, key).await;
            }
            let operation = insert(on, &self.new).await?;
            append(on, &self.entry).await?;
            Ok(Accepted::New(operation))
        })
    }
}

/// Whether the key was new; it is then taken.
async fn take_key(
    on: &mut SqliteConnection,
    key: &Idempotency,
    operation: Option<&str>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let taken = sqlx::query(
        "INSERT INTO idempotency_keys (scope, client_key, fingerprint, operation, created_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (scope, client_key) DO NOTHING",
    )
    .bind(&key.scope)
    .bind(&key.key)
    .bind(key.fingerprint.as_slice())
    .bind(operation)
    .bind(millis(now))
    .execute(on)
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// What a key that was taken stands for.
struct Taken {
    same_request: bool,
    erased: bool,
    operation: Option<String>,
    answer: Option<String>,
}

async fn taken(on: &mut SqliteConnection, key: &Idempotency) -> Result<Taken, StoreError> {
    let row = sqlx::query(
        "SELECT fingerprint, operation, answer_json, erased_at FROM idempotency_keys WHERE scope = $1 AND client_key = $2",
    )
    .bind(&key.scope)
    .bind(&key.key)
    .fetch_one(on)
    .await?;
    Ok(Taken {
        same_request: row.try_get::<&[u8], _>("fingerprint")? == key.fingerprint.as_slice(),
        erased: row.try_get::<Option<i64>, _>("erased_at")?.is_some(),
        operation: row.try_get("operation")?,
        answer: row.try_get("answer_json")?,
    })
}

async fn before(on: &mut SqliteConnection, key: &Idempotency) -> Result<Accepted, StoreError> {
    let taken = taken(on, key).await?;
    // Of one that was forgotten it is not known any more what the request said; that it came is.
    let Some(id) = taken.operation.filter(|_| taken.same_request || taken.erased) else {
        return Ok(Accepted::KeyReused);
    };
    let row = sqlx::query("SELECT * FROM operations WHERE id = $1").bind(id).fetch_optional(on).await?;
    // Pruning spares what a key stands for.
    Ok(Accepted::Before(operation(&row.ok_or_else(|| damaged("operation for its key"))?)?))
}

async fn insert(on: &mut SqliteConnection, new: &NewOperation) -> Result<Operation, StoreError> {
    let order_key = new.write.order_key(&new.location, new.id.as_str());
    let created_at = millis(new.created_at);
    let contact = new.write.contact().cloned();
    let client_key = new.idempotency.as_ref().map(|key| key.key.clone());
    let row = sqlx::query(
        "INSERT INTO operations (id, location, contact, kind, write_json, order_key, state, head, requester_key,
             request_id, client_key, created_at, updated_at, due_at, attempts)
         VALUES ($1, $2, $3, $4, $5, $6, 'pending',
             CASE WHEN EXISTS (SELECT 1 FROM operations WHERE order_key = $6 AND head = 1) THEN 0 ELSE 1 END,
             $7, $8, $9, $10, $10, $10, 0)
         RETURNING seq",
    )
    .bind(new.id.as_str())
    .bind(new.location.as_str())
    .bind(contact.as_ref().map(AsRef::<str>::as_ref))
    .bind(new.write.kind().as_str())
    .bind(json(&new.write)?)
    .bind(&order_key)
    .bind(&new.requester.key)
    .bind(&new.requester.request_id)
    .bind(&client_key)
    .bind(created_at)
    .fetch_one(on)
    .await?;
    let at = time(created_at)?;
    Ok(Operation {
        id: new.id.clone(),
        seq: row.try_get("seq")?,
        location: new.location.clone(),
        contact,
        write: new.write.clone(),
        order_key,
        state: OperationState::Pending,
        requester: new.requester.clone(),
        idempotency_key: client_key,
        created_at: at,
        updated_at: at,
        due_at: at,
        attempts: 0,
        uncertain_since: None,
        settles_at: None,
        written: None,
        problem: None,
        erased_at: None,
    })
}

/// [`OperationStore::reserve`](crate::store::OperationStore::reserve)
pub(super) struct Reserve {
    pub key: Idempotency,
    pub now: Timestamp,
}

impl Work for Reserve {
    type Answer = Reservation;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Reservation, StoreError>> {
        Box::pin(async move {
            if take_key(on, &self.key, None, self.now).await? {
                return Ok(Reservation::New);
            }
            let taken = taken(on, &self.key).await?;
            if taken.erased && taken.operation.is_none() {
                return Ok(Reservation::Erased);
            }
            if !taken.same_request || taken.operation.is_some() {
                return Ok(Reservation::KeyReused);
            }
            taken.answer.map_or(Ok(Reservation::UnderWay), |text| Ok(Reservation::Answered(of_json(&text, "answer")?)))
        })
    }
}

/// [`OperationStore::answer`](crate::store::OperationStore::answer)
pub(super) struct Answer {
    pub key: Idempotency,
    pub answer: Option<Value>,
}

impl Answer {
    async fn keep(&self, on: &mut SqliteConnection, answer: &Value) -> Result<(), StoreError> {
        let contact = answer.get("contactId").and_then(Value::as_str);
        let erased_at = match contact {
            Some(contact) => self.erased_at(on, contact).await?,
            None => None,
        };
        sqlx::query(
            "UPDATE idempotency_keys SET answer_json = $4, contact = $5, erased_at = $6,
                 fingerprint = iif($6 IS NULL, fingerprint, zeroblob(32))
             WHERE scope = $1 AND client_key = $2 AND fingerprint = $3 AND operation IS NULL",
        )
        .bind(&self.key.scope)
        .bind(&self.key.key)
        .bind(self.key.fingerprint.as_slice())
        .bind(if erased_at.is_none() { Some(json(answer)?) } else { None })
        .bind(contact)
        .bind(erased_at)
        .execute(on)
        .await?;
        Ok(())
    }

    /// When the request began, if the contact that it is about was forgotten since.
    async fn erased_at(&self, on: &mut SqliteConnection, contact: &str) -> Result<Option<i64>, StoreError> {
        let question = "SELECT created_at FROM idempotency_keys WHERE scope = $1 AND client_key = $2";
        let began: Option<i64> =
            sqlx::query_scalar(question).bind(&self.key.scope).bind(&self.key.key).fetch_optional(&mut *on).await?;
        let location = self.key.scope.split(':').next().unwrap_or_default();
        match began {
            Some(began) if erased_since(on, location, contact, began).await? => Ok(Some(began)),
            _ => Ok(None),
        }
    }

    async fn give_back(&self, on: &mut SqliteConnection) -> Result<(), StoreError> {
        sqlx::query(
            "DELETE FROM idempotency_keys WHERE scope = $1 AND client_key = $2 AND fingerprint = $3
                 AND operation IS NULL AND answer_json IS NULL",
        )
        .bind(&self.key.scope)
        .bind(&self.key.key)
        .bind(self.key.fingerprint.as_slice())
        .execute(on)
        .await?;
        Ok(())
    }
}

impl Work for Answer {
    type Answer = ();

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            match &self.answer {
                Some(answer) => self.keep(on, answer).await,
                None => self.give_back(on).await,
            }
        })
    }
}

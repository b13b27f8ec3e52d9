//! Forgetting what sources said of a contact or a location. Records go; events stay, without what they said and without the
//! names of the records they tell of. A little at a time: between two steps others have their turn.
//!
//! A record goes in one transaction with what its events said, so whoever laid one of them over it meanwhile is found out
//! by the event (`lay`), and whoever was carrying it out by the record (`step`).

use super::{lanes::keep_lane, rows::key};
use crate::{
    domain::{
        erasure::ErasureScope,
        source::{RecordKey, RecordKind, SourceEventKind},
    },
    store::{
        StoreError,
        sqlite::{
            prune::BATCH,
            rows::{json, millis},
            writer::Work,
        },
    },
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

/// Events that one step looks at.
const EVENTS: u32 = 4 * BATCH;

/// Records that one step forgets, each with its events.
const RECORDS: u32 = BATCH / 4;

/// What an event loses. One that has no fate has one now: there is nothing left to carry out.
const BLANK: &str =
    "UPDATE source_events SET body = NULL, external_id = NULL, contact_external_id = NULL, record_kind = NULL,
     record_id = NULL, detail = iif(stage IS NULL, NULL, 'forgotten by request'), erased_at = $1,
     fate = iif(stage IS NULL, fate, 'ignored'), fate_at = iif(stage IS NULL, fate_at, $1), stage = NULL
     WHERE erased_at IS NULL";

/// One step of [`SourceStore::forget_sources`](crate::store::SourceStore::forget_sources)
pub(super) struct Forget {
    pub scope: ErasureScope,
    pub now: Timestamp,
    pub so_far: Progress,
}

/// How far it has come.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress {
    pub forgotten: u64,
    pub done: bool,
    /// Of a location: the last event that was looked at, and whether all were.
    after_event: i64,
    events_done: bool,
}

impl Work for Forget {
    type Answer = Progress;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Progress, StoreError>> {
        Box::pin(async move {
            let mut next = self.so_far.clone();
            // Events first: whatever is laid over a record later than that is newer than this request.
            if self.scope.contact.is_none() && !next.events_done {
                self.events(on, &mut next).await?;
                return Ok(next);
            }
            let rows = self.records(on).await?;
            next.done = rows.len() < RECORDS as usize;
            for row in &rows {
                next.forgotten += self.record(on, row).await?;
            }
            Ok(next)
        })
    }
}

impl Forget {
    async fn events(&self, on: &mut SqliteConnection, next: &mut Progress) -> Result<(), StoreError> {
        let location = self.scope.location.as_str();
        let looked_at: Vec<i64> =
            sqlx::query_scalar("SELECT seq FROM source_events WHERE location = $1 AND seq > $2 ORDER BY seq LIMIT $3")
                .bind(location)
                .bind(next.after_event)
                .bind(EVENTS)
                .fetch_all(&mut *on)
                .await?;
        next.events_done = looked_at.len() < EVENTS as usize;
        let Some(last) = looked_at.last() else { return Ok(()) };
        let bodies =
            "SELECT count(*) FROM source_events WHERE location = $1 AND seq > $2 AND seq <= $3 AND body IS NOT NULL";
        let query = sqlx::query_scalar::<_, i64>(bodies).bind(location).bind(next.after_event).bind(last);
        next.forgotten += query.fetch_one(&mut *on).await?.unsigned_abs();
        let statement = format!("{BLANK} AND location = $2 AND seq > $3 AND seq <= $4");
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(millis(self.now))
            .bind(location)
            .bind(next.after_event)
            .bind(last)
            .execute(on)
            .await?;
        next.after_event = *last;
        Ok(())
    }

    /// The next records to go. Of a contact: those that stand at it in GHL or did last, and those that the source says are its own. It
    /// goes last itself, for by it the others are found.
    async fn records(&self, on: &mut SqliteConnection) -> Result<Vec<SqliteRow>, StoreError> {
        let location = self.scope.location.as_str();
        let Some(contact) = &self.scope.contact else {
            let all = "SELECT source, kind, id, lane_kind, lane_id FROM source_records WHERE location = $1 LIMIT $2";
            return Ok(sqlx::query(all).bind(location).bind(RECORDS).fetch_all(on).await?);
        };
        let theirs = "SELECT source, kind, id, lane_kind, lane_id FROM source_records
             WHERE +location = $1 AND rowid IN (
                 SELECT rowid FROM source_records WHERE last_contact = $3
                 UNION
                 SELECT theirs.rowid FROM source_records AS own CROSS JOIN source_records AS theirs
                     INDEXED BY source_records_by_lane
                     ON theirs.source = own.source AND theirs.lane_kind = 'contact' AND theirs.lane_id = own.id
                 WHERE own.last_contact = $3 AND own.kind = 'contact')
             ORDER BY kind = 'contact' LIMIT $2";
        Ok(sqlx::query(theirs).bind(location).bind(RECORDS).bind(contact.as_str()).fetch_all(on).await?)
    }

    /// Says how much went: itself, and bodies of events.
    async fn record(&self, on: &mut SqliteConnection, row: &SqliteRow) -> Result<u64, StoreError> {
        let bodies = match key(row) {
            Ok(key) => self.events_of(on, &key).await?,
            // Its events cannot be told without its key; it goes all the same.
            Err(_) => 0,
        };
        let (source, kind, id): (&str, &str, &str) = (row.try_get("source")?, row.try_get("kind")?, row.try_get("id")?);
        sqlx::query("DELETE FROM source_records WHERE source = $1 AND kind = $2 AND id = $3")
            .bind(source)
            .bind(kind)
            .bind(id)
            .execute(&mut *on)
            .await?;
        keep_lane(on, source, row.try_get("lane_kind")?, row.try_get("lane_id")?).await?;
        Ok(bodies + 1)
    }

    /// What was told of a record, and of a contact also what was told of its tasks and notes.
    async fn events_of(&self, on: &mut SqliteConnection, of: &RecordKey) -> Result<u64, StoreError> {
        let kinds: Vec<&str> =
            SourceEventKind::ALL.iter().filter(|kind| tells_of(**kind) == of.kind).map(|kind| kind.as_str()).collect();
        let theirs = "seq IN (
             SELECT seq FROM source_events WHERE source = $2 AND record_kind = $3 AND record_id = $4
             UNION
             SELECT seq FROM source_events WHERE external_id = $4 AND +source = $2
                 AND (kind IS NULL OR kind IN (SELECT value FROM json_each($5)))
             UNION
             SELECT seq FROM source_events WHERE contact_external_id = $4 AND +source = $2 AND $3 = 'contact')";
        let count = format!("SELECT count(*) FROM source_events WHERE $1 = $1 AND body IS NOT NULL AND {theirs}");
        let blank = format!("{BLANK} AND {theirs}");
        let kinds = json(&kinds)?;
        let bodies: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(count))
            .bind(millis(self.now))
            .bind(of.source.as_str())
            .bind(of.kind.as_str())
            .bind(of.id.as_str())
            .bind(&kinds)
            .fetch_one(&mut *on)
            .await?;
        sqlx::query(sqlx::AssertSqlSafe(blank))
            .bind(millis(self.now))
            .bind(of.source.as_str())
            .bind(of.kind.as_str())
            .bind(of.id.as_str())
            .bind(&kinds)
            .execute(on)
            .await?;
        Ok(bodies.unsigned_abs())
    }
}

/// Which kind of record an event's own id is of.
pub(super) const fn tells_of(kind: SourceEventKind) -> RecordKind {
    match kind {
        SourceEventKind::TaskCreated
        | SourceEventKind::TaskUpdated
        | SourceEventKind::TaskCompleted
        | SourceEventKind::TaskDeleted => RecordKind::Task,
        SourceEventKind::NoteAdded => RecordKind::Note,
        SourceEventKind::ContactCreated
        | SourceEventKind::ContactUpdated
        | SourceEventKind::ContactDeleted
        | SourceEventKind::TagsAdded
        | SourceEventKind::TagsRemoved
        | SourceEventKind::FormSubmitted => RecordKind::Contact,
    }
}

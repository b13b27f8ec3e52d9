//! Lanes: which are due, and the records in one.

use super::rows::{key, lane, lane_key, record};
use crate::{
    domain::source::{RecordKey, RecordKind, SourceName, SourceRecord},
    store::{
        Lane, StoreError,
        sqlite::{
            rows::{json, millis, time},
            writer::Work,
        },
    },
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use sqlx::{SqliteConnection, sqlite::SqliteRow};

/// The most records of a lane that are read at once. What is left over is due still, and found by the next turn.
const MAX_RECORDS: u32 = 500;

/// Of each source, the first few lanes that are due; of all of these, the first few. However many wait in a source or in a
/// lane, they cost nothing: sources are found one after the other without a look at their lanes, and a lane is one row.
pub(in crate::store::sqlite) const LANES: &str = "WITH RECURSIVE sources(source) AS (
         SELECT min(source) FROM source_lanes INDEXED BY source_lanes_due
         UNION ALL
         SELECT (SELECT min(source) FROM source_lanes INDEXED BY source_lanes_due WHERE source > sources.source)
         FROM sources WHERE sources.source IS NOT NULL)
     SELECT mine.source, mine.kind, mine.id, mine.due_at
     FROM (SELECT source FROM sources WHERE source IS NOT NULL
         AND source NOT IN (SELECT value FROM json_each($4))) AS open
     CROSS JOIN source_lanes AS mine ON mine.rowid IN (
         SELECT due.rowid FROM source_lanes AS due INDEXED BY source_lanes_due
         WHERE due.source = open.source AND due.due_at <= $1
             AND due.rowid NOT IN (SELECT held.rowid FROM json_each($3) AS hand
                 CROSS JOIN source_lanes AS held ON held.source = hand.value ->> 0 AND held.kind = hand.value ->> 1
                     AND held.id = hand.value ->> 2)
         ORDER BY due.due_at, due.rowid LIMIT $2)
     ORDER BY mine.due_at, mine.rowid LIMIT $2";

async fn due(
    on: &mut SqliteConnection,
    until: i64,
    limit: u32,
    in_hand: &[Lane],
    busy: &[SourceName],
) -> Result<Vec<SqliteRow>, StoreError> {
    let in_hand: Vec<_> = in_hand.iter().filter_map(lane_key).collect();
    Ok(sqlx::query(LANES).bind(until).bind(limit).bind(json(&in_hand)?).bind(json(&busy)?).fetch_all(on).await?)
}

/// [`SourceStore::due_lanes`](crate::store::SourceStore::due_lanes)
pub(super) struct Due {
    pub now: Timestamp,
    pub limit: u32,
    pub in_hand: Vec<Lane>,
    pub busy: Vec<SourceName>,
}

impl Work for Due {
    type Answer = Vec<Lane>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Vec<Lane>, StoreError>> {
        Box::pin(async move {
            let rows = due(on, millis(self.now), self.limit, &self.in_hand, &self.busy).await?;
            let told = |why: &StoreError| tracing::error!(cause = ?why, "records of a source cannot be carried out");
            Ok(rows.iter().filter_map(|row| lane(row).inspect_err(told).ok()).collect())
        })
    }
}

/// [`SourceStore::next_lane_due`](crate::store::SourceStore::next_lane_due)
pub(super) struct NextDue {
    pub in_hand: Vec<Lane>,
    pub busy: Vec<SourceName>,
}

impl Work for NextDue {
    type Answer = Option<Timestamp>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Option<Timestamp>, StoreError>> {
        Box::pin(async move {
            let rows = due(on, i64::MAX, 1, &self.in_hand, &self.busy).await?;
            rows.first().map(|row| time(sqlx::Row::try_get(row, "due_at")?)).transpose()
        })
    }
}

/// The records of a lane.
pub(super) struct Records {
    pub lane: Lane,
    pub now: Timestamp,
}

/// Those of them that can be read, and the others.
pub(super) struct Found {
    pub records: Vec<SourceRecord>,
    pub unreadable: Vec<RecordKey>,
}

/// Those that are due, or have waited long enough; the longest due first. What waits still costs nothing: its contact
/// wakes it.
pub(in crate::store::sqlite) const OPEN: &str = "SELECT * FROM source_records INDEXED BY source_records_due
     WHERE source = $1 AND lane_kind = $2 AND lane_id = $3 AND status IN ('due', 'waiting') AND due_at <= $4
         AND kind <> 'contact'
     ORDER BY due_at LIMIT $5";

impl Work for Records {
    type Answer = Found;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Found, StoreError>> {
        Box::pin(async move {
            let mut found = Found { records: Vec::new(), unreadable: Vec::new() };
            let Some((source, kind, id)) = lane_key(&self.lane) else { return Ok(found) };
            let contact = "SELECT * FROM source_records WHERE source = $1 AND kind = $2 AND id = $3";
            let contact = sqlx::query(contact)
                .bind(source)
                .bind(RecordKind::Contact.as_str())
                .bind(self.lane.contact.as_ref().map(AsRef::<str>::as_ref))
                .fetch_optional(&mut *on)
                .await?;
            found.take(contact.as_slice())?;
            let first = found.records.len();
            let query = sqlx::query(OPEN).bind(source).bind(kind).bind(id).bind(millis(self.now)).bind(MAX_RECORDS);
            found.take(&query.fetch_all(&mut *on).await?)?;
            found.records[first..].sort_by_key(|record| record.merged_seq);
            Ok(found)
        })
    }
}

impl Found {
    fn take(&mut self, rows: &[SqliteRow]) -> Result<(), StoreError> {
        for row in rows {
            match record(row) {
                Ok(record) => self.records.push(record),
                Err(why) => {
                    let key = key(row)?;
                    tracing::error!(source = %key.source, kind = key.kind.as_str(), cause = ?why, "a record of a source cannot be read; it fails");
                    self.unreadable.push(key);
                }
            }
        }
        Ok(())
    }
}

/// When the next record of a lane is due.
pub(in crate::store::sqlite) const FIRST_DUE: &str =
    "SELECT min(due_at) FROM source_records INDEXED BY source_records_due
     WHERE source = $1 AND lane_kind = $2 AND lane_id = $3 AND status IN ('due', 'waiting')";

/// Notes when something in a lane is due next, after its records were changed.
pub(super) async fn keep_lane(on: &mut SqliteConnection, source: &str, kind: &str, id: &str) -> Result<(), StoreError> {
    let first: Option<i64> = sqlx::query_scalar(FIRST_DUE).bind(source).bind(kind).bind(id).fetch_one(&mut *on).await?;
    let statement = match first {
        Some(_) => {
            "INSERT INTO source_lanes (source, kind, id, due_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (source, kind, id) DO UPDATE SET due_at = excluded.due_at"
        }
        None => "DELETE FROM source_lanes WHERE source = $1 AND kind = $2 AND id = $3",
    };
    let query = sqlx::query(statement).bind(source).bind(kind).bind(id);
    match first {
        Some(due_at) => query.bind(due_at).execute(on).await?,
        None => query.execute(on).await?,
    };
    Ok(())
}

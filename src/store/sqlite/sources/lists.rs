//! What is asked of events and records without changing them.

use super::rows::{EVENT, event, external, moment, record, source};
use crate::{
    domain::{
        ids::{ContactId, LocationId},
        source::{
            ExternalId, ListedEvent, RecordCounts, RecordKey, RecordKind, SourceEventFilter, SourceEventId, SourceFate,
            SourceName, SourceRecord,
        },
    },
    store::{
        Page, SourceCounts, StoreError,
        sqlite::{
            fault::damaged,
            lists::{among, page, page_size},
            rows::{json, millis},
            writer::Work,
        },
    },
};
use futures_util::future::BoxFuture;
use sqlx::{AssertSqlSafe, QueryBuilder, Row as _, Sqlite, SqliteConnection, sqlite::SqliteRow};
use std::collections::BTreeMap;

/// [`SourceStore::records`](crate::store::SourceStore::records)
pub(super) struct Records(pub Vec<RecordKey>);

pub(in crate::store::sqlite) const RECORDS: &str = "SELECT known.* FROM json_each($1) AS asked
     CROSS JOIN source_records AS known ON known.source = asked.value ->> 0 AND known.kind = asked.value ->> 1
         AND known.id = asked.value ->> 2";

impl Work for Records {
    type Answer = Vec<SourceRecord>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Vec<SourceRecord>, StoreError>> {
        Box::pin(async move {
            let keys: Vec<_> =
                self.0.iter().map(|key| (key.source.as_str(), key.kind.as_str(), key.id.as_str())).collect();
            let rows = sqlx::query(RECORDS).bind(json(&keys)?).fetch_all(on).await?;
            rows.iter().map(record).collect()
        })
    }
}

/// [`SourceStore::source_events`](crate::store::SourceStore::source_events)
pub(super) struct Events {
    pub filter: SourceEventFilter,
    pub before: Option<i64>,
    pub limit: u32,
}

impl Work for Events {
    type Answer = Page<ListedEvent>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Page<ListedEvent>, StoreError>> {
        Box::pin(async move {
            let limit = page_size(self.limit);
            let mut query = list(&self.filter, self.before, limit);
            page(query.build().fetch(on), limit, &["detail", "operations_json"], event).await
        })
    }
}

/// The question for a page, and for one more. What narrows it most is sought by an index: a record has few events, and few
/// wait or have failed. With a plus sign no index is sought for the others.
pub(in crate::store::sqlite) fn list(
    filter: &SourceEventFilter,
    before: Option<i64>,
    limit: u32,
) -> QueryBuilder<Sqlite> {
    let few = |fate: &SourceFate| !matches!(fate, SourceFate::Applied | SourceFate::Ignored);
    let by_fate = filter.external_id.is_none() && matches!(filter.fates.as_slice(), [fate] if few(fate));
    let by_source = !by_fate && filter.external_id.is_none() && filter.source.is_some();
    let by_location = !by_fate && filter.external_id.is_none() && !by_source;
    let column = |name: &'static str, plus: &'static str, sought: bool| if sought { name } else { plus };
    let mut query = QueryBuilder::new(format!("SELECT {EVENT} FROM source_events WHERE 1 = 1"));
    if let Some(locations) = &filter.locations {
        let location = column("location", "+location", by_location);
        among(&mut query, location, locations.iter().map(AsRef::as_ref));
    }
    if let Some(source) = &filter.source {
        among(&mut query, column("source", "+source", by_source), std::iter::once(source.as_str()));
    }
    if let Some(kind) = filter.kind {
        query.push(" AND kind = ").push_bind(kind.as_str());
    }
    if !filter.fates.is_empty() {
        among(&mut query, column("fate", "+fate", by_fate), filter.fates.iter().map(|fate| fate.as_str()));
    }
    if let Some(id) = &filter.external_id {
        query.push(" AND seq IN (SELECT seq FROM source_events WHERE external_id = ").push_bind(id.to_string());
        query.push(" UNION SELECT seq FROM source_events WHERE contact_external_id = ");
        query.push_bind(id.to_string()).push(")");
    }
    if let Some(since) = filter.since {
        query.push(" AND +received_at >= ").push_bind(millis(since));
    }
    if let Some(until) = filter.until {
        query.push(" AND +received_at < ").push_bind(millis(until));
    }
    if let Some(before) = before {
        query.push(" AND seq < ").push_bind(before);
    }
    query.push(" ORDER BY seq DESC LIMIT ").push_bind(limit + 1);
    query
}

/// [`SourceStore::source_event`](crate::store::SourceStore::source_event)
pub(super) struct One {
    pub source: SourceName,
    pub id: SourceEventId,
}

impl Work for One {
    type Answer = Option<ListedEvent>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Option<ListedEvent>, StoreError>> {
        Box::pin(async move {
            let question = format!("SELECT {EVENT} FROM source_events WHERE source = $1 AND event_id = $2");
            let query = sqlx::query(AssertSqlSafe(question)).bind(self.source.as_str()).bind(self.id.as_str());
            query.fetch_optional(on).await?.as_ref().map(event).transpose()
        })
    }
}

/// [`SourceStore::record_ids`](crate::store::SourceStore::record_ids)
pub(super) struct Ids {
    pub source: SourceName,
    pub kind: RecordKind,
    pub after: Option<ExternalId>,
    pub limit: u32,
}

impl Work for Ids {
    type Answer = Vec<ExternalId>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Vec<ExternalId>, StoreError>> {
        Box::pin(async move {
            // No id is empty.
            let after = self.after.as_ref().map_or("", ExternalId::as_str);
            let ids: Vec<String> = sqlx::query_scalar(
                "SELECT id FROM source_records WHERE source = $1 AND kind = $2 AND id > $3 AND deleted = 0
                 ORDER BY id LIMIT $4",
            )
            .bind(self.source.as_str())
            .bind(self.kind.as_str())
            .bind(after)
            .bind(self.limit)
            .fetch_all(on)
            .await?;
            ids.iter().map(|id| external(id)).collect()
        })
    }
}

/// [`SourceStore::source_counts`](crate::store::SourceStore::source_counts)
pub(super) struct Counts;

/// When the oldest event without a fate arrived, and the last one of all.
pub(in crate::store::sqlite) const TIMES: &str = "SELECT
     (SELECT min(received_at) FROM source_events INDEXED BY source_events_open WHERE source = $1 AND stage IS NOT NULL)
         AS oldest,
     (SELECT max(received_at) FROM source_events INDEXED BY source_events_by_time WHERE source = $1) AS last";

impl Work for Counts {
    type Answer = Vec<SourceCounts>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Vec<SourceCounts>, StoreError>> {
        Box::pin(async move {
            let mut found = BTreeMap::new();
            for row in sqlx::query("SELECT source, fate, number FROM source_event_counts").fetch_all(&mut *on).await? {
                let counts = of(&mut found, &row)?;
                let number = number(&row)?;
                match SourceFate::parse(row.try_get("fate")?).ok_or_else(|| damaged("fate"))? {
                    SourceFate::Pending => counts.pending = number,
                    SourceFate::Waiting => counts.waiting = number,
                    SourceFate::Failed => counts.failed = number,
                    SourceFate::Applied | SourceFate::Ignored => {}
                }
            }
            let records = "SELECT source, kind, count(*) AS number FROM source_records GROUP BY source, kind";
            for row in sqlx::query(records).fetch_all(&mut *on).await? {
                let RecordCounts { contacts, tasks, notes } = &mut of(&mut found, &row)?.records;
                let number = number(&row)?;
                match RecordKind::parse(row.try_get("kind")?).ok_or_else(|| damaged("kind"))? {
                    RecordKind::Contact => *contacts = number,
                    RecordKind::Task => *tasks = number,
                    RecordKind::Note => *notes = number,
                }
            }
            for counts in found.values_mut() {
                let row = sqlx::query(TIMES).bind(counts.source.as_str()).fetch_one(&mut *on).await?;
                counts.oldest_pending_at = moment(&row, "oldest")?;
                counts.last_received_at = moment(&row, "last")?;
            }
            Ok(found.into_values().collect())
        })
    }
}

fn number(row: &SqliteRow) -> Result<u64, StoreError> {
    u64::try_from(row.try_get::<i64, _>("number")?).map_err(|_| damaged("number"))
}

/// The counts of the source that a row is of.
fn of<'a>(
    found: &'a mut BTreeMap<SourceName, SourceCounts>,
    row: &SqliteRow,
) -> Result<&'a mut SourceCounts, StoreError> {
    let source = source(row.try_get("source")?)?;
    Ok(found.entry(source.clone()).or_insert_with(|| SourceCounts {
        source,
        pending: 0,
        waiting: 0,
        failed: 0,
        oldest_pending_at: None,
        last_received_at: None,
        records: RecordCounts::default(),
    }))
}

/// [`SourceStore::is_shared`](crate::store::SourceStore::is_shared)
pub(super) struct Shared {
    pub record: RecordKey,
    pub location: LocationId,
    pub contact: ContactId,
}

pub(in crate::store::sqlite) const SHARED: &str = "SELECT EXISTS (SELECT 1 FROM source_records
         INDEXED BY source_records_by_contact
     WHERE ghl_contact = $1 AND location = $2 AND kind = 'contact' AND NOT deleted AND NOT (source = $3 AND id = $4))";

impl Work for Shared {
    type Answer = bool;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let shared = sqlx::query_scalar(SHARED)
                .bind(self.contact.as_str())
                .bind(self.location.as_str())
                .bind(self.record.source.as_str())
                .bind(self.record.id.as_str());
            Ok(shared.fetch_one(on).await?)
        })
    }
}

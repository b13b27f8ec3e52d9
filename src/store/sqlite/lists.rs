//! What is asked of operations without changing them.

use super::{
    fault::damaged,
    rows::{json, millis, operation, time},
    turns::NEXT_DUE,
    writer::Work,
};
use crate::{
    domain::{
        ids::{ContactId, LocationId, OperationId},
        operation::{Operation, OperationFilter, OperationState},
        write::WriteKind,
    },
    store::{Depth, Page, StoreError},
};
use futures_util::{TryStreamExt as _, future::BoxFuture, stream::BoxStream};
use jiff::Timestamp;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, sqlite::SqliteRow};

/// The most a page holds, whatever is asked.
const MAX_PAGE: u32 = 1000;
/// A page ends with the row that makes it as large as this, whatever was asked.
const MAX_PAGE_BYTES: usize = 2 * 1024 * 1024;

/// When the oldest that has not ended was accepted. `SQLite` by itself would go through all of them.
pub(super) const OLDEST_OPEN: &str = "SELECT min(created_at) FROM operations INDEXED BY operations_waiting_since
     WHERE state IN ('pending', 'running')";

/// How many entries a page holds that was asked to hold so many.
pub(super) fn page_size(asked: u32) -> u32 {
    asked.clamp(1, MAX_PAGE)
}

/// A page of rows, of which one more than it holds can be read, to know whether another follows. A row that cannot be
/// read (a newer version stored it) is passed over: it must not hide the others. `heavy` are the columns of no bounded
/// size.
pub(super) async fn page<T>(
    mut rows: BoxStream<'_, Result<SqliteRow, sqlx::Error>>,
    limit: u32,
    heavy: &[&str],
    read: impl Fn(&SqliteRow) -> Result<T, StoreError>,
) -> Result<Page<T>, StoreError> {
    let mut page = Page { items: Vec::new(), next: None };
    let (mut seen, mut bytes, mut last) = (0, 0, None);
    while let Some(row) = rows.try_next().await? {
        if seen == limit || bytes >= MAX_PAGE_BYTES {
            page.next = last;
            break;
        }
        (seen, last) = (seen + 1, Some(row.try_get("seq")?));
        for column in heavy {
            bytes += row.try_get::<Option<&str>, _>(*column)?.map_or(0, str::len);
        }
        page.items.extend(read(&row).inspect_err(|why| tracing::warn!(cause = ?why, "a row is not listed")).ok());
    }
    Ok(page)
}

/// Adds that a column is one of these. One of none is nothing.
pub(super) fn among<'a>(query: &mut QueryBuilder<Sqlite>, column: &str, words: impl Iterator<Item = &'a str>) {
    let words: Vec<&str> = words.collect();
    match words.as_slice() {
        [] => {
            query.push(" AND 1 = 0");
        }
        // Not `IN`: by equality the index gives the order, too.
        [one] => {
            query.push(" AND ").push(column).push(" = ").push_bind((*one).to_owned());
        }
        many => {
            query.push(" AND ").push(column).push(" IN (");
            let mut list = query.separated(", ");
            for word in many {
                list.push_bind((*word).to_owned());
            }
            query.push(")");
        }
    }
}

/// [`OperationStore::operation`](crate::store::OperationStore::operation)
pub(super) struct One(pub OperationId);

impl Work for One {
    type Answer = Option<Operation>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Option<Operation>, StoreError>> {
        Box::pin(async move {
            let row =
                sqlx::query("SELECT * FROM operations WHERE id = $1").bind(self.0.as_str()).fetch_optional(on).await?;
            row.as_ref().map(operation).transpose()
        })
    }
}

/// [`OperationStore::operations`](crate::store::OperationStore::operations)
pub(super) struct List {
    pub filter: OperationFilter,
    pub before: Option<i64>,
    pub limit: u32,
}

impl Work for List {
    type Answer = Page<Operation>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Page<Operation>, StoreError>> {
        Box::pin(async move {
            let limit = page_size(self.limit);
            let mut query = list(&self.filter, self.before, limit);
            page(query.build().fetch(on), limit, &["write_json", "written_json", "problem_json"], operation).await
        })
    }
}

/// The question for a page, and for one more.
pub(super) fn list(filter: &OperationFilter, before: Option<i64>, limit: u32) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT * FROM operations WHERE 1 = 1");
    // A contact has few, a location or state may have all: with a plus sign no index is sought for the others.
    let (location, state) = if filter.contact.is_some() { ("+location", "+state") } else { ("location", "state") };
    if let Some(locations) = &filter.locations {
        among(&mut query, location, locations.iter().map(AsRef::as_ref));
    }
    if let Some(contact) = &filter.contact {
        query.push(" AND contact = ").push_bind(contact.to_string());
    }
    if !filter.states.is_empty() {
        among(&mut query, state, filter.states.iter().map(|state| state.as_str()));
    }
    if let Some(kind) = filter.kind {
        query.push(" AND kind = ").push_bind(kind.as_str());
    }
    if let Some(before) = before {
        query.push(" AND seq < ").push_bind(before);
    }
    query.push(" ORDER BY seq DESC LIMIT ").push_bind(limit + 1);
    query
}

/// [`OperationStore::claimed_ids`](crate::store::OperationStore::claimed_ids)
pub(super) struct ClaimedIds {
    pub contact: Option<ContactId>,
    pub kind: WriteKind,
    pub since: Timestamp,
}

impl Work for ClaimedIds {
    type Answer = Vec<String>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        Box::pin(async move {
            // One that makes a contact names none, but has one once it is done: then every contact counts.
            let mut query = QueryBuilder::new("SELECT written_id FROM operations WHERE written_id IS NOT NULL");
            let (kind, since) = (self.kind.as_str(), millis(self.since));
            if let Some(contact) = &self.contact {
                query.push(" AND contact = ").push_bind(contact.to_string());
                // A contact has few: the plus signs keep other indexes away.
                query.push(" AND +kind = ").push_bind(kind).push(" AND +updated_at >= ").push_bind(since);
            } else {
                query.push(" AND kind = ").push_bind(kind).push(" AND updated_at >= ").push_bind(since);
            }
            Ok(query.build_query_scalar().fetch_all(on).await?)
        })
    }
}

/// [`OperationStore::next_due`](crate::store::OperationStore::next_due)
pub(super) struct NextDue {
    pub closed: Vec<LocationId>,
}

impl Work for NextDue {
    type Answer = Option<Timestamp>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Option<Timestamp>, StoreError>> {
        Box::pin(async move {
            let closed: Vec<&str> = self.closed.iter().map(LocationId::as_str).collect();
            let due: Option<i64> = sqlx::query_scalar(NEXT_DUE).bind(json(&closed)?).fetch_one(on).await?;
            due.map(time).transpose()
        })
    }
}

/// [`OperationStore::depth`](crate::store::OperationStore::depth)
pub(super) struct HowDeep;

impl Work for HowDeep {
    type Answer = Depth;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Depth, StoreError>> {
        Box::pin(async move {
            let counts = sqlx::query("SELECT state, count(*) AS number FROM operations GROUP BY state")
                .fetch_all(&mut *on)
                .await?;
            let by_state = counts.iter().map(|row| {
                let state = OperationState::parse(row.try_get("state")?).ok_or_else(|| damaged("state"))?;
                let number = u64::try_from(row.try_get::<i64, _>("number")?).map_err(|_| damaged("number"))?;
                Ok::<_, StoreError>((state, number))
            });
            let by_state = by_state.collect::<Result<Vec<_>, _>>()?;
            let oldest: Option<i64> = sqlx::query_scalar(OLDEST_OPEN).fetch_one(on).await?;
            Ok(Depth { by_state, oldest_open: oldest.map(time).transpose()? })
        })
    }
}

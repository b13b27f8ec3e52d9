//! What is asked of the inbox without changing it.

use super::rows::{COLUMNS, event, pending};
use crate::{
    domain::{
        ids::{ContactId, LocationId, WebhookId},
        operation::Operation,
        webhook::{EventFilter, WebhookEvent},
    },
    store::{
        InboxDepth, Page, PendingEvent, StoreError,
        sqlite::{
            fault::damaged,
            lists::{among, page, page_size},
            rows::{json, millis, operation, time},
            writer::Work,
        },
    },
};
use futures_util::{TryStreamExt as _, future::BoxFuture, stream::BoxStream};
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, QueryBuilder, Row as _, SqliteConnection, sqlite::SqliteRow};

/// What is read of events at once ends with the one that makes it as large as this.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Most writes of ours that are compared with a batch of events.
const MAX_WRITES: u32 = 2048;

/// Pending events.
#[derive(Default)]
pub(super) struct Found {
    pub events: Vec<PendingEvent>,
    /// Positions of those that cannot be read: a newer version stored them, or they are damaged.
    pub unreadable: Vec<i64>,
    /// Whether others may be left.
    pub more: bool,
}

/// Events with their bodies, of rows that are at most `limit`.
pub(super) async fn with_bodies(
    mut rows: BoxStream<'_, Result<SqliteRow, sqlx::Error>>,
    limit: u32,
) -> Result<Found, StoreError> {
    let (mut found, mut seen, mut bytes) = (Found::default(), 0, 0);
    while let Some(row) = rows.try_next().await? {
        seen += 1;
        match pending(&row) {
            Ok(event) => {
                bytes += event.body.len();
                found.events.push(event);
            }
            Err(why) => {
                let seq: i64 = row.try_get("seq")?;
                tracing::error!(seq, cause = ?why, "an event cannot be read; it fails, and who can read it can replay it");
                found.unreadable.push(seq);
            }
        }
        found.more = seen == limit || bytes >= MAX_BYTES;
        if found.more {
            break;
        }
    }
    Ok(found)
}

pub(super) struct Arrived {
    pub limit: u32,
}

impl Work for Arrived {
    type Answer = Found;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Found, StoreError>> {
        Box::pin(async move {
            let question = format!("SELECT {COLUMNS}, body FROM inbox WHERE stage = 0 ORDER BY seq LIMIT $1");
            with_bodies(sqlx::query(AssertSqlSafe(question)).bind(self.limit).fetch(on), self.limit).await
        })
    }
}

/// Those of these locations that something here tells of besides the inbox.
pub(super) struct LocationsKnown(pub Vec<LocationId>);

impl Work for LocationsKnown {
    type Answer = Vec<LocationId>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Vec<LocationId>, StoreError>> {
        Box::pin(async move {
            let known: Vec<String> = sqlx::query_scalar(
                "SELECT value FROM json_each($1) WHERE EXISTS (SELECT 1 FROM operations WHERE location = value)
                     OR EXISTS (SELECT 1 FROM audit WHERE location = value)",
            )
            .bind(json(&self.0)?)
            .fetch_all(on)
            .await?;
            Ok(known.iter().filter_map(|id| LocationId::parse(id).ok()).collect())
        })
    }
}

pub(super) struct OwnWrites {
    pub contacts: Vec<ContactId>,
    pub since: Timestamp,
}

impl Work for OwnWrites {
    type Answer = Vec<Operation>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Vec<Operation>, StoreError>> {
        Box::pin(async move {
            let contacts: Vec<&str> = self.contacts.iter().map(ContactId::as_str).collect();
            // A contact has few: the plus signs keep other indexes away. Newest first, if there should be too many.
            let rows = sqlx::query(
                "SELECT * FROM operations WHERE contact IN (SELECT value FROM json_each($1))
                     AND (+state IN ('pending', 'running') OR (+state = 'done' AND +updated_at >= $2))
                 UNION ALL
                 SELECT * FROM operations WHERE state = 'running' AND contact IS NULL
                 ORDER BY seq DESC LIMIT $3",
            )
            .bind(json(&contacts)?)
            .bind(millis(self.since))
            .bind(MAX_WRITES)
            .fetch_all(on)
            .await?;
            // One that cannot be read is no reason not to apply an event.
            Ok(rows.iter().filter_map(|row| operation(row).ok()).collect())
        })
    }
}

pub(super) struct Events {
    pub filter: EventFilter,
    pub before: Option<i64>,
    pub limit: u32,
}

impl Work for Events {
    type Answer = Page<WebhookEvent>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Page<WebhookEvent>, StoreError>> {
        Box::pin(async move {
            let filter = &self.filter;
            let mut query = QueryBuilder::new(format!("SELECT {COLUMNS} FROM inbox WHERE 1 = 1"));
            // A contact has few, a location may have all.
            let location = if filter.contact.is_some() { "+location" } else { "location" };
            if let Some(locations) = &filter.locations {
                among(&mut query, location, locations.iter().map(AsRef::as_ref));
            }
            if let Some(contact) = &filter.contact {
                query.push(" AND contact = ").push_bind(contact.to_string());
            }
            if let Some(kind) = &filter.kind {
                query.push(" AND type = ").push_bind(kind.clone());
            }
            if !filter.fates.is_empty() {
                among(&mut query, "fate", filter.fates.iter().map(|fate| fate.as_str()));
            }
            if let Some(since) = filter.since {
                query.push(" AND received_at >= ").push_bind(millis(since));
            }
            if let Some(until) = filter.until {
                query.push(" AND received_at < ").push_bind(millis(until));
            }
            if let Some(before) = self.before {
                query.push(" AND seq < ").push_bind(before);
            }
            let limit = page_size(self.limit);
            query.push(" ORDER BY seq DESC LIMIT ").push_bind(limit + 1);
            page(query.build().fetch(on), limit, &["detail"], event).await
        })
    }
}

pub(super) struct One(pub WebhookId);

impl Work for One {
    type Answer = Option<WebhookEvent>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Option<WebhookEvent>, StoreError>> {
        Box::pin(async move {
            let question = format!("SELECT {COLUMNS} FROM inbox WHERE webhook_id = $1");
            let row = sqlx::query(AssertSqlSafe(question)).bind(self.0.as_str()).fetch_optional(on).await?;
            row.as_ref().map(event).transpose()
        })
    }
}

pub(super) struct Deep;

impl Work for Deep {
    type Answer = InboxDepth;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<InboxDepth, StoreError>> {
        Box::pin(async move {
            // Each part by its own index: together they would be sought among all events.
            let row = sqlx::query(
                "SELECT (SELECT count(*) FROM inbox WHERE stage = 0) + (SELECT count(*) FROM inbox WHERE stage = 1)
                     AS pending,
                     (SELECT received_at FROM inbox WHERE stage = 0 ORDER BY seq LIMIT 1) AS arrived,
                     (SELECT min(received_at) FROM inbox WHERE stage = 1) AS waiting",
            )
            .fetch_one(on)
            .await?;
            let oldest = ["arrived", "waiting"].map(|column| super::moment(&row, column));
            let [arrived, waiting] = oldest;
            let oldest = [arrived?, waiting?].into_iter().flatten().min();
            let pending = u64::try_from(row.try_get::<i64, _>("pending")?).map_err(|_| damaged("number"))?;
            Ok(InboxDepth { pending, oldest })
        })
    }
}

pub(super) struct LastReceived;

impl Work for LastReceived {
    type Answer = Vec<(LocationId, Timestamp)>;

    fn run<'a>(
        &'a self,
        on: &'a mut SqliteConnection,
    ) -> BoxFuture<'a, Result<Vec<(LocationId, Timestamp)>, StoreError>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT location, received_at FROM inbox
                 WHERE seq IN (SELECT max(seq) FROM inbox WHERE location IS NOT NULL GROUP BY location)",
            )
            .fetch_all(on)
            .await?;
            let read = |row: &SqliteRow| {
                let location = LocationId::parse(row.try_get("location")?).map_err(|_| damaged("location"))?;
                Ok((location, time(row.try_get("received_at")?)?))
            };
            // One that cannot be read must not hide those of the other locations.
            let told = |why: &StoreError| tracing::warn!(cause = ?why, "an event is passed over");
            Ok(rows.iter().filter_map(|row| read(row).inspect_err(told).ok()).collect())
        })
    }
}

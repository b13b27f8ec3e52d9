//! Taking events in, and what is asked of those that just arrived.

use super::{
    forget::tells_of,
    rows::{EVENT, event, pending},
};
use crate::{
    domain::source::{NewSourceEvent, RecordKind, SourceEventId, SourceFate, SourceName},
    store::{
        ArrivedSourceEvents, ReplayedSource, StoreError, TakenIn,
        sqlite::{fault::damaged, prune::BATCH, rows::millis, writer::Work},
    },
};
use futures_util::{TryStreamExt as _, future::BoxFuture};
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};
use std::collections::BTreeSet;

/// What is read of events at once ends with the one that makes it as large as this.
const MAX_BYTES: usize = 4 * 1024 * 1024;

pub(in crate::store::sqlite) const FORGET: &str = "DELETE FROM source_events WHERE seq IN
     (SELECT seq FROM source_events INDEXED BY source_events_ended WHERE stage IS NULL AND fate_at < $1 LIMIT $2)";

pub(in crate::store::sqlite) const DROP_BODIES: &str = "UPDATE source_events SET body = NULL WHERE seq IN
     (SELECT seq FROM source_events INDEXED BY source_events_bodies
      WHERE stage IS NULL AND body IS NOT NULL AND fate <> 'failed' AND fate_at < $1 LIMIT $2)";

/// How many events of a source have no fate, and how many wait for their contact.
pub(in crate::store::sqlite) const OPEN: &str = "SELECT coalesce(sum(number) FILTER (WHERE fate = 'pending'), 0),
         coalesce(sum(number) FILTER (WHERE fate = 'waiting'), 0)
     FROM source_event_counts WHERE source = $1 AND fate IN ('pending', 'waiting')";

/// Whether an event may come to wait for a contact. One that tells of a contact is what others wait for.
fn may_wait(event: &NewSourceEvent) -> bool {
    event.fate.is_none() && event.kind.is_none_or(|kind| tells_of(kind) != RecordKind::Contact)
}

/// [`SourceStore::take_in`](crate::store::SourceStore::take_in)
pub(super) struct TakeIn {
    pub events: Vec<NewSourceEvent>,
    pub most: u64,
}

impl Work for TakeIn {
    type Answer = TakenIn;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<TakenIn, StoreError>> {
        Box::pin(async move {
            let sources: BTreeSet<&SourceName> = self.events.iter().map(|event| &event.source).collect();
            for source in sources {
                let (pending, waiting): (i64, i64) =
                    sqlx::query_as(OPEN).bind(source.as_str()).fetch_one(&mut *on).await?;
                let fills =
                    |number: i64| u64::try_from(number).map_err(|_| damaged("number")).map(|open| open >= self.most);
                let waits = self.events.iter().any(|event| event.source == *source && may_wait(event));
                if fills(pending)? || (waits && fills(pending.saturating_add(waiting))?) {
                    return Ok(TakenIn::Full);
                }
            }
            let mut new = Vec::with_capacity(self.events.len());
            for event in &self.events {
                new.push(take_in(on, event).await?);
            }
            Ok(TakenIn::Yes(new))
        })
    }
}

/// What could not be understood when it arrived, and was kept as a dead letter, changed nothing: under its id it may come
/// anew, corrected. One that is no better is the same again; one that was forgotten by request stays so.
async fn make_way(on: &mut SqliteConnection, event: &NewSourceEvent) -> Result<(), StoreError> {
    if matches!(event.fate, Some((SourceFate::Failed, _))) {
        return Ok(());
    }
    let way = "DELETE FROM source_events WHERE source = $1 AND event_id = $2
               AND fate = 'failed' AND kind IS NULL AND record_id IS NULL AND erased_at IS NULL AND NOT listed";
    sqlx::query(way).bind(event.source.as_str()).bind(event.event_id.as_str()).execute(on).await?;
    Ok(())
}

/// Whether it is new.
async fn take_in(on: &mut SqliteConnection, event: &NewSourceEvent) -> Result<bool, StoreError> {
    let (fate, detail) = match &event.fate {
        Some((fate, detail)) => (*fate, Some(detail)),
        None => (SourceFate::Pending, None),
    };
    let ended = event.fate.is_some();
    make_way(on, event).await?;
    let duplicates: i64 = sqlx::query_scalar(
        "INSERT INTO source_events (source, event_id, kind, location, external_id, contact_external_id, event_at,
             received_at, listed, body, stage, fate, fate_at, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         ON CONFLICT (source, event_id) DO UPDATE SET duplicates = duplicates + 1
         RETURNING duplicates",
    )
    .bind(event.source.as_str())
    .bind(event.event_id.as_str())
    .bind(event.kind.map(|kind| kind.as_str()))
    .bind(event.location.as_str())
    .bind(event.external_id.as_ref().map(AsRef::<str>::as_ref))
    .bind(event.contact_external_id.as_ref().map(AsRef::<str>::as_ref))
    .bind(event.event_at.map(millis))
    .bind(millis(event.received_at))
    .bind(event.listed)
    .bind(event.body.as_slice())
    .bind((!ended).then_some(0_i64))
    .bind(fate.as_str())
    .bind(ended.then(|| millis(event.received_at)))
    .bind(detail)
    .fetch_one(on)
    .await?;
    Ok(duplicates == 0)
}

/// What just arrived.
#[derive(Default)]
pub(super) struct Found {
    pub arrived: ArrivedSourceEvents,
    /// Positions of those that cannot be read: they are damaged.
    pub unreadable: Vec<i64>,
}

/// [`SourceStore::arrived_from_sources`](crate::store::SourceStore::arrived_from_sources)
pub(super) struct Arrived {
    pub limit: u32,
}

pub(in crate::store::sqlite) const ARRIVED: &str =
    "SELECT seq, source, event_id, received_at, listed, replays, body FROM source_events
     WHERE stage = 0 ORDER BY seq LIMIT $1";

impl Work for Arrived {
    type Answer = Found;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Found, StoreError>> {
        Box::pin(async move {
            let mut rows = sqlx::query(ARRIVED).bind(self.limit).fetch(on);
            let (mut found, mut seen, mut bytes) = (Found::default(), 0, 0);
            while let Some(row) = rows.try_next().await? {
                seen += 1;
                match pending(&row) {
                    Ok(event) => {
                        bytes += event.body.len();
                        found.arrived.events.push(event);
                    }
                    Err(why) => {
                        let seq: i64 = row.try_get("seq")?;
                        tracing::error!(seq, cause = ?why, "an event of a source cannot be read; it fails");
                        found.unreadable.push(seq);
                    }
                }
                found.arrived.more = seen == self.limit || bytes >= MAX_BYTES;
                if found.arrived.more {
                    break;
                }
            }
            Ok(found)
        })
    }
}

/// [`SourceStore::replay_source_event`](crate::store::SourceStore::replay_source_event)
pub(super) struct Replay {
    pub source: SourceName,
    pub id: SourceEventId,
}

impl Work for Replay {
    type Answer = ReplayedSource;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<ReplayedSource, StoreError>> {
        Box::pin(async move {
            // It takes a new place, behind whatever its record has seen: what is being carried out at this moment does not
            // count as its own.
            let place = "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'source_events'";
            sqlx::query(place).execute(&mut *on).await?;
            let changed = sqlx::query(
                "UPDATE source_events SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'source_events'),
                     stage = 0, record_kind = NULL, record_id = NULL, fate = 'pending', fate_at = NULL, detail = NULL,
                     operations_json = NULL, replays = replays + 1
                 WHERE source = $1 AND event_id = $2 AND stage IS NULL AND body IS NOT NULL",
            )
            .bind(self.source.as_str())
            .bind(self.id.as_str())
            .execute(&mut *on)
            .await?;
            let question = format!("SELECT {EVENT} FROM source_events WHERE source = $1 AND event_id = $2");
            let row = sqlx::query(AssertSqlSafe(question))
                .bind(self.source.as_str())
                .bind(self.id.as_str())
                .fetch_optional(on)
                .await?;
            let Some(row) = row else { return Ok(ReplayedSource::Unknown) };
            let event = event(&row)?;
            Ok(if changed.rows_affected() == 1 { ReplayedSource::Yes(event) } else { ReplayedSource::No(event) })
        })
    }
}

/// One batch of what is old.
pub(super) struct Prune {
    pub statement: &'static str,
    pub before: Timestamp,
}

impl Work for Prune {
    type Answer = u64;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move {
            let changed = sqlx::query(self.statement).bind(millis(self.before)).bind(BATCH).execute(on).await?;
            Ok(changed.rows_affected())
        })
    }
}

//! The inbox in `SQLite`.

mod bodies;
mod lists;
mod rows;
mod unreadable;
mod waiting;

#[cfg(test)]
mod tests;

use super::{
    SqliteStore,
    prune::BATCH,
    rows::{json, millis, time},
    writer::Work,
};
use crate::{
    domain::{
        erasure::ErasureScope,
        ids::{ContactId, LocationId, WebhookId},
        operation::Operation,
        webhook::{EventFate, EventFilter, NewEvent, WebhookEvent},
    },
    store::{
        ArrivedEvents, EventEnd, FateOf, Inbox, InboxDepth, OperationStore as _, Page, PassedOver, PendingEvent,
        Received, Replayed, Settlement, StoreError, Stored,
    },
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use rows::{COLUMNS, event};
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};
use std::collections::BTreeMap;

impl Inbox for SqliteStore {
    fn receive(&self, event: NewEvent) -> Stored<'_, Received> {
        Box::pin(self.writer.call(Receive(event)))
    }

    fn arrived(&self, now: Timestamp, limit: u32) -> Stored<'_, ArrivedEvents> {
        Box::pin(self.readable(lists::Arrived { limit }, now))
    }

    fn due(&self, now: Timestamp, limit: u32, passed_over: PassedOver) -> Stored<'_, Vec<PendingEvent>> {
        Box::pin(async move { Ok(self.readable(waiting::Due { now, limit, passed_over }, now).await?.events) })
    }

    fn next_waiting(&self, passed_over: PassedOver) -> Stored<'_, Option<Timestamp>> {
        Box::pin(self.read(waiting::NextDue { passed_over }))
    }

    fn writable(&self) -> Result<(), StoreError> {
        self.health()
    }

    fn locations_known(&self, locations: Vec<LocationId>) -> Stored<'_, Vec<LocationId>> {
        Box::pin(self.read(lists::LocationsKnown(locations)))
    }

    fn settle(&self, settlements: Vec<Settlement>, now: Timestamp, drop_bodies: bool) -> Stored<'_, ()> {
        Box::pin(self.writer.call(Settle { settlements, now, drop_bodies }))
    }

    fn own_writes(&self, contacts: Vec<ContactId>, since: Timestamp) -> Stored<'_, Vec<Operation>> {
        Box::pin(self.read(lists::OwnWrites { contacts, since }))
    }

    fn events(&self, filter: EventFilter, before: Option<i64>, limit: u32) -> Stored<'_, Page<WebhookEvent>> {
        Box::pin(self.read(lists::Events { filter, before, limit }))
    }

    fn event(&self, id: WebhookId) -> Stored<'_, Option<WebhookEvent>> {
        Box::pin(self.read(lists::One(id)))
    }

    fn replay(&self, id: WebhookId, now: Timestamp) -> Stored<'_, Replayed> {
        Box::pin(self.writer.call(Replay { id, now }))
    }

    fn inbox_depth(&self) -> Stored<'_, InboxDepth> {
        Box::pin(self.read(lists::Deep))
    }

    fn last_received(&self) -> Stored<'_, Vec<(LocationId, Timestamp)>> {
        Box::pin(self.read(lists::LastReceived))
    }

    fn erase_bodies(&self, scope: ErasureScope) -> Stored<'_, u64> {
        Box::pin(async move {
            let (mut sum, mut after) = (0, 0);
            loop {
                let step = self.writer.call(bodies::Erase { scope: scope.clone(), after }).await?;
                sum += step.erased;
                match step.more_after {
                    Some(seq) => after = seq,
                    None => return Ok(sum),
                }
            }
        })
    }

    fn prune_inbox(&self, events: Timestamp, bodies: Timestamp) -> Stored<'_, u64> {
        Box::pin(async move {
            let mut sum = 0;
            for (statement, before) in [(FORGET, events), (DROP_BODIES, bodies)] {
                loop {
                    let changed = self.writer.call(Prune { statement, before }).await?;
                    sum += changed;
                    if changed < u64::from(BATCH) {
                        break;
                    }
                }
            }
            Ok(sum)
        })
    }
}

impl SqliteStore {
    /// The pending events that `work` finds. What it finds and cannot read ends here.
    async fn readable<W: Work<Answer = lists::Found>>(
        &self,
        work: W,
        now: Timestamp,
    ) -> Result<ArrivedEvents, StoreError> {
        let lists::Found { events, unreadable: seqs, more } = self.read(work).await?;
        let unreadable = seqs.len();
        if unreadable > 0 {
            self.writer.call(unreadable::SetAside { seqs, now }).await?;
        }
        Ok(ArrivedEvents { events, unreadable, more })
    }
}

const FORGET: &str = "DELETE FROM inbox WHERE seq IN
     (SELECT seq FROM inbox INDEXED BY inbox_ended WHERE stage IS NULL AND fate_at < $1 LIMIT $2)";

const DROP_BODIES: &str = "UPDATE inbox SET body = NULL WHERE seq IN
     (SELECT seq FROM inbox INDEXED BY inbox_bodies
      WHERE stage IS NULL AND body IS NOT NULL AND fate <> 'failed' AND fate_at < $1 LIMIT $2)";

struct Receive(NewEvent);

impl Work for Receive {
    type Answer = Received;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Received, StoreError>> {
        Box::pin(async move {
            let event = &self.0;
            let duplicates: i64 = sqlx::query_scalar(
                "INSERT INTO inbox (webhook_id, type, location, contact, subject, event_at, received_at, due_at, body, stage)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, 0)
                 ON CONFLICT (webhook_id) DO UPDATE SET duplicates = duplicates + 1
                 RETURNING duplicates",
            )
            .bind(event.webhook_id.as_str())
            .bind(&event.kind)
            .bind(event.location.as_ref().map(AsRef::<str>::as_ref))
            .bind(event.contact.as_ref().map(AsRef::<str>::as_ref))
            .bind(&event.subject)
            .bind(event.event_at.map(millis))
            .bind(millis(event.received_at))
            .bind(&event.body)
            .fetch_one(on)
            .await?;
            Ok(if duplicates == 0 { Received::New } else { Received::Before })
        })
    }
}

/// Those with the same end are settled by one statement.
struct Settle {
    settlements: Vec<Settlement>,
    now: Timestamp,
    drop_bodies: bool,
}

impl Work for Settle {
    type Answer = ();

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut groups: BTreeMap<(&EventEnd, Option<&ContactId>), Vec<i64>> = BTreeMap::new();
            for settlement in &self.settlements {
                groups.entry((&settlement.end, settlement.contact.as_ref())).or_default().push(settlement.seq);
            }
            for ((end, contact), seqs) in groups {
                self.settle(on, end, contact, &json(&seqs)?).await?;
            }
            Ok(())
        })
    }
}

impl Settle {
    async fn settle(
        &self,
        on: &mut SqliteConnection,
        end: &EventEnd,
        contact: Option<&ContactId>,
        seqs: &str,
    ) -> Result<(), StoreError> {
        let contact = contact.map(ContactId::as_str);
        let query = match end {
            EventEnd::Fate { fate, detail } => sqlx::query(
                "UPDATE inbox SET stage = NULL, fate = $3, fate_at = $4, detail = $5, contact = COALESCE(contact, $2),
                     body = CASE WHEN $6 THEN NULL ELSE body END
                 WHERE stage IS NOT NULL AND seq IN (SELECT value FROM json_each($1))",
            )
            .bind(seqs)
            .bind(contact)
            .bind(EventFate::from(*fate).as_str())
            .bind(millis(self.now))
            .bind(detail)
            .bind(self.drop_bodies && *fate != FateOf::Failed),
            EventEnd::Wait(due_at) => sqlx::query(
                "UPDATE inbox SET stage = 1, due_at = $3, contact = COALESCE(contact, $2)
                 WHERE stage IS NOT NULL AND seq IN (SELECT value FROM json_each($1))",
            )
            .bind(seqs)
            .bind(contact)
            .bind(millis(*due_at)),
            EventEnd::Later { due_at, detail } => sqlx::query(
                "UPDATE inbox SET due_at = $3, detail = $4, attempts = attempts + 1, contact = COALESCE(contact, $2)
                 WHERE stage = 1 AND seq IN (SELECT value FROM json_each($1))",
            )
            .bind(seqs)
            .bind(contact)
            .bind(millis(*due_at))
            .bind(detail),
        };
        query.execute(on).await?;
        Ok(())
    }
}

struct Replay {
    id: WebhookId,
    now: Timestamp,
}

impl Work for Replay {
    type Answer = Replayed;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Replayed, StoreError>> {
        Box::pin(async move {
            let changed = sqlx::query(
                "UPDATE inbox SET stage = 0, due_at = $2, fate = 'pending', fate_at = NULL, detail = NULL, attempts = 0,
                     replays = replays + 1
                 WHERE webhook_id = $1 AND stage IS NULL AND body IS NOT NULL",
            )
            .bind(self.id.as_str())
            .bind(millis(self.now))
            .execute(&mut *on)
            .await?;
            let question = format!("SELECT {COLUMNS} FROM inbox WHERE webhook_id = $1");
            let row = sqlx::query(AssertSqlSafe(question)).bind(self.id.as_str()).fetch_optional(on).await?;
            let Some(row) = row else { return Ok(Replayed::Unknown) };
            let event = event(&row)?;
            Ok(if changed.rows_affected() == 1 { Replayed::Yes(event) } else { Replayed::No(event) })
        })
    }
}

struct Prune {
    statement: &'static str,
    before: Timestamp,
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

/// A time in a column of its own.
fn moment(row: &sqlx::sqlite::SqliteRow, column: &str) -> Result<Option<Timestamp>, StoreError> {
    row.try_get::<Option<i64>, _>(column)?.map(time).transpose()
}

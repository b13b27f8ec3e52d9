//! Keeping how far records came, and taking up again those whose operation goes on.

use super::{lanes::keep_lane, rows::key};
use crate::{
    domain::source::{RecordKey, RecordKind, SourceFate},
    store::{
        EventsEnd, RecordStep, StoreError,
        sqlite::{
            prune::BATCH,
            rows::{json, millis},
            writer::Work,
        },
    },
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use sqlx::{Row as _, SqliteConnection};
use std::collections::BTreeSet;

/// Lanes whose records were changed.
type Lanes = BTreeSet<(String, String, String)>;

/// [`SourceStore::step`](crate::store::SourceStore::step)
pub(super) struct Steps {
    pub steps: Vec<RecordStep>,
    pub now: Timestamp,
}

impl Work for Steps {
    type Answer = Vec<bool>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Vec<bool>, StoreError>> {
        Box::pin(async move {
            let (mut lanes, mut known) = (Lanes::new(), Vec::with_capacity(self.steps.len()));
            for step in &self.steps {
                let moves = moves(on, step).await?;
                let there = self.step(on, step, &mut lanes).await?;
                known.push(there);
                if !there {
                    continue;
                }
                if moves {
                    wake(on, step, self.now).await?;
                }
                if let Some(end) = &step.events {
                    settle(on, &step.key, step.seen_seq, end, self.now).await?;
                }
            }
            for (source, kind, id) in &lanes {
                keep_lane(on, source, kind, id).await?;
            }
            Ok(known)
        })
    }
}

/// Whether a step takes a contact to a GHL contact at which it does not stand.
async fn moves(on: &mut SqliteConnection, step: &RecordStep) -> Result<bool, StoreError> {
    let (RecordKind::Contact, Some(contact)) = (step.key.kind, &step.ghl_contact) else { return Ok(false) };
    let before = "SELECT ghl_contact IS NOT $4 FROM source_records WHERE source = $1 AND kind = $2 AND id = $3";
    let moves = sqlx::query_scalar::<_, bool>(before)
        .bind(step.key.source.as_str())
        .bind(step.key.kind.as_str())
        .bind(step.key.id.as_str())
        .bind(contact.as_str())
        .fetch_optional(on)
        .await?;
    Ok(moves.unwrap_or_default())
}

/// The tasks and notes of a contact that has come to stand at another GHL contact.
pub(in crate::store::sqlite) const WAKE: &str =
    "UPDATE source_records INDEXED BY source_records_by_lane SET status = 'due', due_at = $4, tries = 0
     WHERE source = $1 AND lane_kind = 'contact' AND lane_id = $2 AND kind <> 'contact'
         AND (status = 'waiting' OR (status = 'failed' AND ghl_id IS NULL AND intent_json IS NULL)
             OR (status = 'settled' AND ghl_contact <> $3))";

/// The events of those of them that were given up.
pub(in crate::store::sqlite) const GIVEN_UP: &str =
    "UPDATE source_events SET stage = 1, fate = 'pending', fate_at = NULL, detail = NULL WHERE seq IN (
         SELECT theirs.seq FROM source_records AS mine INDEXED BY source_records_by_lane
             CROSS JOIN source_events AS theirs INDEXED BY source_events_of_record
                 ON theirs.source = mine.source AND theirs.record_kind = mine.kind AND theirs.record_id = mine.id
         WHERE mine.source = $1 AND mine.lane_kind = 'contact' AND mine.lane_id = $2 AND mine.kind <> 'contact'
             AND mine.status = 'failed' AND mine.ghl_id IS NULL AND mine.intent_json IS NULL
             AND theirs.stage IS NULL AND theirs.fate = 'failed')";

/// Makes them due, and opens the events again of those that were given up.
async fn wake(on: &mut SqliteConnection, step: &RecordStep, now: Timestamp) -> Result<(), StoreError> {
    let (source, id) = (step.key.source.as_str(), step.key.id.as_str());
    sqlx::query(GIVEN_UP).bind(source).bind(id).execute(&mut *on).await?;
    let contact = step.ghl_contact.as_ref().map(AsRef::<str>::as_ref);
    sqlx::query(WAKE).bind(source).bind(id).bind(contact).bind(millis(now)).execute(on).await?;
    Ok(())
}

impl Steps {
    /// Whether there is such a record. One that is newer than what the step was worked out from is another: the one before
    /// was forgotten.
    async fn step(&self, on: &mut SqliteConnection, step: &RecordStep, lanes: &mut Lanes) -> Result<bool, StoreError> {
        let failed = step.intent.as_ref().and_then(|intent| intent.operation.as_ref());
        let operation = failed.or(step.awaited.as_ref());
        let lane = sqlx::query(
            "UPDATE source_records SET ghl_id = $5, ghl_contact = $6, delivered_json = $7, intent_json = $8,
                 operation = $9, status = iif(merged_seq > $4, 'due', $10),
                 due_at = CASE WHEN merged_seq <= $4 THEN $11 WHEN status = 'due' THEN min(due_at, $15) ELSE $15 END,
                 tries = iif(merged_seq > $4, 0, $12), verify = iif(merged_seq > $4, max(verify, $13), $13),
                 problem_json = $14, last_contact = coalesce($6, last_contact),
                 state_json = iif(merged_seq <= $4, coalesce($16, state_json), state_json)
             WHERE source = $1 AND kind = $2 AND id = $3 AND first_seq <= $4
             RETURNING lane_kind, lane_id",
        )
        .bind(step.key.source.as_str())
        .bind(step.key.kind.as_str())
        .bind(step.key.id.as_str())
        .bind(step.seen_seq)
        .bind(&step.ghl_id)
        .bind(step.ghl_contact.as_ref().map(AsRef::<str>::as_ref))
        .bind(json(&step.delivered)?)
        .bind(step.intent.as_ref().map(json).transpose()?)
        .bind(operation.map(AsRef::<str>::as_ref))
        .bind(step.status.as_str())
        .bind(millis(step.due_at))
        .bind(step.tries)
        .bind(step.verify)
        .bind(step.problem.as_ref().map(json).transpose()?)
        .bind(millis(self.now))
        .bind(step.bared.as_ref().map(json).transpose()?)
        .fetch_optional(on)
        .await?;
        let Some(lane) = lane else { return Ok(false) };
        lanes.insert((step.key.source.to_string(), lane.try_get("lane_kind")?, lane.try_get("lane_id")?));
        Ok(true)
    }
}

/// The fate of a record's events up to a position that have none, or only wait.
async fn settle(
    on: &mut SqliteConnection,
    key: &RecordKey,
    seen_seq: i64,
    end: &EventsEnd,
    now: Timestamp,
) -> Result<(), StoreError> {
    let open = matches!(end.fate, SourceFate::Pending | SourceFate::Waiting);
    sqlx::query(
        "UPDATE source_events SET stage = $5, fate = $6, fate_at = $7, detail = $8, operations_json = $9
         WHERE source = $1 AND record_kind = $2 AND record_id = $3 AND seq <= $4 AND stage = 1",
    )
    .bind(key.source.as_str())
    .bind(key.kind.as_str())
    .bind(key.id.as_str())
    .bind(seen_seq)
    .bind(open.then_some(1_i64))
    .bind(end.fate.as_str())
    .bind((!open).then(|| millis(now)))
    .bind(&end.detail)
    .bind((!end.operations.is_empty()).then(|| json(&end.operations)).transpose()?)
    .execute(on)
    .await?;
    Ok(())
}

/// Failed records whose operation goes on again or was done, a batch of them.
pub(super) struct Stuck;

pub(in crate::store::sqlite) const STUCK: &str =
    "SELECT source, kind, id FROM source_records INDEXED BY source_records_by_operation
     WHERE status = 'failed' AND operation IS NOT NULL AND EXISTS (SELECT 1 FROM operations
         WHERE operations.id = source_records.operation AND +state IN ('pending', 'running', 'done'))
     LIMIT $1";

impl Work for Stuck {
    type Answer = Vec<RecordKey>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Vec<RecordKey>, StoreError>> {
        Box::pin(async move {
            let rows = sqlx::query(STUCK).bind(BATCH).fetch_all(on).await?;
            rows.iter().map(key).collect()
        })
    }
}

/// Makes them due, and their events open again: what becomes of the operation decides about them.
pub(super) struct Stir {
    pub stuck: Vec<RecordKey>,
    pub now: Timestamp,
}

impl Work for Stir {
    type Answer = u64;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move {
            let (mut stirred, mut lanes) = (0, Lanes::new());
            for key in &self.stuck {
                let lane = sqlx::query(
                    "UPDATE source_records SET status = 'due', due_at = $4, tries = 0
                     WHERE source = $1 AND kind = $2 AND id = $3 AND status = 'failed' RETURNING lane_kind, lane_id",
                )
                .bind(key.source.as_str())
                .bind(key.kind.as_str())
                .bind(key.id.as_str())
                .bind(millis(self.now))
                .fetch_optional(&mut *on)
                .await?;
                let Some(lane) = lane else { continue };
                lanes.insert((key.source.to_string(), lane.try_get("lane_kind")?, lane.try_get("lane_id")?));
                reopen(on, key).await?;
                stirred += 1;
            }
            for (source, kind, id) in &lanes {
                keep_lane(on, source, kind, id).await?;
            }
            Ok(stirred)
        })
    }
}

/// Those of a record that failed with it.
async fn reopen(on: &mut SqliteConnection, key: &RecordKey) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE source_events SET stage = 1, fate = 'pending', fate_at = NULL, detail = NULL
         WHERE source = $1 AND record_kind = $2 AND record_id = $3 AND stage IS NULL AND fate = 'failed'",
    )
    .bind(key.source.as_str())
    .bind(key.kind.as_str())
    .bind(key.id.as_str())
    .execute(on)
    .await?;
    Ok(())
}

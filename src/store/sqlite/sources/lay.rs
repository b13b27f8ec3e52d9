//! Keeping what events came to.

use super::{lanes::keep_lane, rows::lane_key};
use crate::{
    domain::source::{Delivered, ExternalId, RecordKey, RecordKind, RecordState, RecordStatus, SourceFate},
    store::{
        LaidOver, Lane, SourceMark, StoreError,
        sqlite::{
            rows::{json, millis},
            writer::Work,
        },
    },
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use sqlx::{Row as _, SqliteConnection};
use std::collections::BTreeSet;

/// Of an event without a fate that names no record: nothing would ever settle it.
const NO_RECORD: &str = "no record settles it";

/// [`SourceStore::lay`](crate::store::SourceStore::lay)
pub(super) struct Lay {
    pub records: Vec<LaidOver>,
    pub marks: Vec<SourceMark>,
    pub now: Timestamp,
}

/// The lane of a record: its contact's, where that is known, else its own.
fn lane_of(key: &RecordKey, state: &RecordState) -> Lane {
    let contact: Option<ExternalId> = match key.kind {
        RecordKind::Contact => Some(key.id.clone()),
        RecordKind::Task | RecordKind::Note => state.parent().cloned(),
    };
    let alone = contact.is_none().then(|| (key.kind, key.id.clone()));
    Lane { source: key.source.clone(), contact, alone }
}

impl Work for Lay {
    type Answer = ();

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut lanes = BTreeSet::new();
            for laid in &self.records {
                self.record(on, laid, &mut lanes).await?;
            }
            for mark in &self.marks {
                self.mark(on, mark).await?;
            }
            for (source, kind, id) in &lanes {
                keep_lane(on, source, kind, id).await?;
            }
            Ok(())
        })
    }
}

impl Lay {
    async fn record(
        &self,
        on: &mut SqliteConnection,
        laid: &LaidOver,
        lanes: &mut BTreeSet<(String, String, String)>,
    ) -> Result<(), StoreError> {
        let LaidOver { key, location, state, merged_seq, due, verify } = laid;
        // What it was worked out from was forgotten meanwhile: nothing of it may come back.
        let forgotten = "SELECT EXISTS (SELECT 1 FROM source_events WHERE seq = $1 AND erased_at IS NOT NULL)";
        if sqlx::query_scalar::<_, bool>(forgotten).bind(merged_seq).fetch_one(&mut *on).await? {
            return Ok(());
        }
        let before =
            sqlx::query("SELECT lane_kind, lane_id FROM source_records WHERE source = $1 AND kind = $2 AND id = $3")
                .bind(key.source.as_str())
                .bind(key.kind.as_str())
                .bind(key.id.as_str())
                .fetch_optional(&mut *on)
                .await?;
        if let Some(row) = before {
            lanes.insert((key.source.to_string(), row.try_get("lane_kind")?, row.try_get("lane_id")?));
        }
        let lane = lane_of(key, state);
        let Some((source, lane_kind, lane_id)) = lane_key(&lane) else { return Ok(()) };
        lanes.insert((source.to_owned(), lane_kind.to_owned(), lane_id.to_owned()));
        let status = if *due { RecordStatus::Due } else { RecordStatus::Settled };
        sqlx::query(
            "INSERT INTO source_records (source, kind, id, location, lane_kind, lane_id, state_json, deleted, merged_seq,
                 first_seq, delivered_json, status, due_at, tries, verify)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11, $12, 0, $13)
             ON CONFLICT (source, kind, id) DO UPDATE SET location = excluded.location, lane_kind = excluded.lane_kind,
                 lane_id = excluded.lane_id, state_json = excluded.state_json, deleted = excluded.deleted,
                 merged_seq = max(merged_seq, excluded.merged_seq), verify = max(verify, excluded.verify),
                 status = iif($14, 'due', status), tries = iif($14, 0, tries),
                 problem_json = iif($14, NULL, problem_json),
                 due_at = CASE WHEN NOT $14 THEN due_at WHEN status = 'due' THEN min(due_at, $12) ELSE $12 END",
        )
        .bind(source)
        .bind(key.kind.as_str())
        .bind(key.id.as_str())
        .bind(location.as_str())
        .bind(lane_kind)
        .bind(lane_id)
        .bind(json(state)?)
        .bind(state.is_deleted())
        .bind(merged_seq)
        .bind(json(&Delivered::default())?)
        .bind(status.as_str())
        .bind(millis(self.now))
        .bind(verify)
        .bind(due)
        .execute(on)
        .await?;
        Ok(())
    }

    /// One that was forgotten meanwhile has its fate and keeps it.
    async fn mark(&self, on: &mut SqliteConnection, mark: &SourceMark) -> Result<(), StoreError> {
        let open = (SourceFate::Pending, None);
        let (fate, detail) = match (&mark.fate, &mark.settled_by) {
            (Some((fate, detail)), _) => (*fate, Some(detail.as_str())),
            (None, Some(_)) => open,
            (None, None) => (SourceFate::Failed, Some(NO_RECORD)),
        };
        let open = matches!(fate, SourceFate::Pending | SourceFate::Waiting);
        sqlx::query(
            "UPDATE source_events SET stage = $2, fate = $3, fate_at = $4, detail = $5, record_kind = $6, record_id = $7
             WHERE seq = $1 AND stage = 0",
        )
        .bind(mark.seq)
        .bind(open.then_some(1_i64))
        .bind(fate.as_str())
        .bind((!open).then(|| millis(self.now)))
        .bind(detail)
        .bind(mark.settled_by.as_ref().map(|(kind, _)| kind.as_str()))
        .bind(mark.settled_by.as_ref().map(|(_, id)| id.as_str()))
        .execute(on)
        .await?;
        Ok(())
    }
}

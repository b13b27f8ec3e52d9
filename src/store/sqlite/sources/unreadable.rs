//! What to do with what this version cannot read: a newer one stored it, or its row is damaged. It fails, so that it holds
//! up nobody. The rest of its row stays as it is, for a version that can read it.

use super::lanes::keep_lane;
use crate::{
    domain::{
        problem::{Problem, ProblemKind},
        source::RecordKey,
    },
    store::{
        StoreError,
        sqlite::{rows::json, writer::Work},
    },
};
use futures_util::future::BoxFuture;
use sqlx::{Row as _, SqliteConnection};

/// Ends events that just arrived and cannot be read.
pub(super) struct Events(pub Vec<i64>);

impl Work for Events {
    type Answer = ();

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            sqlx::query(
                "UPDATE source_events SET stage = NULL, fate = 'failed', fate_at = received_at, detail = 'unreadable'
                 WHERE stage IS NOT NULL AND seq IN (SELECT value FROM json_each($1))",
            )
            .bind(json(&self.0)?)
            .execute(on)
            .await?;
            Ok(())
        })
    }
}

/// Fails records that cannot be read, and their events.
pub(super) struct Records(pub Vec<RecordKey>);

impl Work for Records {
    type Answer = ();

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            for key in &self.0 {
                fail(on, key).await?;
            }
            Ok(())
        })
    }
}

async fn fail(on: &mut SqliteConnection, key: &RecordKey) -> Result<(), StoreError> {
    let (source, kind, id) = (key.source.as_str(), key.kind.as_str(), key.id.as_str());
    let why = Problem::new(ProblemKind::Internal, "This version of the service cannot read the record.");
    let lane = sqlx::query(
        "UPDATE source_records SET status = 'failed', problem_json = $4
         WHERE source = $1 AND kind = $2 AND id = $3 RETURNING lane_kind, lane_id",
    )
    .bind(source)
    .bind(kind)
    .bind(id)
    .bind(json(&why)?)
    .fetch_optional(&mut *on)
    .await?;
    let Some(lane) = lane else { return Ok(()) };
    sqlx::query(
        "UPDATE source_events SET stage = NULL, fate = 'failed', fate_at = received_at, detail = 'unreadable'
         WHERE source = $1 AND record_kind = $2 AND record_id = $3 AND stage = 1",
    )
    .bind(source)
    .bind(kind)
    .bind(id)
    .execute(&mut *on)
    .await?;
    keep_lane(on, source, lane.try_get("lane_kind")?, lane.try_get("lane_id")?).await
}

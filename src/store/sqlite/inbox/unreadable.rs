//! What to do with an event that this version cannot read: a newer one stored it, or its row is damaged. It fails, so that
//! it holds up nobody. The rest of its row stays as it is, for a version that can read it and replays it.

use crate::{
    domain::webhook::EventFate,
    store::{
        StoreError,
        sqlite::{
            rows::{json, millis},
            writer::Work,
        },
    },
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use sqlx::SqliteConnection;

/// Why such an event failed, as its `detail`.
const WHY: &str = "unreadable";

/// Ends events that were pending and cannot be read.
pub(super) struct SetAside {
    pub seqs: Vec<i64>,
    pub now: Timestamp,
}

impl Work for SetAside {
    type Answer = ();

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            sqlx::query(
                "UPDATE inbox SET stage = NULL, fate = $2, fate_at = $3, detail = $4
                 WHERE stage IS NOT NULL AND seq IN (SELECT value FROM json_each($1))",
            )
            .bind(json(&self.seqs)?)
            .bind(EventFate::Failed.as_str())
            .bind(millis(self.now))
            .bind(WHY)
            .execute(on)
            .await?;
            Ok(())
        })
    }
}

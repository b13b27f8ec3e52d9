//! Forgetting what events said, and keeping the events.

use crate::{
    domain::{erasure::ErasureScope, webhook::EventKind},
    store::{
        StoreError,
        sqlite::{prune::BATCH, writer::Work},
    },
};
use futures_util::future::BoxFuture;
use sqlx::{AssertSqlSafe, SqliteConnection};

/// Events that one step looks at: most have nothing to forget.
const EVENTS: u32 = 4 * BATCH;

/// What stands in place of what an event said that is still to be applied.
const NOTHING: &[u8] = b"{}";

/// One step. Those after the position are looked at; a contact has few, and is looked at as a whole.
pub(super) struct Erase {
    pub scope: ErasureScope,
    pub after: i64,
}

/// What a step did.
pub(super) struct Erased {
    pub erased: u64,
    /// From where to go on.
    pub more_after: Option<i64>,
}

impl Work for Erase {
    type Answer = Erased;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Erased, StoreError>> {
        Box::pin(async move {
            let ErasureScope { location, contact } = &self.scope;
            let looked_at: Vec<i64> = match contact {
                Some(_) => Vec::new(),
                None => {
                    let question = "SELECT seq FROM inbox WHERE location = $1 AND seq > $2 ORDER BY seq LIMIT $3";
                    let query = sqlx::query_scalar(question).bind(location.as_str()).bind(self.after).bind(EVENTS);
                    query.fetch_all(&mut *on).await?
                }
            };
            let last = looked_at.last().copied();
            // A contact has few events: the plus signs keep other indexes away.
            let theirs = match contact {
                Some(_) => "contact = $1 AND +location = $2 AND +seq > $4 AND $5 IS NULL",
                None => "location = $2 AND $1 IS NULL AND seq > $4 AND seq <= $5",
            };
            // An installation that waits says ids alone, and is carried out by them.
            let statement = format!(
                "UPDATE inbox SET body = CASE WHEN stage IS NULL THEN NULL ELSE $3 END
                 WHERE {theirs} AND body IS NOT NULL AND (stage IS NULL OR (body <> $3 AND type NOT IN ($6, $7)))"
            );
            let erased = sqlx::query(AssertSqlSafe(statement))
                .bind(contact.as_ref().map(AsRef::<str>::as_ref))
                .bind(location.as_str())
                .bind(NOTHING)
                .bind(self.after)
                .bind(last)
                .bind(EventKind::Install.as_str())
                .bind(EventKind::Uninstall.as_str())
                .execute(on)
                .await?
                .rows_affected();
            Ok(Erased { erased, more_after: last.filter(|_| looked_at.len() >= EVENTS as usize) })
        })
    }
}

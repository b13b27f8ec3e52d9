//! What waits in the inbox and can be begun.

use super::{
    lists::{Found, with_bodies},
    rows::COLUMNS,
};
use crate::{
    domain::webhook::EventKind,
    store::{
        PassedOver, StoreError,
        sqlite::{
            rows::{json, millis, time},
            writer::Work,
        },
    },
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};

/// What is not passed over, by the first five parameters. Where much is passed over, it is walked through without its
/// bodies.
const NOT_PASSED_OVER: &str = "stage = 1 AND seq NOT IN (SELECT value FROM json_each($1))
     AND (contact IS NULL OR contact NOT IN (SELECT value FROM json_each($2)))
     AND NOT (type IN (SELECT value FROM json_each($3)) AND COALESCE(location, '') IN (SELECT value FROM json_each($4)))
     AND ($5 IS NULL OR type IN (SELECT value FROM json_each($5)))";

/// Binds them.
fn asked<'q>(question: String, passed: &PassedOver) -> Result<Query<'q, Sqlite, SqliteArguments>, StoreError> {
    let contacts: Vec<&str> = passed.contacts.iter().map(AsRef::as_ref).collect();
    let tasks_of: Vec<&str> = passed.tasks_of.iter().map(AsRef::as_ref).collect();
    Ok(sqlx::query(AssertSqlSafe(question))
        .bind(json(&passed.seqs)?)
        .bind(json(&contacts)?)
        .bind(names(EventKind::ALL.iter().filter(|kind| kind.is_of_task()))?)
        .bind(json(&tasks_of)?)
        .bind(passed.all_but.map(|kinds| names(kinds.iter())).transpose()?))
}

fn names<'k>(kinds: impl Iterator<Item = &'k EventKind>) -> Result<String, StoreError> {
    json(&kinds.map(|kind| kind.as_str()).collect::<Vec<_>>())
}

pub(super) struct Due {
    pub now: Timestamp,
    pub limit: u32,
    pub passed_over: PassedOver,
}

impl Work for Due {
    type Answer = Found;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Found, StoreError>> {
        Box::pin(async move {
            let question = format!(
                "SELECT {COLUMNS}, body FROM inbox WHERE {NOT_PASSED_OVER} AND due_at <= $6
                 ORDER BY due_at, seq LIMIT $7"
            );
            let query = asked(question, &self.passed_over)?.bind(millis(self.now)).bind(self.limit);
            with_bodies(query.fetch(on), self.limit).await
        })
    }
}

pub(super) struct NextDue {
    pub passed_over: PassedOver,
}

impl Work for NextDue {
    type Answer = Option<Timestamp>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Option<Timestamp>, StoreError>> {
        Box::pin(async move {
            let question = format!("SELECT due_at FROM inbox WHERE {NOT_PASSED_OVER} ORDER BY due_at, seq LIMIT 1");
            let row = asked(question, &self.passed_over)?.fetch_optional(on).await?;
            row.map(|row| time(sqlx::Row::try_get(&row, 0)?)).transpose()
        })
    }
}

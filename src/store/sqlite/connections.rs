//! Connections in `SQLite`.

use super::{
    SqliteStore,
    fault::damaged,
    rows::{json, millis, of_json, time},
    writer::Work,
};
use crate::{
    domain::{
        connection::{Connection, Holder, Lost, LostBecause},
        ids::CompanyId,
    },
    store::{ConnectionStore, KeptConnection, SealMark, SealedTokens, StoreError, Stored},
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

impl ConnectionStore for SqliteStore {
    fn connections(&self) -> Stored<'_, Vec<KeptConnection>> {
        Box::pin(self.read(All))
    }

    fn connection(&self, holder: Holder) -> Stored<'_, Option<KeptConnection>> {
        // By the writer: a reader beside it could answer with what was there before a commit that the caller waited for.
        Box::pin(self.writer.call(One(holder)))
    }

    fn keep_connection(&self, kept: KeptConnection) -> Stored<'_, Option<i64>> {
        Box::pin(self.writer.call(Keep(kept)))
    }

    fn forget_connection(&self, holder: Holder) -> Stored<'_, bool> {
        Box::pin(self.writer.call(ForgetOne(holder)))
    }

    fn lease_connection(&self, holder: Holder, owner: String, now: Timestamp, until: Timestamp) -> Stored<'_, bool> {
        Box::pin(self.writer.call(Lease { holder, owner, now, until }))
    }

    fn release_connection(&self, holder: Holder, owner: String) -> Stored<'_, ()> {
        Box::pin(self.writer.call(Release { holder, owner }))
    }

    fn clear_leases(&self) -> Stored<'_, u64> {
        Box::pin(self.writer.call(ClearLeases))
    }

    fn seals(&self) -> Stored<'_, Vec<SealMark>> {
        Box::pin(self.writer.call(Seals))
    }

    fn add_seal(&self, mark: SealMark) -> Stored<'_, ()> {
        Box::pin(self.writer.call(AddSeal(mark)))
    }

    fn drop_seal(&self, key_id: String) -> Stored<'_, ()> {
        Box::pin(self.writer.call(DropSeal(key_id)))
    }
}

fn kept(row: &SqliteRow) -> Result<KeptConnection, StoreError> {
    let text = |name: &str| row.try_get::<&str, _>(name);
    let maybe = |name: &str| row.try_get::<Option<&str>, _>(name);
    let moment = |name: &str| -> Result<Option<Timestamp>, StoreError> {
        row.try_get::<Option<i64>, _>(name)?.map(time).transpose()
    };
    let company = maybe("company")?.map(|id| CompanyId::parse(id).map_err(|_| damaged("company"))).transpose()?;
    let lost = match (maybe("lost_because")?, moment("lost_since")?) {
        (Some(word), Some(since)) => {
            Some(Lost { since, because: LostBecause::parse(word).ok_or_else(|| damaged("reason"))? })
        }
        _ => None,
    };
    let tokens = match (maybe("key_id")?, row.try_get::<Option<Vec<u8>>, _>("access_token")?) {
        (Some(key_id), Some(access)) => {
            Some(SealedTokens { key_id: key_id.to_owned(), access, refresh: row.try_get("refresh_token")? })
        }
        _ => None,
    };
    let connection = Connection {
        holder: Holder::parse(text("kind")?, text("id")?).ok_or_else(|| damaged("holder"))?,
        company,
        minted: row.try_get::<i64, _>("minted")? == 1,
        scopes: of_json(text("scopes_json")?, "scopes")?,
        connected_at: time(row.try_get("connected_at")?)?,
        expires_at: time(row.try_get("expires_at")?)?,
        lost,
    };
    Ok(KeptConnection {
        connection,
        tokens,
        failures: row.try_get("failures")?,
        next_try_at: moment("next_try_at")?,
        version: row.try_get("version")?,
    })
}

struct All;

impl Work for All {
    type Answer = Vec<KeptConnection>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Self::Answer, StoreError>> {
        Box::pin(async move {
            let rows = sqlx::query("SELECT * FROM connections ORDER BY kind, id").fetch_all(on).await?;
            rows.iter().map(kept).collect()
        })
    }
}

struct One(Holder);

impl Work for One {
    type Answer = Option<KeptConnection>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Self::Answer, StoreError>> {
        Box::pin(async move {
            let row = sqlx::query("SELECT * FROM connections WHERE kind = $1 AND id = $2")
                .bind(self.0.kind())
                .bind(self.0.id())
                .fetch_optional(on)
                .await?;
            row.as_ref().map(kept).transpose()
        })
    }
}

struct Keep(KeptConnection);

impl Work for Keep {
    type Answer = Option<i64>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Self::Answer, StoreError>> {
        Box::pin(async move {
            let KeptConnection { connection, tokens, failures, next_try_at, version } = &self.0;
            let tokens = tokens.as_ref();
            let stored = sqlx::query(
                "INSERT INTO connections (kind, id, company, minted, scopes_json, key_id, access_token, refresh_token,
                     expires_at, connected_at, lost_because, lost_since, failures, next_try_at, version)
                 SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15 + 1
                 WHERE $15 = coalesce((SELECT version FROM connections WHERE kind = $1 AND id = $2), 0)
                 ON CONFLICT (kind, id) DO UPDATE SET company = excluded.company, minted = excluded.minted,
                     scopes_json = excluded.scopes_json, key_id = excluded.key_id,
                     access_token = excluded.access_token, refresh_token = excluded.refresh_token,
                     expires_at = excluded.expires_at, connected_at = excluded.connected_at,
                     lost_because = excluded.lost_because, lost_since = excluded.lost_since,
                     failures = excluded.failures, next_try_at = excluded.next_try_at, version = excluded.version",
            )
            .bind(connection.holder.kind())
            .bind(connection.holder.id())
            .bind(connection.company.as_ref().map(CompanyId::as_str))
            .bind(i64::from(connection.minted))
            .bind(json(&connection.scopes)?)
            .bind(tokens.map(|tokens| tokens.key_id.as_str()))
            .bind(tokens.map(|tokens| tokens.access.as_slice()))
            .bind(tokens.and_then(|tokens| tokens.refresh.as_deref()))
            .bind(millis(connection.expires_at))
            .bind(millis(connection.connected_at))
            .bind(connection.lost.map(|lost| lost.because.as_str()))
            .bind(connection.lost.map(|lost| millis(lost.since)))
            .bind(failures)
            .bind(next_try_at.map(millis))
            .bind(version)
            .execute(on)
            .await?;
            Ok((stored.rows_affected() == 1).then_some(version + 1))
        })
    }
}

struct ForgetOne(Holder);

impl Work for ForgetOne {
    type Answer = bool;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let gone = sqlx::query("DELETE FROM connections WHERE kind = $1 AND id = $2")
                .bind(self.0.kind())
                .bind(self.0.id())
                .execute(on)
                .await?;
            Ok(gone.rows_affected() > 0)
        })
    }
}

struct Lease {
    holder: Holder,
    owner: String,
    now: Timestamp,
    until: Timestamp,
}

impl Work for Lease {
    type Answer = bool;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let taken = sqlx::query(
                "INSERT INTO connection_leases (kind, id, owner, lease_until) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (kind, id) DO UPDATE SET owner = excluded.owner, lease_until = excluded.lease_until
                     WHERE connection_leases.owner = excluded.owner OR connection_leases.lease_until <= $5",
            )
            .bind(self.holder.kind())
            .bind(self.holder.id())
            .bind(&self.owner)
            .bind(millis(self.until))
            .bind(millis(self.now))
            .execute(on)
            .await?;
            Ok(taken.rows_affected() == 1)
        })
    }
}

struct Release {
    holder: Holder,
    owner: String,
}

impl Work for Release {
    type Answer = ();

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            sqlx::query("DELETE FROM connection_leases WHERE kind = $1 AND id = $2 AND owner = $3")
                .bind(self.holder.kind())
                .bind(self.holder.id())
                .bind(&self.owner)
                .execute(on)
                .await?;
            Ok(())
        })
    }
}

struct ClearLeases;

impl Work for ClearLeases {
    type Answer = u64;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move { Ok(sqlx::query("DELETE FROM connection_leases").execute(on).await?.rows_affected()) })
    }
}

struct Seals;

impl Work for Seals {
    type Answer = Vec<SealMark>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Self::Answer, StoreError>> {
        Box::pin(async move {
            let rows = sqlx::query("SELECT key_id, proof FROM seals ORDER BY key_id").fetch_all(on).await?;
            let mark = |row: &SqliteRow| Ok(SealMark { key_id: row.try_get("key_id")?, proof: row.try_get("proof")? });
            rows.iter().map(mark).collect()
        })
    }
}

struct AddSeal(SealMark);

impl Work for AddSeal {
    type Answer = ();

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            sqlx::query("INSERT INTO seals (key_id, proof) VALUES ($1, $2) ON CONFLICT (key_id) DO NOTHING")
                .bind(&self.0.key_id)
                .bind(self.0.proof.as_slice())
                .execute(on)
                .await?;
            Ok(())
        })
    }
}

struct DropSeal(String);

impl Work for DropSeal {
    type Answer = ();

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let statement = "DELETE FROM seals WHERE key_id = $1
                             AND NOT EXISTS (SELECT 1 FROM connections WHERE connections.key_id = $1)";
            sqlx::query(statement).bind(&self.0).execute(on).await?;
            Ok(())
        })
    }
}

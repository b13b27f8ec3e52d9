//! The audit log: appended to, read, never changed.

use super::{
    lists::{among, page, page_size},
    rows::{audit_entry, json, millis},
    writer::Work,
};
use crate::{
    domain::operation::{AuditEntry, AuditFilter},
    store::{Page, StoreError},
};
use futures_util::future::BoxFuture;
use sqlx::{QueryBuilder, SqliteConnection};

/// Appends an entry, in the transaction of what it tells.
pub(super) async fn append(on: &mut SqliteConnection, entry: &AuditEntry) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit (at, event, location, contact, operation, kind, requester_key, request_id, attempt, outcome,
             upstream_status, duration_ms, payload_json)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(millis(entry.at))
    .bind(entry.event.as_str())
    .bind(entry.location_id.as_ref().map(AsRef::<str>::as_ref))
    .bind(entry.contact_id.as_ref().map(AsRef::<str>::as_ref))
    .bind(entry.operation_id.as_ref().map(AsRef::<str>::as_ref))
    .bind(entry.kind.map(|kind| kind.as_str()))
    .bind(&entry.key)
    .bind(&entry.request_id)
    .bind(entry.attempt)
    .bind(&entry.outcome)
    .bind(entry.upstream_status)
    .bind(entry.duration_ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX)))
    .bind(entry.payload.as_ref().map(json).transpose()?)
    .execute(on)
    .await?;
    Ok(())
}

/// [`OperationStore::append`](crate::store::OperationStore::append)
pub(super) struct Append(pub AuditEntry);

impl Work for Append {
    type Answer = ();

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(append(on, &self.0))
    }
}

/// [`OperationStore::audit`](crate::store::OperationStore::audit)
pub(super) struct ListAudit {
    pub filter: AuditFilter,
    pub before: Option<i64>,
    pub limit: u32,
}

impl Work for ListAudit {
    type Answer = Page<AuditEntry>;

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Page<AuditEntry>, StoreError>> {
        Box::pin(async move {
            let filter = &self.filter;
            let mut query = QueryBuilder::new("SELECT * FROM audit WHERE 1 = 1");
            if let Some(locations) = &filter.locations {
                among(&mut query, "location", locations.iter().map(AsRef::as_ref));
            }
            if let Some(contact) = &filter.contact {
                query.push(" AND contact = ").push_bind(contact.to_string());
            }
            if let Some(operation) = &filter.operation {
                query.push(" AND operation = ").push_bind(operation.to_string());
            }
            if let Some(event) = filter.event {
                query.push(" AND event = ").push_bind(event.as_str());
            }
            if let Some(since) = filter.since {
                query.push(" AND at >= ").push_bind(millis(since));
            }
            if let Some(until) = filter.until {
                query.push(" AND at < ").push_bind(millis(until));
            }
            if let Some(before) = self.before {
                query.push(" AND seq < ").push_bind(before);
            }
            let limit = page_size(self.limit);
            query.push(" ORDER BY seq DESC LIMIT ").push_bind(limit + 1);
            page(query.build().fetch(on), limit, &["payload_json"], audit_entry).await
        })
    }
}

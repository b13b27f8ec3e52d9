//! What every store must do, tried on each that there is.

mod changes;
mod connections;
mod contract;
mod erasing;
mod reading;
mod sources;

use super::{Accepted, OperationStore, sqlite::SqliteStore};
use crate::{
    domain::{
        ids::{ContactId, LocationId, OperationId},
        operation::{AttemptEnd, AuditEntry, AuditEvent, Idempotency, NewOperation, Operation, Requester, Written},
        problem::{Problem, ProblemKind},
        write::{Fields, Write},
    },
    settings::StoreUrl,
    tasks::Tasks,
};
use jiff::Timestamp;
use std::{path::PathBuf, time::Duration};

/// A folder of a test's own, gone afterwards.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("ghl-enrich-store-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A store with what it needs.
pub(crate) struct Rig {
    pub(crate) store: SqliteStore,
    pub(crate) tasks: Tasks,
    pub(crate) url: StoreUrl,
    pub(crate) folder: Option<Folder>,
}

impl Rig {
    pub(crate) async fn file() -> Self {
        let folder = Folder::new();
        let url = StoreUrl::SqliteFile(folder.0.join("deep/er/store.db"));
        Self { folder: Some(folder), ..Self::open(url).await }
    }

    pub(crate) async fn memory() -> Self {
        Self::open(StoreUrl::SqliteMemory).await
    }

    async fn open(url: StoreUrl) -> Self {
        let tasks = Tasks::new();
        let store = SqliteStore::open(&url, &tasks).await.unwrap();
        Self { store, tasks, url, folder: None }
    }

    /// Changes the file as nobody should.
    pub(crate) async fn damage(&self, statement: &'static str) {
        use sqlx::{ConnectOptions as _, sqlite::SqliteConnectOptions};
        let StoreUrl::SqliteFile(path) = &self.url else { panic!("a file is meant") };
        let mut other = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
        sqlx::raw_sql(statement).execute(&mut other).await.unwrap();
    }

    /// Ends everything, without closing.
    pub(crate) async fn end(self) -> (StoreUrl, Option<Folder>) {
        drop(self.store);
        assert!(self.tasks.shut_down(Duration::from_secs(20)).await, "the writer ends when nobody can ask it");
        (self.url, self.folder)
    }
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub(crate) fn location() -> LocationId {
    LocationId::parse("location1").unwrap()
}

pub(crate) fn contact(name: &str) -> ContactId {
    ContactId::parse(name).unwrap()
}

pub(crate) fn note(on: &str) -> Write {
    let fields = serde_json::from_value(serde_json::json!({ "body": "called" })).unwrap();
    Write::CreateNote { contact: contact(on), fields }
}

pub(crate) fn new_contact(email: Option<&str>) -> Write {
    let fields = email
        .map_or_else(Fields::default, |email| serde_json::from_value(serde_json::json!({ "email": email })).unwrap());
    Write::CreateContact { fields }
}

pub(crate) fn key(name: &str, request: u8) -> Idempotency {
    Idempotency { scope: "location1/someone".into(), key: name.into(), fingerprint: [request; 32] }
}

pub(crate) fn new(id: &str, write: Write) -> NewOperation {
    NewOperation {
        id: OperationId::parse(id).unwrap(),
        location: location(),
        write,
        requester: Requester { key: Some("someone".into()), request_id: format!("request-{id}") },
        idempotency: None,
        created_at: at(0),
    }
}

pub(crate) fn entry(id: &str, event: AuditEvent) -> AuditEntry {
    AuditEntry {
        seq: 0,
        at: at(0),
        event,
        location_id: Some(location()),
        contact_id: None,
        operation_id: Some(OperationId::parse(id).unwrap()),
        kind: None,
        key: Some("someone".into()),
        request_id: Some(format!("request-{id}")),
        attempt: None,
        outcome: "done".into(),
        upstream_status: Some(201),
        duration_ms: Some(12),
        payload: None,
    }
}

pub(crate) fn attempt(id: &str, number: u32) -> AuditEntry {
    AuditEntry { attempt: Some(number), ..entry(id, AuditEvent::Attempt) }
}

pub(crate) fn problem() -> Problem {
    Problem::new(ProblemKind::UpstreamUnavailable, "GHL is away.")
}

pub(crate) fn written(id: &str) -> Written {
    Written { status: 201, body: serde_json::json!({ "id": id, "body": "called" }), id: Some(id.into()) }
}

pub(crate) fn done(id: &str) -> AttemptEnd {
    AttemptEnd::Done(written(id))
}

pub(crate) fn later(seconds: i64, uncertain: Option<(i64, i64)>) -> AttemptEnd {
    let uncertain = uncertain.map(|(since, until)| (at(since), at(until)));
    AttemptEnd::Later { due_at: at(seconds), problem: problem(), counts: true, uncertain }
}

/// Shorthands over a store.
pub(crate) struct On<'a>(pub(crate) &'a SqliteStore);

impl On<'_> {
    pub(crate) async fn accept(&self, id: &str, write: Write) -> Operation {
        match self.0.accept(new(id, write), entry(id, AuditEvent::Accepted)).await.unwrap() {
            Accepted::New(operation) => operation,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn get(&self, id: &str) -> Operation {
        self.0.operation(OperationId::parse(id).unwrap()).await.unwrap().unwrap()
    }

    /// Ids of those that are claimed, each for a minute.
    pub(crate) async fn claim(&self, second: i64) -> Vec<String> {
        let claimed = self.0.claim(at(second), at(second + 60), 100, Vec::new()).await.unwrap();
        claimed.into_iter().map(|operation| operation.id.to_string()).collect()
    }

    pub(crate) async fn end(&self, id: &str, number: u32, end: AttemptEnd, second: i64) -> bool {
        let operation = OperationId::parse(id).unwrap();
        self.0.end_attempt(operation, end, attempt(id, number), at(second)).await.unwrap()
    }
}

/// Each of these on each store.
macro_rules! on_every_store {
    ($($name:ident,)*) => {
        mod in_a_file {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&$crate::store::tests::Rig::file().await.store).await;
            })*
        }

        mod in_memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&$crate::store::tests::Rig::memory().await.store).await;
            })*
        }
    };
}
use on_every_store;
pub(crate) use sources::told;

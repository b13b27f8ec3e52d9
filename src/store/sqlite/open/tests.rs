//! Which file a name leads to, and how it stands.

use crate::{
    settings::StoreUrl,
    store::{
        OperationStore as _, StoreError,
        sqlite::SqliteStore,
        tests::{Folder, Rig},
    },
    tasks::Tasks,
};
use std::{fs, path::Path};

async fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(&StoreUrl::SqliteFile(path.to_owned()), &Tasks::new()).await
}

#[cfg(unix)]
#[tokio::test]
async fn a_second_process_is_kept_off_by_whatever_name_it_has_for_the_file() {
    use std::os::unix::fs::symlink;
    let rig = Rig::file().await;
    let StoreUrl::SqliteFile(path) = &rig.url else { panic!("a file is meant") };
    let folder = Folder::new();
    let (link, early) = (folder.0.join("link.db"), folder.0.join("early.db"));
    symlink(path, &link).unwrap();
    assert_eq!(open(&link).await.unwrap_err(), StoreError::Locked);
    // A link that leads to a file which is not there yet.
    symlink(folder.0.join("later.db"), &early).unwrap();
    let _first = open(&early).await.unwrap();
    assert_eq!(open(&folder.0.join("later.db")).await.unwrap_err(), StoreError::Locked);
}

#[tokio::test]
async fn a_process_that_is_about_to_be_gone_is_waited_for() {
    let rig = Rig::file().await;
    let StoreUrl::SqliteFile(path) = &rig.url else { panic!("a file is meant") };
    // The opening finds it locked before the closing begins.
    let (opened, ()) = tokio::join!(open(path), rig.store.close());
    assert_eq!(opened.map(drop), Ok(()));
}

#[tokio::test]
async fn a_file_that_may_be_read_alone_is_told_before_the_first_write() {
    let rig = Rig::file().await;
    let (url, _folder) = rig.end().await;
    let StoreUrl::SqliteFile(path) = &url else { panic!("a file is meant") };
    let mut permissions = fs::metadata(path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(path, permissions).unwrap();
    // Nothing is read-only to root.
    let root = fs::OpenOptions::new().write(true).open(path).is_ok();
    assert_eq!(open(path).await.err(), (!root).then_some(StoreError::ReadOnly));
}

#[tokio::test]
async fn a_file_of_the_first_schema_is_brought_up_to_date_with_what_it_holds() {
    use crate::store::{OperationStore as _, Reservation, tests};
    use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};
    let folder = Folder::new();
    let path = folder.0.join("store.db");
    let mut first = SqliteConnectOptions::new().filename(&path).create_if_missing(true).connect().await.unwrap();
    let made = format!(
        "{}; PRAGMA application_id = {}; PRAGMA user_version = 1;
         INSERT INTO idempotency_keys (scope, client_key, fingerprint, answer_json, created_at)
         VALUES ('location1:anonymous', 'r', zeroblob(32), '{{\"contactId\":\"c1\"}}', 0);",
        include_str!("../schema_1.sql"),
        super::APPLICATION_ID
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(made)).execute(&mut first).await.unwrap();
    first.close().await.unwrap();
    let store = open(&path).await.unwrap();
    let scope =
        crate::domain::erasure::ErasureScope { location: tests::location(), contact: Some(tests::contact("c1")) };
    let entry = tests::entry("o", crate::domain::operation::AuditEvent::Erased);
    assert_eq!(store.erase(scope, entry, tests::at(1)).await.unwrap().counts.idempotency_keys, 1);
    let key = crate::domain::operation::Idempotency {
        scope: "location1:anonymous".into(),
        key: "r".into(),
        fingerprint: [0; 32],
    };
    assert_eq!(store.reserve(key, tests::at(2)).await, Ok(Reservation::Erased));
}

#[tokio::test]
async fn a_file_of_the_second_schema_keeps_its_rows_and_takes_sources() {
    use crate::{
        domain::{ids::WebhookId, operation::AuditFilter},
        store::{Inbox as _, SourceStore as _, tests},
    };
    use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};
    let folder = Folder::new();
    let path = folder.0.join("store.db");
    let mut second = SqliteConnectOptions::new().filename(&path).create_if_missing(true).connect().await.unwrap();
    let made = format!(
        "{}; {}; PRAGMA application_id = {}; PRAGMA user_version = 2;
         INSERT INTO audit (at, event, location, outcome) VALUES (0, 'refused', 'location1', 'forbidden');
         INSERT INTO inbox (webhook_id, type, received_at, due_at, stage) VALUES ('w1', 'ContactUpdate', 0, 0, 0);",
        include_str!("../schema_1.sql"),
        include_str!("../schema_2.sql"),
        super::APPLICATION_ID
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(made)).execute(&mut second).await.unwrap();
    second.close().await.unwrap();
    let store = open(&path).await.unwrap();
    let log = store.audit(AuditFilter::default(), None, 10).await.unwrap().items;
    assert_eq!((log.len(), log[0].outcome.as_str()), (1, "forbidden"));
    assert!(store.event(WebhookId::parse("w1").unwrap()).await.unwrap().is_some());
    let taken = store.take_in(vec![tests::told("e1", 0)], 10).await.unwrap();
    assert_eq!(taken, crate::store::TakenIn::Yes(vec![true]));
    store.close().await;
    let again = Tasks::new();
    let store = SqliteStore::open(&StoreUrl::SqliteFile(path), &again).await.unwrap();
    assert_eq!(store.arrived_from_sources(10).await.unwrap().events.len(), 1);
}

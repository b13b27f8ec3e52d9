//! The write-ahead log: how long it becomes, who brings it into the file, and when it is gone.

use super::{foreign, say};
use crate::{
    domain::operation::{AuditEntry, AuditEvent, AuditFilter},
    store::{
        OperationStore as _,
        sqlite::{
            SqliteStore,
            journal::Emptying,
            open,
            wal::{Lengths, Turn, Wal},
            writer::Writer,
        },
        tests::{Folder, entry},
    },
    tasks::Tasks,
    telemetry::logs,
};
use sqlx::Row as _;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// A store, its file, and its folder.
async fn opened(log: Lengths) -> (SqliteStore, PathBuf, Folder) {
    let folder = Folder::new();
    let path = folder.0.join("store.db");
    let store = SqliteStore::open_file(&path, log, &Tasks::new()).await.unwrap();
    (store, path, folder)
}

/// Writes so many entries of about a page, one by one; how long the log's file was at most.
async fn write(store: &SqliteStore, path: &Path, entries: usize) -> u64 {
    let mut longest = 0;
    for _ in 0..entries {
        let payload = Some(serde_json::Value::from("x".repeat(3_000)));
        store.append(AuditEntry { payload, ..entry("a", AuditEvent::Accepted) }).await.unwrap();
        longest = longest.max(bytes_of_log(path));
    }
    longest
}

fn bytes_of_log(path: &Path) -> u64 {
    std::fs::metadata(path.with_file_name("store.db-wal")).unwrap().len()
}

/// Pages in the log, and those of them that are in the file.
async fn pages(path: &Path) -> (i64, i64) {
    let mut other = foreign(path).await;
    let row = sqlx::query("PRAGMA wal_checkpoint(NOOP)").fetch_one(&mut other).await.unwrap();
    (row.get(1), row.get(2))
}

/// Of two readers one always reads.
async fn read_without_a_pause(path: &Path, stop: CancellationToken) {
    const SEE: &str = "BEGIN; SELECT count(*) FROM audit";
    let (mut one, mut other) = (foreign(path).await, foreign(path).await);
    say(&mut one, SEE).await;
    while !stop.is_cancelled() {
        say(&mut other, SEE).await;
        say(&mut one, "COMMIT").await;
        tokio::time::sleep(Duration::from_millis(2)).await;
        say(&mut one, SEE).await;
        say(&mut other, "COMMIT").await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stays_short_though_somebody_reads_all_the_time() {
    const MOST: u64 = 512 * 1024;
    let (store, path, _folder) = opened(Lengths::within(MOST)).await;
    let stop = CancellationToken::new();
    let written = async {
        let longest = write(&store, &path, 1_500).await;
        stop.cancel();
        longest
    };
    let (longest, ()) = tokio::join!(written, read_without_a_pause(&path, stop.clone()));
    // Between two looks at its length it grows by 64 commits of a few pages.
    assert!(longest < MOST + 64 * 10 * 4096, "{longest} bytes");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_begun_anew_long_before_anybody_has_to_wait() {
    const MOST: u64 = 16 * 1024 * 1024;
    let (store, path, _folder) = opened(Lengths::within(MOST)).await;
    let stop = CancellationToken::new();
    let written = async {
        let longest = write(&store, &path, 4_000).await;
        stop.cancel();
        longest
    };
    let reading = async {
        while !stop.is_cancelled() {
            store.depth().await.unwrap();
        }
    };
    let (longest, ()) = tokio::join!(written, reading);
    assert!(longest < MOST / 2, "{longest} bytes");
    assert!(store.report().outside > 0);
    store.close().await;
}

#[tokio::test]
async fn no_commit_copies_it() {
    let (store, path, _folder) = opened(Lengths::within(u64::MAX)).await;
    write(&store, &path, 1_000).await;
    let (log, copied) = pages(&path).await;
    assert!(log > 1_000, "beyond what SQLite would copy by itself: {log}");
    assert_eq!(copied, 0);
    store.close().await;
}

#[tokio::test]
async fn it_is_copied_beside_the_writer() {
    // It is copied once it is 512 pages long, and begun anew at 2048: an entry takes from four to eight.
    let (store, path, _folder) = opened(Lengths::within(8192 * 4096)).await;
    write(&store, &path, 192).await;
    let copied = async {
        while pages(&path).await.1 == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), copied).await.expect("it is copied");
    assert_eq!(store.report().outside, 0, "the writer did nothing for it");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_can_be_emptied_while_it_is_copied() {
    let (store, path, _folder) = opened(Lengths::within(64 * 4096)).await;
    let emptied = async {
        for _ in 0..50 {
            store.empty_journal().await.unwrap();
        }
    };
    tokio::join!(write(&store, &path, 1_000), emptied);
    store.empty_journal().await.unwrap();
    assert_eq!(bytes_of_log(&path), 0);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_gone_once_the_store_is_closed() {
    for entries in [1, 64, 200] {
        let (store, path, folder) = opened(Lengths::within(64 * 4096)).await;
        write(&store, &path, entries).await;
        store.close().await;
        let left: Vec<_> = std::fs::read_dir(&folder.0).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name == "store.db-wal" || name == "store.db-shm"), "{left:?}");
    }
}

#[tokio::test]
async fn one_that_cannot_be_copied_is_told_of_once_and_harms_nothing() {
    let log = logs::capture();
    let _here = tracing::subscriber::set_default(log.subscriber("info").unwrap());
    let folder = Folder::new();
    let path = folder.0.join("store.db");
    let tasks = Tasks::new();
    let (writer, options, lock) = open::file(&path).await.unwrap();
    let nowhere = options.filename(folder.0.join("nowhere/store.db"));
    let wal = Wal::new(&nowhere, Lengths::within(64 * 4096), Turn::default());
    let writer = Writer::start(writer, Some((lock, wal)), &tasks);
    let store = SqliteStore { writer, readers: None, emptying: Emptying::default() };
    write(&store, &path, 300).await;
    assert_eq!(store.health(), Ok(()));
    store.close().await;
    let text = log.text();
    assert_eq!(text.matches("cannot be copied into its file").count(), 1, "{text}");
    assert!(tasks.shut_down(Duration::from_secs(20)).await);
    let again = SqliteStore::open_file(&path, Lengths::default(), &Tasks::new()).await.unwrap();
    assert_eq!(again.audit(AuditFilter::default(), None, 1_000).await.unwrap().items.len(), 300);
    again.close().await;
}

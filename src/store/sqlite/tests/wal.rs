//! The write-ahead log under readers who leave no pause.

use super::{foreign, say};
use crate::{
    domain::operation::{AuditEntry, AuditEvent},
    store::{
        OperationStore as _,
        sqlite::SqliteStore,
        tests::{Folder, entry},
    },
    tasks::Tasks,
};
use std::{path::Path, time::Duration};
use tokio_util::sync::CancellationToken;

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
    let folder = Folder::new();
    let path = folder.0.join("store.db");
    let store = SqliteStore::open_file(&path, MOST, &Tasks::new()).await.unwrap();
    let stop = CancellationToken::new();
    let written = async {
        let mut longest = 0;
        for _ in 0..1_500 {
            let payload = Some(serde_json::Value::from("x".repeat(3_000)));
            store.append(AuditEntry { payload, ..entry("a", AuditEvent::Accepted) }).await.unwrap();
            longest = longest.max(std::fs::metadata(folder.0.join("store.db-wal")).unwrap().len());
        }
        stop.cancel();
        longest
    };
    let (longest, ()) = tokio::join!(written, read_without_a_pause(&path, stop.clone()));
    // Between two looks at its size it grows by 64 commits of a few pages.
    assert!(longest < MOST + 64 * 10 * 4096, "{longest} bytes");
    store.close().await;
}

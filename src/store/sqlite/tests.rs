//! What the file, the disk and the process can do to the store.

mod cost;
mod erasing;
mod unreadable;
mod wal;

use super::{Fault, SqliteStore, writer::Work};
use crate::{
    domain::{
        operation::{AuditEvent, AuditFilter, NewOperation, OperationFilter},
        write::WriteKind,
    },
    settings::StoreUrl,
    store::{
        Accepted, OperationStore as _, Reservation, StoreError,
        tests::{Folder, On, Rig, at, done, entry, key, new, note},
    },
    tasks::Tasks,
};
use futures_util::future::{BoxFuture, join_all};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{path::Path, time::Duration};

async fn open_error(path: &Path) -> StoreError {
    SqliteStore::open(&StoreUrl::SqliteFile(path.to_owned()), &Tasks::new()).await.expect_err("it does not open")
}

/// Somebody else's connection to a file.
async fn foreign(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

async fn say(connection: &mut SqliteConnection, statements: &'static str) {
    sqlx::raw_sql(statements).execute(connection).await.unwrap();
}

fn path(rig: &Rig) -> &Path {
    match &rig.url {
        StoreUrl::SqliteFile(path) => path,
        StoreUrl::SqliteMemory => panic!("a file is meant"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_requests_with_one_key_is_taken() {
    let rig = Rig::file().await;
    let attempts = (0..64).map(|number| {
        let id = format!("o{number}");
        let new = NewOperation { idempotency: Some(key("k", 1)), ..new(&id, note("c1")) };
        rig.store.accept(new, entry(&id, AuditEvent::Accepted))
    });
    let answers = join_all(attempts).await;
    let mut first = Vec::new();
    let mut ids = Vec::new();
    for answer in answers {
        match answer.unwrap() {
            Accepted::New(operation) => {
                first.push(operation.id.clone());
                ids.push(operation.id);
            }
            Accepted::Before(operation) => ids.push(operation.id),
            Accepted::KeyReused => panic!("it is the same request"),
        }
    }
    assert_eq!(first.len(), 1);
    assert!(ids.len() == 64 && ids.iter().all(|id| id == &first[0]));
}

#[tokio::test]
async fn what_arrives_together_shares_a_commit() {
    let rig = Rig::file().await;
    let before = rig.store.report();
    // On one thread all of them are queued before the writer has its first turn.
    let ids: Vec<String> = (0..200).map(|number| format!("o{number}")).collect();
    join_all(ids.iter().map(|id| async { On(&rig.store).accept(id, note(id)).await })).await;
    let after = rig.store.report();
    assert_eq!(after.commands - before.commands, 200);
    assert!(after.commits - before.commits <= 3, "{after:?}");
    assert_eq!(On(&rig.store).claim(1).await.len(), 100);
}

#[tokio::test]
async fn more_than_can_be_queued_waits_for_a_place() {
    let rig = Rig::file().await;
    let entries = (0..3000).map(|_| rig.store.append(entry("a", AuditEvent::Refused)));
    assert!(join_all(entries).await.iter().all(Result::is_ok));
    assert_eq!(rig.store.prune(at(0), at(0), at(1)).await.unwrap(), 3000);
}

/// Writes an entry and then fails.
struct Spoiled;

impl Work for Spoiled {
    type Answer = ();

    fn run<'a>(&'a self, on: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            super::audit::append(on, &entry("spoiled", AuditEvent::Refused)).await?;
            sqlx::query("INSERT INTO nowhere VALUES (1)").execute(on).await?;
            Ok(())
        })
    }
}

#[tokio::test]
async fn one_that_fails_spoils_no_other_of_its_group() {
    let rig = Rig::file().await;
    let on = On(&rig.store);
    let (_, spoiled, _) =
        tokio::join!(on.accept("a", note("c1")), rig.store.writer.call(Spoiled), on.accept("b", note("c2")));
    assert!(matches!(spoiled, Err(StoreError::Failed(_))), "{spoiled:?}");
    let log = rig.store.audit(AuditFilter::default(), None, 10).await.unwrap().items;
    assert_eq!(log.len(), 2, "each once, and of the one that failed nothing");
    assert_eq!(on.claim(1).await, ["a", "b"]);
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_not_reads() {
    let rig = Rig::file().await;
    let on = On(&rig.store);
    on.accept("a", note("c1")).await;
    rig.store.inject(Some(Fault::Full)).await.unwrap();
    let mut refused = Vec::new();
    for number in 0..200 {
        let id = format!("o{number}");
        let answer = rig.store.accept(new(&id, note(&id)), entry(&id, AuditEvent::Accepted)).await;
        refused.extend(answer.err());
    }
    assert!(refused.len() > 100, "the rest of the last pages is used up soon");
    assert!(refused.iter().all(|error| *error == StoreError::Full), "{refused:?}");
    assert_eq!(rig.store.health(), Err(StoreError::Full));
    assert_eq!(
        rig.store.claim(at(-5), at(9), 1, Vec::new()).await,
        Err(StoreError::Full),
        "even nothing is not written"
    );
    assert_eq!(on.get("a").await.id.as_str(), "a", "reads go on");
    let stored = rig.store.operations(OperationFilter::default(), None, 1000).await.unwrap().items.len();
    assert_eq!(stored, 1 + 200 - refused.len(), "what was refused is not there");
    let log = rig.store.audit(AuditFilter::default(), None, 1000).await.unwrap().items.len();
    assert_eq!(log, stored);
    rig.store.inject(None).await.unwrap();
    on.accept("b", note("c1")).await;
    assert_eq!(rig.store.health(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_failed_is_tried_until_it_can_be_written() {
    let rig = Rig::file().await;
    rig.store.inject(Some(Fault::ReadOnly)).await.unwrap();
    let refused = rig.store.accept(new("a", note("c1")), entry("a", AuditEvent::Accepted)).await;
    assert_eq!(refused, Err(StoreError::ReadOnly));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(rig.store.health(), Err(StoreError::ReadOnly));
    rig.store.inject(None).await.unwrap();
    let healed = async {
        while rig.store.health().is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(600), healed).await.expect("nobody has to write for it to be noticed");
    let probes = count(&rig, "SELECT count(*) FROM probe").await;
    assert_eq!(probes, 0, "trying leaves nothing");
}

async fn count(rig: &Rig, question: &'static str) -> i64 {
    let mut reader = foreign(path(rig)).await;
    let number = sqlx::query_scalar(question).fetch_one(&mut reader).await.unwrap();
    reader.close().await.unwrap();
    number
}

#[tokio::test]
async fn a_second_process_is_kept_off() {
    let rig = Rig::file().await;
    assert_eq!(open_error(path(&rig)).await, StoreError::Locked);
    On(&rig.store).accept("a", note("c1")).await;
    rig.store.close().await;
    let again = SqliteStore::open(&rig.url, &rig.tasks).await.expect("closed, it is free");
    assert_eq!(On(&again).get("a").await.id.as_str(), "a");
}

#[tokio::test]
async fn a_file_that_something_else_writes_is_locked_for_now() {
    let rig = Rig::file().await;
    let mut other = foreign(path(&rig)).await;
    say(&mut other, "BEGIN IMMEDIATE").await;
    let refused = rig.store.append(entry("a", AuditEvent::Refused)).await;
    assert_eq!(refused, Err(StoreError::Locked));
    assert_eq!(rig.store.depth().await.unwrap().by_state, [], "reads go on");
    say(&mut other, "ROLLBACK").await;
    rig.store.append(entry("a", AuditEvent::Refused)).await.unwrap();
    assert_eq!(rig.store.health(), Ok(()));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_alone() {
    let folder = Folder::new();
    let path = folder.0.join("letter.txt");
    let letter = "Dear Sir or Madam, ".repeat(500);
    std::fs::write(&path, &letter).unwrap();
    assert!(matches!(open_error(&path).await, StoreError::Corrupt(_)));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), letter);
}

/// Overwrites pages of a store that is closed, from one on.
async fn damage(rig: Rig, first: i64, pages: usize) -> (StoreUrl, Option<Folder>) {
    rig.store.close().await;
    let (url, folder) = rig.end().await;
    let StoreUrl::SqliteFile(path) = &url else { panic!("a file is meant") };
    let mut bytes = std::fs::read(path).unwrap();
    let begin = 4096 * (usize::try_from(first).unwrap() - 1);
    let end = bytes.len().min(begin.saturating_add(4096 * pages));
    bytes[begin..end].fill(0xa5);
    std::fs::write(path, bytes).unwrap();
    (url, folder)
}

#[tokio::test]
async fn a_damaged_file_is_not_opened() {
    let rig = Rig::file().await;
    On(&rig.store).accept("a", note("c1")).await;
    let (url, _folder) = damage(rig, 2, 1000).await;
    let error = SqliteStore::open(&url, &Tasks::new()).await.expect_err("nothing but its header is whole");
    assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}");
}

#[tokio::test]
async fn what_is_damaged_inside_is_noticed_when_it_is_written() {
    let rig = Rig::file().await;
    let page = count(&rig, "SELECT rootpage FROM sqlite_schema WHERE name = 'audit'").await;
    let (url, _folder) = damage(rig, page, 1).await;
    let tasks = Tasks::new();
    let damaged = SqliteStore::open(&url, &tasks).await.unwrap();
    let answer = damaged.accept(new("a", note("c1")), entry("a", AuditEvent::Accepted)).await;
    assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{answer:?}");
    assert!(matches!(damaged.health(), Err(StoreError::Corrupt(_))));
    assert_eq!(damaged.depth().await.unwrap().by_state, [], "the operation was not stored either");
}

#[tokio::test]
async fn a_database_of_somebody_else_is_left_alone() {
    let folder = Folder::new();
    let path = folder.0.join("theirs.db");
    let mut other = foreign(&path).await;
    say(&mut other, "CREATE TABLE letters (body TEXT)").await;
    other.close().await.unwrap();
    let before = std::fs::read(&path).unwrap();
    let StoreError::Corrupt(cause) = open_error(&path).await else { panic!("it is theirs") };
    assert!(cause.contains("another application"), "{cause}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let rig = Rig::file().await;
    rig.store.close().await;
    let mut newer = foreign(path(&rig)).await;
    say(&mut newer, "PRAGMA user_version = 999").await;
    newer.close().await.unwrap();
    let StoreError::Failed(cause) = open_error(path(&rig)).await else { panic!("it is newer") };
    assert!(cause.contains("newer") && cause.contains("999"), "{cause}");
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named_at_once() {
    let folder = Folder::new();
    let StoreError::Failed(cause) = open_error(&folder.0).await else { panic!("a folder stands there") };
    assert!(cause.contains("directory"), "{cause}");
    let file = folder.0.join("file");
    std::fs::write(&file, "").unwrap();
    let StoreError::Failed(_) = open_error(&file.join("store.db")).await else { panic!("a file stands in the way") };
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1, "nothing is left behind");
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let rig = Rig::file().await;
    On(&rig.store).accept("a", note("c1")).await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path(&rig)), 0o600);
    assert_eq!(mode(&path(&rig).with_file_name("store.db-wal")), 0o600);
    assert_eq!(mode(path(&rig).parent().unwrap()), 0o700);
}

#[tokio::test]
async fn what_was_answered_survives_the_process() {
    let rig = Rig::file().await;
    let on = On(&rig.store);
    for id in ["a", "b", "c"] {
        on.accept(id, note("c1")).await;
    }
    on.claim(1).await;
    assert!(on.end("a", 1, done("note1"), 2).await);
    on.claim(3).await;
    assert_eq!(rig.store.reserve(key("answered", 1), at(0)).await.unwrap(), Reservation::New);
    rig.store.answer(key("answered", 1), Some(serde_json::json!("yes"))).await.unwrap();
    // What the disk holds at this moment is what a process that is killed leaves.
    let left = Folder::new();
    for file in ["store.db", "store.db-wal"] {
        std::fs::copy(path(&rig).with_file_name(file), left.0.join(file)).unwrap();
    }
    let url = StoreUrl::SqliteFile(left.0.join("store.db"));
    let next = SqliteStore::open(&url, &rig.tasks).await.unwrap();
    assert_eq!(next.recover(at(10)).await.unwrap(), 1);
    let on = On(&next);
    assert_eq!(on.get("a").await, On(&rig.store).get("a").await);
    assert_eq!(on.get("b").await.uncertain_since, Some(at(3)));
    assert_eq!(on.claim(10).await, ["b"]);
    assert_eq!(next.claimed_ids(None, WriteKind::CreateNote, at(0)).await.unwrap(), ["note1"]);
    let answer = next.reserve(key("answered", 1), at(0)).await.unwrap();
    assert_eq!(answer, Reservation::Answered(serde_json::json!("yes")));
}

#[tokio::test]
async fn closing_finishes_what_was_begun_and_takes_nothing_more() {
    for rig in [Rig::file().await, Rig::memory().await] {
        let last = rig.store.accept(new("a", note("c1")), entry("a", AuditEvent::Accepted));
        let (last, ()) = tokio::join!(last, rig.store.close());
        assert!(matches!(last, Ok(Accepted::New(_))), "{last:?}");
        rig.store.close().await;
        let refused = rig.store.append(entry("a", AuditEvent::Refused)).await;
        assert_eq!(refused, Err(StoreError::Closed));
        assert_eq!(rig.store.depth().await, Err(StoreError::Closed));
        assert_eq!(rig.store.health(), Err(StoreError::Closed));
        rig.end().await;
    }
}

#[tokio::test]
async fn the_writer_outlives_those_who_are_told_to_stop() {
    let rig = Rig::file().await;
    assert!(!rig.tasks.shut_down(Duration::from_millis(50)).await, "it is not closed");
    On(&rig.store).accept("a", note("c1")).await;
    rig.store.close().await;
    assert!(rig.tasks.shut_down(Duration::from_secs(20)).await);
}

//! Opening the file: its folder, its lock, its schema.

use super::fault;
use crate::store::StoreError;
use sqlx::{
    ConnectOptions as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{
    ffi::OsString,
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::Instant;

/// Marks the file as ours (<https://www.sqlite.org/pragma.html#pragma_application_id>): `ghle`.
const APPLICATION_ID: i32 = 0x6768_6c65;

/// How the schema came to be, step by step; a step that was released never changes.
const STEPS: &[&str] = &[include_str!("schema_1.sql"), include_str!("schema_2.sql"), include_str!("schema_3.sql")];

/// How long a statement waits where something else, such as a back-up, holds the file for a moment.
pub(super) const BUSY: Duration = Duration::from_millis(500);

/// How long the WAL is to be at most; it is cut to this after it has grown beyond it.
pub(super) const WAL_BYTES: u64 = 64 * 1024 * 1024;

/// How long to wait for the lock: a process that was killed holds it until the system has cleared it away, and its successor
/// is often there by then.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// How often to look.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Behind the file's name, that of its lock.
const LOCK: &str = ".lock";

/// Keeps another process off the file. Given back when dropped, also by a process that dies.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held, not read")] File);

/// What every connection to the store says.
pub(super) fn options() -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .busy_timeout(BUSY)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .pragma("journal_size_limit", WAL_BYTES.to_string())
        .pragma("cache_size", "-1024")
        .pragma("trusted_schema", "OFF")
        // From the first row on: what moves between pages must leave no copy behind, or forgetting it later would miss one.
        .pragma("secure_delete", "ON")
        .disable_statement_logging()
}

/// The writer's connection to a file, the options for readers, and the lock.
pub(super) async fn file(path: &Path) -> Result<(SqliteConnection, SqliteConnectOptions, Lock), StoreError> {
    let (real, lock) = locked(path).await?;
    let options = options().filename(real);
    let mut connection = options.connect().await?;
    // Looked at before anything is changed: it may be somebody else's.
    let version = version(&mut connection).await?;
    drop(connection);
    // Nobody who commits copies the log into the file: that is done beside the writer.
    let options = options.journal_mode(SqliteJournalMode::Wal).pragma("wal_autocheckpoint", "0");
    connection = options.connect().await?;
    migrate(&mut connection, version).await?;
    Ok((connection, options, lock))
}

/// Where the file really is, and its lock, once it is free.
async fn locked(path: &Path) -> Result<(PathBuf, Lock), StoreError> {
    let give_up = Instant::now() + LOCK_PATIENCE;
    loop {
        let prepared = prepare(path).map_err(|error| {
            // What the error becomes has no room for the reason.
            tracing::error!(path = %path.display(), cause = %error, "the store's file cannot be made or opened");
            fault::of_io(&error)
        })?;
        match prepared {
            Some(prepared) => return Ok(prepared),
            None if Instant::now() < give_up => tokio::time::sleep(LOCK_POLL).await,
            None => return Err(StoreError::Locked),
        }
    }
}

/// A connection to nowhere.
pub(super) async fn memory() -> Result<SqliteConnection, StoreError> {
    let mut connection = options().in_memory(true).connect().await?;
    migrate(&mut connection, 0).await?;
    Ok(connection)
}

/// Makes folder and file, for nobody else to read, and takes the lock; says where the file really is. `None` where another
/// process has it.
fn prepare(path: &Path) -> io::Result<Option<(PathBuf, Lock)>> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        make_folder(folder)?;
    }
    // Closing a file that SQLite has open in this process would cost it its locks, so one that is there is not opened.
    if !path.exists() {
        private_file().open(path)?;
    }
    // One file has one lock, whatever links lead to it.
    let real = path.canonicalize()?;
    if real.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let lock = private_file().open(beside(&real, LOCK))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    can_be_written(&real)?;
    Ok(Some((real, Lock(lock))))
}

/// SQLite opens what cannot be written for reading alone, and says so only at the first write.
fn can_be_written(file: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).open(file).map(drop)
}

/// Makes a folder and those above it that are missing, and sees to it that the disk knows them: `SQLite` does that for its
/// files alone.
fn make_folder(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> =
        folder.ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.exists()).collect();
    private_folder().create(folder)?;
    for made in missing {
        let above = made.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // One that may be written and not read cannot be opened; then it is left to the system.
        if let Ok(above) = File::open(above) {
            above.sync_all()?;
        }
    }
    Ok(())
}

/// The lock as far as there is a file for it: none is made. The inner error is a process that has it.
pub(super) fn lock_as_found(path: &Path) -> io::Result<Result<Option<Lock>, Held>> {
    let file = match OpenOptions::new().read(true).write(true).open(beside(path, LOCK)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(None)),
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        Ok(()) => Ok(Ok(Some(Lock(file)))),
        Err(TryLockError::WouldBlock) => Ok(Err(Held)),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Another process has the store.
#[derive(Debug)]
pub(super) struct Held;

/// A file beside another.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn private_folder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// How many steps the file has taken.
pub(super) async fn version(connection: &mut SqliteConnection) -> Result<usize, StoreError> {
    let application: i32 = number(connection, "PRAGMA application_id").await?;
    let version: i32 = number(connection, "PRAGMA user_version").await?;
    let tables: i32 = number(connection, "SELECT count(*) FROM sqlite_schema").await?;
    if (application, version, tables) == (0, 0, 0) {
        return Ok(0);
    }
    if application != APPLICATION_ID {
        return Err(StoreError::Corrupt("the file is the database of another application".to_owned()));
    }
    let version = usize::try_from(version).map_err(|_| fault::damaged("version"))?;
    if version > STEPS.len() {
        return Err(StoreError::Failed(format!(
            "the file was made by a newer ghl-enrich (schema {version}; this one knows {}): use that one, or another file",
            STEPS.len()
        )));
    }
    Ok(version)
}

async fn number(connection: &mut SqliteConnection, question: &'static str) -> Result<i32, StoreError> {
    Ok(sqlx::query_scalar(question).fetch_one(connection).await?)
}

/// Takes the steps that are missing, each wholly or not at all.
async fn migrate(connection: &mut SqliteConnection, version: usize) -> Result<(), StoreError> {
    for (done, step) in STEPS.iter().enumerate().skip(version) {
        let step = format!(
            "BEGIN IMMEDIATE;\n{step}\nPRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {};\nCOMMIT;",
            done + 1
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(step)).execute(&mut *connection).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;

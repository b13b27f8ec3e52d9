//! A look at the file from outside, for the doctor: whether a service could open and write it. It makes nothing that stays,
//! changes nothing, and leaves a store alone that a process has.

use super::{fault, open};
use crate::{settings::StoreUrl, store::StoreError};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use std::{
    fs::{self, OpenOptions},
    io,
    path::Path,
};

/// What a look finds where nothing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Examined {
    /// Kept in memory: there is nothing to look at.
    Memory,
    /// There is no file yet; it can be made.
    Absent,
    /// Another process has it.
    InUse,
    /// It can be opened and written.
    Sound {
        /// Writes in it that have not ended.
        open: u64,
    },
}

/// See [`super::SqliteStore::examine`].
pub(super) async fn examine(url: &StoreUrl) -> Result<Examined, StoreError> {
    let StoreUrl::SqliteFile(path) = url else { return Ok(Examined::Memory) };
    match fs::metadata(path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return try_folder(path).map(|()| Examined::Absent).map_err(|error| fault::of_io(&error));
        }
        Err(error) => return Err(fault::of_io(&error)),
    }
    // The lock stands beside the file itself, whatever links lead to it.
    let path = &path.canonicalize().map_err(|error| fault::of_io(&error))?;
    // Held to the end, so that no service starts to write meanwhile.
    let Ok(_lock) = open::lock_as_found(path).map_err(|error| fault::of_io(&error))? else {
        return Ok(Examined::InUse);
    };
    let mut connection = open::options().filename(path).connect().await?;
    let found = look(&mut connection).await;
    connection.close().await?;
    found.map(|open| Examined::Sound { open })
}

async fn look(connection: &mut SqliteConnection) -> Result<u64, StoreError> {
    let version = open::version(connection).await?;
    // A file that cannot be written is opened for reading all the same, and says so here.
    sqlx::raw_sql("BEGIN IMMEDIATE; ROLLBACK").execute(&mut *connection).await?;
    if version == 0 {
        return Ok(0);
    }
    let question = "SELECT count(*) FROM operations WHERE state IN ('pending', 'running')";
    let open: i64 = sqlx::query_scalar(question).fetch_one(connection).await?;
    Ok(u64::try_from(open).unwrap_or_default())
}

/// Tries whether the nearest folder that exists takes a file.
fn try_folder(path: &Path) -> io::Result<()> {
    let parents =
        path.ancestors().skip(1).map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    for folder in parents {
        match fs::metadata(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(_) => {
                let probe = folder.join(format!(".ghl-enrich-check-{}", uuid::Uuid::new_v4()));
                OpenOptions::new().write(true).create_new(true).open(&probe)?;
                return fs::remove_file(probe);
            }
        }
    }
    Err(io::Error::from(io::ErrorKind::NotFound))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::operation::AuditEvent,
        store::{
            OperationStore as _,
            sqlite::SqliteStore,
            tests::{Folder, Rig, entry, new, note},
        },
    };

    fn held(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn what_is_not_there_yet_can_be_made_and_is_not() {
        let folder = Folder::new();
        for path in ["store.db", "deep/er/store.db"] {
            let url = StoreUrl::SqliteFile(folder.0.join(path));
            assert_eq!(SqliteStore::examine(&url).await, Ok(Examined::Absent), "{path}");
        }
        assert!(held(&folder.0).is_empty());
        fs::write(folder.0.join("file"), "x").unwrap();
        let within = StoreUrl::SqliteFile(folder.0.join("file/store.db"));
        assert!(matches!(SqliteStore::examine(&within).await, Err(StoreError::Failed(_))));
        assert_eq!(SqliteStore::examine(&StoreUrl::SqliteMemory).await, Ok(Examined::Memory));
    }

    #[tokio::test]
    async fn one_in_use_is_left_alone_and_one_at_rest_is_told_and_unchanged() {
        let rig = Rig::file().await;
        for id in ["o1", "o2"] {
            rig.store.accept(new(id, note(id)), entry(id, AuditEvent::Accepted)).await.unwrap();
        }
        assert_eq!(SqliteStore::examine(&rig.url).await, Ok(Examined::InUse));
        rig.store.accept(new("o3", note("o3")), entry("o3", AuditEvent::Accepted)).await.unwrap();
        rig.store.close().await;
        let (url, folder) = rig.end().await;
        let within = folder.as_ref().unwrap().0.join("deep/er");
        let before = held(&within);
        assert_eq!(SqliteStore::examine(&url).await, Ok(Examined::Sound { open: 3 }));
        assert_eq!(held(&within), before);
        assert_eq!(SqliteStore::examine(&url).await, Ok(Examined::Sound { open: 3 }), "the lock was given back");
    }

    #[tokio::test]
    async fn what_is_no_store_of_ours_is_told() {
        let folder = Folder::new();
        let path = folder.0.join("store.db");
        fs::write(&path, "no database at all, and long enough to be taken for the head of one: ".repeat(20)).unwrap();
        let found = SqliteStore::examine(&StoreUrl::SqliteFile(path.clone())).await;
        assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");
        assert_eq!(held(&folder.0), ["store.db"]);
        let found = SqliteStore::examine(&StoreUrl::SqliteFile(folder.0.clone())).await;
        assert_eq!(found, Err(StoreError::ReadOnly), "a folder is no file");
    }
}

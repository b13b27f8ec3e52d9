//! What `SQLite` and the file system say when they fail, in the store's words.

use crate::store::StoreError;
use std::io;

/// The primary result code of an extended one is its low byte (<https://www.sqlite.org/rescode.html>).
const PRIMARY: i32 = 0xff;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => of_code(database.code().as_deref(), database.message()),
            sqlx::Error::Io(error) => of_io(error),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) | sqlx::Error::Decode(_) => {
                Self::Corrupt(error.to_string())
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}

fn of_code(code: Option<&str>, message: &str) -> StoreError {
    let primary = code.and_then(|code| code.parse::<i32>().ok()).map(|code| code & PRIMARY);
    match primary {
        Some(13) => StoreError::Full,
        // SQLITE_PERM, SQLITE_READONLY, SQLITE_CANTOPEN
        Some(3 | 8 | 14) => StoreError::ReadOnly,
        // SQLITE_CORRUPT, SQLITE_NOTADB
        Some(11 | 26) => StoreError::Corrupt(message.to_owned()),
        // SQLITE_BUSY, SQLITE_LOCKED
        Some(5 | 6) => StoreError::Locked,
        _ => StoreError::Failed(message.to_owned()),
    }
}

/// An error of the file system.
pub(super) fn of_io(error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly,
        // Also where something else stands in the way: it has to be told what.
        _ => StoreError::Failed(error.to_string()),
    }
}

/// A row that says what none of ours says.
pub(super) fn damaged(what: &str) -> StoreError {
    StoreError::Corrupt(format!("a row holds no {what} of ours"))
}

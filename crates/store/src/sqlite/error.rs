//! SQLite's and the file system's failures as the store's.
//!
//! Invariant: an error names the file or folder that it is about, and keeps its cause.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::StoreError;

/// One failure that several waiters are told of.
#[derive(Debug, Clone)]
pub(super) struct Failure(Arc<rusqlite::Error>);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl Failure {
    /// Whether leaving other commits out of the group cannot help.
    pub(super) fn concerns_all(&self) -> bool {
        use ErrorCode as C;
        matches!(
            self.0.sqlite_error_code(),
            Some(
                C::DiskFull
                    | C::SystemIoFailure
                    | C::DatabaseCorrupt
                    | C::NotADatabase
                    | C::DatabaseBusy
            )
        )
    }
}

/// The store's failure for one of SQLite's, while it attempted something with this file.
pub(super) fn from_sqlite(error: impl Into<Failure>, attempt: &str, file: &Path) -> StoreError {
    use rusqlite::Error as E;
    let failure: Failure = error.into();
    let file = file.display();
    match failure.0.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => return StoreError::DiskFull(Box::new(failure)),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            return corrupt(format!("{file} ({attempt}): {failure}"));
        }
        Some(_) | None => {}
    }
    match failure.0.as_ref() {
        E::InvalidColumnType(..)
        | E::FromSqlConversionFailure(..)
        | E::IntegralValueOutOfRange(..)
        | E::Utf8Error(_) => corrupt(format!("{file} ({attempt}): {failure}")),
        _ => StoreError::Unavailable {
            what: format!("could not {attempt} in {file}"),
            source: Some(Box::new(failure)),
        },
    }
}

/// The store's failure for one of the file system's.
pub(super) fn from_io(error: io::Error, attempt: &str, path: &Path) -> StoreError {
    let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
    if full.contains(&error.kind()) {
        return StoreError::DiskFull(Box::new(error));
    }
    StoreError::Unavailable {
        what: format!("could not {attempt} {}", path.display()),
        source: Some(Box::new(error)),
    }
}

/// Stored data that contradicts itself, at no particular entry.
pub(super) fn corrupt(what: String) -> StoreError {
    StoreError::Corrupt { what, at: None }
}

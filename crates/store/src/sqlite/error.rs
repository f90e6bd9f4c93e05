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
pub(super) struct Shared(Arc<rusqlite::Error>);

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Shared {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl From<rusqlite::Error> for Shared {
    fn from(error: rusqlite::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl Shared {
    /// Whether leaving other commits out of the group cannot help.
    pub(super) fn concerns_all(&self) -> bool {
        use ErrorCode as C;
        matches!(
            self.0.sqlite_error_code(),
            Some(C::DiskFull | C::SystemIoFailure | C::DatabaseCorrupt | C::NotADatabase | C::DatabaseBusy)
        )
    }
}

/// The store's failure for one of SQLite's, while it attempted something with this file.
pub(super) fn from_sqlite(error: impl Into<Shared>, attempt: &str, file: &Path) -> StoreError {
    use rusqlite::Error as E;
    let shared: Shared = error.into();
    let file = file.display();
    match shared.0.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => return StoreError::DiskFull(Box::new(shared)),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            return corrupt(format!("{file} ({attempt}): {shared}"));
        }
        Some(_) | None => {}
    }
    match shared.0.as_ref() {
        E::InvalidColumnType(..) | E::FromSqlConversionFailure(..) | E::IntegralValueOutOfRange(..) | E::Utf8Error(_) => {
            corrupt(format!("{file} ({attempt}): {shared}"))
        }
        _ => StoreError::Unavailable {
            what: format!("could not {attempt} in {file}"),
            source: Some(Box::new(shared)),
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

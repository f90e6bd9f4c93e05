//! Files of the machine for the host.
//!
//! Invariant: all of it runs on a thread that is confined as commands are, so a link leads the host
//! nowhere that a command could not go. Nothing blocks on what is not a file: pipes and devices are
//! refused.

mod change;
mod list;
mod read;
mod stat;
mod write;

pub(crate) use change::{make_folder, make_link, remove};
pub(crate) use list::list;
pub(crate) use read::read;
pub(crate) use stat::stat_of;
pub(crate) use write::{Target, write};

use mainstay_guest::Problem;

/// A refusal that names the path.
fn refused(attempt: &str, path: &str, error: impl Into<std::io::Error>) -> Problem {
    use std::io::ErrorKind;
    let error = error.into();
    let text = format!("{attempt} `{path}` in the machine: {}", plain(&error));
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            Problem::Limit(text)
        }
        _ => Problem::Invalid(text),
    }
}

/// The error without its number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_lowercase()
}

/// Paths from the host are absolute and have no `..`, so that what is named is what is meant.
fn checked(path: &str) -> Result<&str, Problem> {
    let is_plain =
        path.starts_with('/') && !path.contains('\0') && !path.split('/').any(|part| part == "..");
    if is_plain {
        Ok(path)
    } else {
        Err(Problem::Invalid(format!("`{path}` is not an absolute path without `..`")))
    }
}

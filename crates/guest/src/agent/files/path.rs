//! Paths from the host, and what is said about those that cannot be.

use mainstay_guest::Problem;

/// A refusal that names the path.
pub(super) fn refused(attempt: &str, path: &str, error: impl Into<std::io::Error>) -> Problem {
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
pub(super) fn checked(path: &str) -> Result<&str, Problem> {
    let is_plain =
        path.starts_with('/') && !path.contains('\0') && !path.split('/').any(|part| part == "..");
    if is_plain {
        Ok(path)
    } else {
        Err(Problem::Invalid(format!("`{path}` is not an absolute path without `..`")))
    }
}

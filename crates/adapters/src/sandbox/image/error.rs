//! Why an image could not be had or made.

use std::io;

/// Why, by what is done next.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// It is not there: build or import it.
    #[error("{0}")]
    Missing(String),
    /// What was given cannot be made into one: tell whoever gave it.
    #[error("{0}")]
    Invalid(String),
    /// This machine failed.
    #[error("{attempted}: {source}")]
    Failed {
        /// What was attempted.
        attempted: String,
        /// Why it failed.
        source: io::Error,
    },
}

impl ImageError {
    pub(super) fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid(reason.into())
    }
}

/// Says what was attempted when it fails.
pub(super) trait Attempt<T> {
    fn attempt(self, attempted: impl FnOnce() -> String) -> Result<T, ImageError>;
}

impl<T> Attempt<T> for io::Result<T> {
    fn attempt(self, attempted: impl FnOnce() -> String) -> Result<T, ImageError> {
        self.map_err(|source| ImageError::Failed { attempted: attempted(), source })
    }
}

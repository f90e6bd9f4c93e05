//! An error as the API writes it.

use serde::Deserialize;

/// The body of an answer that is an error.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorObject,
}

/// An error.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ErrorObject {
    /// What happened.
    pub message: String,
    /// The error's code.
    #[serde(default)]
    pub code: Option<String>,
}

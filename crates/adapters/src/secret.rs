//! Secrets in memory: API keys and the like.
//!
//! Invariant: a secret is never printed; whoever needs its text calls [`Secret::expose`], which is
//! easy to search for. Deliberately absent: `Display`, `Serialize`, comparison.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

/// A text that must not be printed.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct Secret(Arc<str>);

impl Secret {
    /// The text itself, to be sent where it belongs.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

//! An agent.

use serde::Deserialize;

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Agent {
    /// Its id.
    pub id: String,
    /// A name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// The model asked first.
    pub model: String,
    /// When it was made, Unix seconds.
    #[serde(default)]
    pub created_at: u64,
}

//! An agent.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// What else the server says of it.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

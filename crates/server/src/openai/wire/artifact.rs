//! Files that turns left, as shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::openapi::Tag;

/// A file that a completed turn left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "object", rename = "agent.session.artifact")]
#[schemars(rename = "SessionArtifact", transform = Tag("object", "agent.session.artifact"))]
pub struct SessionArtifact {
    /// Its id.
    pub id: String,
    /// When the turn was completed, in Unix seconds.
    pub created_at: u64,
    /// The environment that it comes from; a session without compute has its workspace alone.
    pub environment_id: String,
    /// Where it was written.
    pub path: String,
    /// The session.
    pub session_id: String,
    /// How large it is.
    pub size_bytes: u64,
    /// The turn.
    pub turn_id: String,
}

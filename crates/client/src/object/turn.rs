//! A turn.

use serde::Deserialize;

/// A turn.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Turn {
    /// Its id.
    pub id: String,
    /// `queued`, `in_progress`, `waiting`, `completed`, `failed` or `cancelled`.
    pub status: String,
    /// When its input came, Unix seconds.
    #[serde(default)]
    pub created_at: u64,
    /// When it ended.
    #[serde(default)]
    pub completed_at: Option<u64>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<TurnError>,
    /// What it cost.
    #[serde(default)]
    pub usage: Option<Usage>,
}

/// Why a turn failed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TurnError {
    /// The kind of failure.
    #[serde(default)]
    pub code: Option<String>,
    /// What happened.
    #[serde(default)]
    pub message: String,
}

/// Tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Usage {
    /// Of prompts.
    #[serde(default)]
    pub input_tokens: u64,
    /// Of answers.
    #[serde(default)]
    pub output_tokens: u64,
}

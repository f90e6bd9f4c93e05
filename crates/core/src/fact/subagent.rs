//! What entries say of subagents.
//!
//! Invariant: what a subagent does stands in its own journal; its parent's keeps what the parent was
//! told, and what it cost.

use mainstay_protocol::{SessionId, Usage};
use serde::{Deserialize, Serialize};

/// See [`super::Fact::SubagentReported`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubagentReported {
    /// The subagent's session.
    pub subagent: SessionId,
    /// What it cost since its last report, with the subagents of its own.
    pub usage: Usage,
    /// What it cost so far.
    pub total: Usage,
}

/// See [`super::Fact::SessionClosed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionClosed {}

/// See [`super::Fact::SessionReopened`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionReopened {}

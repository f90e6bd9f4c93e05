//! Policy: may this tool call happen.
//!
//! Invariant: a policy is a pure function; its decision is part of the entry that requests the
//! effect, and no tool runs without one. Deliberately absent: policy languages; they implement
//! [`Policy`] in `adapters`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::tool::{ApprovalMode, ToolSpec};

/// What a policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// Go ahead.
    Allow,
    /// Ask a person first.
    Ask,
    /// Do not.
    Deny,
}

/// A policy's result, with the policy's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDecision {
    /// Allow, ask or deny.
    pub decision: Ruling,
    /// The policy that said so.
    pub policy: String,
}

/// What is to be decided.
#[derive(Debug, Clone, Copy)]
pub struct PolicyQuery<'a> {
    /// Who caused the turn.
    pub principal: &'a str,
    /// The tool.
    pub tool: &'a ToolSpec,
    /// The call's arguments.
    pub arguments: &'a Value,
}

/// A policy.
pub trait Policy: Send + Sync {
    /// Decides; pure and quick.
    fn evaluate(&self, query: PolicyQuery<'_>) -> PolicyDecision;
}

/// The policy of an installation without others: what the agent lists is allowed, and asked about
/// where the agent says so.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListedTools;

impl Policy for ListedTools {
    fn evaluate(&self, query: PolicyQuery<'_>) -> PolicyDecision {
        let decision = match query.tool.approval {
            ApprovalMode::Never => Ruling::Allow,
            ApprovalMode::Always => Ruling::Ask,
        };
        PolicyDecision { decision, policy: "listed_tools".to_owned() }
    }
}

//! Effects: requests to the world as data, and their outcomes.
//!
//! Invariant: what is journalled (`EffectRequest`, `Outcome`, `EffectFailure`) is small and enough
//! to make the request again from the journal; what is dispatched (`Dispatch`) is made from state.

use std::sync::Arc;

use mainstay_protocol::{ApprovalId, CallId, EffectId, ErrorCode, Usage};
use serde::{Deserialize, Serialize};

use crate::item::Item;
use crate::port::{
    Checkpoint, ExecRecord, ModelError, ModelReply, ModelRequest, Reconciliation, SandboxError,
    Saved, StopReason, ToolCall, ToolContext, ToolError, ToolOutput, WorldChange,
};
use crate::subagent::{SubagentChange, SubagentWork};
use crate::tool::{ToolSource, ToolSpec};

/// What is asked of the world, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum EffectRequest {
    /// A model call over the first `context` items of the transcript.
    Model {
        /// The route's entry, as the agent names it.
        model: String,
        /// Its position in the route.
        candidate: usize,
        /// How many items of the transcript are sent.
        context: usize,
    },
    /// A tool call; its arguments stand in the call's item.
    Tool {
        /// The call.
        call_id: CallId,
        /// The tool's name.
        tool: String,
    },
    /// Learn what tools the agent's remote sources offer.
    ResolveTools,
    /// Summarise the first `cut` items of the transcript.
    Compact {
        /// The model asked.
        model: String,
        /// How many items the summary replaces.
        cut: usize,
    },
    /// Save the session's machine.
    Checkpoint,
}

/// What came of an effect, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// The model's answer.
    Model {
        /// What it produced, in order.
        items: Vec<Item>,
        /// Tokens and price.
        usage: Usage,
        /// The model as the provider names it.
        model: String,
        /// Why it stopped.
        stop: StopReason,
    },
    /// The tool's answer, as the item that the model reads.
    Tool {
        /// A `ToolOutput` item.
        item: Item,
        /// The command that it ran, when it ran one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exec: Option<ExecRecord>,
        /// The subagent that it made, opened again or closed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subagent: Option<Box<SubagentChange>>,
        /// What changed of the session's machine since the journal last told of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        machine: Option<MachineNews>,
    },
    /// The tools on offer.
    Tools {
        /// In the order of the agent's sources.
        tools: Arc<[ToolSpec]>,
    },
    /// The summary that replaces the first `cut` items.
    Compacted {
        /// A `Summary` item.
        item: Item,
        /// How many items it replaces.
        cut: usize,
        /// Tokens and price.
        usage: Usage,
        /// The model as the provider names it.
        model: String,
    },
    /// The session's machine is saved.
    Checkpoint {
        /// What it brought.
        saved: Saved,
    },
}

impl Outcome {
    /// What the effect cost.
    pub(crate) fn usage(&self) -> Usage {
        match self {
            Self::Model { usage, .. } | Self::Compacted { usage, .. } => *usage,
            Self::Tool { .. } | Self::Tools { .. } | Self::Checkpoint { .. } => Usage::default(),
        }
    }
}

/// What changed of a session's machine, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum MachineNews {
    /// It is there.
    Connected,
    /// It was lost, and another is in its place.
    Replaced {
        /// How often that has happened, from 1.
        reset_count: u32,
        /// Calls whose changes may be lost.
        lost_calls: u32,
    },
    /// It could not be had.
    Absent {
        /// Why.
        message: String,
        /// Whether it was there when the journal last told of it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        was_connected: bool,
    },
}

/// Why an attempt failed, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EffectFailure {
    /// The code that a client sees if it ends the turn.
    pub code: ErrorCode,
    /// What was attempted and what came back.
    pub message: String,
    /// Whether the world may have changed.
    pub world: WorldChange,
}

/// Why an effect waits instead of being dispatched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaits {
    /// It does not wait.
    Nothing,
    /// The client runs it.
    Client,
    /// A person must approve it.
    Approval,
}

/// What follows from an unknown outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum UnknownNext {
    /// The tool is asked what became of it.
    Reconcile,
    /// A person is asked.
    Ask {
        /// The question.
        approval: ApprovalId,
        /// When the question lapses, Unix milliseconds.
        expires_at_ms: u64,
    },
    /// The model is told.
    Report {
        /// A `ToolOutput` item.
        item: Box<Item>,
    },
    /// It is attempted again.
    Retry,
}

/// An effect to run now.
#[derive(Debug, Clone)]
pub struct Dispatch {
    /// The effect; the idempotency key of all its attempts.
    pub effect: EffectId,
    /// From 1.
    pub attempt: u32,
    /// What to run.
    pub kind: DispatchKind,
}

/// What to run.
#[derive(Debug, Clone)]
pub enum DispatchKind {
    /// Call a model.
    Model {
        /// The route's entry, for `Models::find`.
        name: String,
        /// The request; its `model` is filled after `find`.
        request: Box<ModelRequest>,
        /// How its deltas are shown; none when nobody watches (compaction).
        live: Option<LiveOutput>,
    },
    /// Call a tool.
    Tool(Box<ToolCall>),
    /// Have the runtime do something with subagents.
    Subagent(Box<SubagentWork>),
    /// Ask a tool what became of earlier attempts.
    Reconcile(Box<ToolCall>),
    /// Learn the tools on offer.
    ResolveTools {
        /// The agent's sources.
        sources: Arc<[ToolSource]>,
        /// On whose behalf.
        context: ToolContext,
    },
    /// Save the session's machine.
    Checkpoint {
        /// The number of the last connection in the journal.
        connections_after: u64,
        /// The last checkpoint in the journal.
        last: Option<Arc<Checkpoint>>,
    },
}

/// How the deltas of a model call are shown before its outcome is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveOutput {
    /// The turn.
    pub turn: mainstay_protocol::TurnId,
    /// The `seq` of the effect's request, for item ids.
    pub seq: u64,
    /// `output_index` of the reply's first output.
    pub output_base: u32,
}

/// What the world answered, as the runtime reports it.
#[derive(Debug, Clone)]
pub enum EffectAnswer {
    /// A model call ended.
    Model(Result<ModelReply, ModelError>),
    /// A tool call ended.
    Tool(Result<ToolOutput, ToolError>),
    /// A reconcile call ended.
    Reconciled(Result<Reconciliation, ToolError>),
    /// The tools on offer are known.
    Tools(Result<Vec<ToolSpec>, ToolError>),
    /// The session's machine is saved.
    Checkpoint(Result<Saved, SandboxError>),
    /// A wait for subagents has nothing to tell yet.
    Parked {
        /// When it is told all the same, Unix milliseconds.
        until_ms: u64,
    },
}

//! A call about subagents as it is handed to the runtime.

use std::sync::Arc;

use mainstay_protocol::TurnId;

use crate::port::ToolCall;
use crate::session::SessionConfig;

/// A call about subagents, with what the runtime needs to make it.
#[derive(Debug, Clone)]
pub struct SubagentWork {
    /// The call.
    pub call: ToolCall,
    /// The settings under which the model was offered the tool.
    pub config: Arc<SessionConfig>,
    /// The turn that makes it.
    pub turn: TurnId,
    /// What is left of the session's spend limit, if it has one.
    pub left_microusd: Option<u64>,
    /// When a wait ends at the latest, once it has begun.
    pub until_ms: Option<u64>,
}

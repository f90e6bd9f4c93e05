//! The items of a turn, as shown.
//!
//! Invariant: a call of any tool that this server runs is a `mcp_call`, whose `server_label` is the
//! tool's source; a call that the client runs is a `function_call`. Deliberately absent:
//! computer-use items.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::content::{AgentContent, FunctionOutput, MessageContent, SummaryText};

/// How far a message, reasoning or search is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// Being written.
    InProgress,
    /// Whole.
    Completed,
    /// Broken off; what was shown of it is to be discarded.
    Incomplete,
}

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// Running or waiting.
    InProgress,
    /// It succeeded.
    Completed,
    /// It failed.
    Failed,
    /// Broken off.
    Incomplete,
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The user.
    User,
    /// The model.
    Assistant,
}

/// What a model's message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// A remark while it works.
    Commentary,
    /// Its answer.
    FinalAnswer,
}

/// An item of a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Item {
    /// A message.
    Message(MessageItem),
    /// Summaries of the model's reasoning.
    Reasoning(ReasoningItem),
    /// A call that the client runs.
    FunctionCall(FunctionCallItem),
    /// What the client's call returned.
    FunctionCallOutput(FunctionCallOutputItem),
    /// A call that this server runs.
    McpCall(McpCallItem),
    /// A search by the model's provider.
    WebSearchCall(WebSearchCallItem),
    /// A command in the session's environment.
    CommandExecution(CommandExecutionItem),
    /// What one agent sent another.
    AgentMessage(AgentMessageItem),
    /// Makes a subagent.
    CreateSubagentCall(CreateSubagentCallItem),
    /// Sends a subagent input.
    SendSubagentInputCall(SendSubagentInputCallItem),
    /// Opens a closed subagent again.
    ResumeSubagentCall(SubagentCallItem),
    /// Waits for subagents.
    WaitForSubagentsCall(WaitForSubagentsCallItem),
    /// Interrupts a subagent's turn.
    InterruptSubagentCall(SubagentCallItem),
    /// Closes a subagent.
    CloseSubagentCall(SubagentCallItem),
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageItem {
    /// Its id.
    pub id: String,
    /// Its turn.
    pub turn_id: String,
    /// Who wrote it.
    pub role: Role,
    /// How far it is; always completed for the user's.
    pub status: ItemStatus,
    /// What it is; null for the user's.
    pub phase: Option<Phase>,
    /// Its parts.
    pub content: Vec<MessageContent>,
}

/// Summaries of the model's reasoning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReasoningItem {
    /// Its id.
    pub id: String,
    /// Its turn.
    pub turn_id: String,
    /// How far it is.
    pub status: Option<ItemStatus>,
    /// The summaries.
    pub summary: Vec<SummaryText>,
}

/// A call that the client runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionCallItem {
    /// Its id.
    pub id: String,
    /// Its turn.
    pub turn_id: String,
    /// What the result must name.
    pub call_id: String,
    /// The function.
    pub name: String,
    /// Its arguments: an object, or the model's text where that is none.
    pub arguments: Value,
    /// How far it is.
    pub status: CallStatus,
}

/// What the client's call returned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionCallOutputItem {
    /// Its id.
    pub id: String,
    /// Its turn.
    pub turn_id: String,
    /// The call.
    pub call_id: String,
    /// Whether it succeeded.
    pub status: CallStatus,
    /// What it returned.
    pub output: Option<FunctionOutput>,
    /// Why it failed.
    pub error: Option<String>,
}

/// A call that this server runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct McpCallItem {
    /// Its id.
    pub id: String,
    /// Its turn.
    pub turn_id: String,
    /// The tool's source.
    pub server_label: String,
    /// The tool.
    pub name: String,
    /// Its arguments.
    pub arguments: Value,
    /// How far it is.
    pub status: CallStatus,
    /// What it returned.
    pub output: Value,
    /// Why it failed.
    pub error: Value,
}

/// A search by the model's provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebSearchCallItem {
    /// Its id.
    pub id: String,
    /// Its turn.
    pub turn_id: String,
    /// How far it is.
    pub status: ItemStatus,
    /// What was searched.
    pub action: Option<WebSearchAction>,
}

/// What was searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum WebSearchAction {
    /// The web.
    Search {
        /// The question.
        query: Option<String>,
        /// The questions, where there are several.
        queries: Option<Vec<String>>,
    },
    /// A page.
    OpenPage {
        /// Its address.
        url: Option<String>,
    },
    /// A text in a page.
    FindInPage {
        /// Its address.
        url: Option<String>,
        /// The text.
        pattern: Option<String>,
    },
    /// Something else.
    Other {},
}

/// A command in the session's environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandExecutionItem {
    /// Its id.
    pub id: String,
    /// Its turn.
    pub turn_id: String,
    /// The command.
    pub command: String,
    /// Where it ran.
    pub cwd: Option<String>,
    /// How far it is.
    pub status: CallStatus,
    /// How long it took.
    pub duration_ms: Option<u64>,
    /// What it exited with.
    pub exit_code: Option<i32>,
    /// What it wrote.
    pub output: Option<String>,
}

/// What one agent sent another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentMessageItem {
    /// Its id.
    pub id: String,
    /// Its turn.
    pub turn_id: String,
    /// The agent that sent it.
    pub sender_agent_id: String,
    /// The agent that got it.
    pub recipient_agent_id: String,
    /// Its parts.
    pub content: Vec<AgentContent>,
}

/// Makes a subagent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreateSubagentCallItem {
    /// Its id.
    pub id: String,
    /// Its turn.
    pub turn_id: String,
    /// The agent that asked.
    pub agent_id: String,
    /// The task.
    pub content: Vec<AgentContent>,
    /// The model asked for.
    pub model: Option<String>,
    /// The reasoning asked for.
    pub reasoning_effort: Option<String>,
    /// How far it is.
    pub status: CallStatus,
}

/// Sends a subagent input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SendSubagentInputCallItem {
    /// Its id.
    pub id: String,
    /// Its turn.
    pub turn_id: String,
    /// The agent that asked.
    pub sender_agent_id: String,
    /// The agent that gets it.
    pub recipient_agent_id: String,
    /// The input.
    pub content: Vec<AgentContent>,
    /// How far it is.
    pub status: CallStatus,
}

/// Resumes, interrupts or closes a subagent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubagentCallItem {
    /// Its id.
    pub id: String,
    /// Its turn.
    pub turn_id: String,
    /// The agent that asked.
    pub sender_agent_id: String,
    /// The subagent.
    pub recipient_agent_id: String,
    /// How far it is.
    pub status: CallStatus,
}

/// Waits for subagents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitForSubagentsCallItem {
    /// Its id.
    pub id: String,
    /// Its turn.
    pub turn_id: String,
    /// The agent that waits.
    pub sender_agent_id: String,
    /// The subagents.
    pub recipient_agent_ids: Vec<String>,
    /// How far it is.
    pub status: CallStatus,
}

/// Both ids of an item, whatever it is.
macro_rules! ids {
    ($($variant:ident),+) => {
        impl Item {
            /// The item's id.
            #[must_use]
            pub fn id(&self) -> &str {
                match self {$(Self::$variant(item) => &item.id),+}
            }

            /// The turn that the item belongs to.
            #[must_use]
            pub fn turn_id(&self) -> &str {
                match self {$(Self::$variant(item) => &item.turn_id),+}
            }
        }
    };
}

ids!(
    Message,
    Reasoning,
    FunctionCall,
    FunctionCallOutput,
    McpCall,
    WebSearchCall,
    CommandExecution,
    AgentMessage,
    CreateSubagentCall,
    SendSubagentInputCall,
    ResumeSubagentCall,
    WaitForSubagentsCall,
    InterruptSubagentCall,
    CloseSubagentCall
);

//! The items of a turn.

use serde::Deserialize;
use serde_json::Value;

/// An item.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Item {
    /// From the user or the model.
    Message(MessageItem),
    /// A call that the client runs.
    FunctionCall(CallItem),
    /// A call that the server runs.
    McpCall(CallItem),
    /// A command in the session's machine.
    CommandExecution(CommandItem),
    /// Something else.
    #[serde(other)]
    Other,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct MessageItem {
    /// Its id.
    pub id: String,
    /// `user` or `assistant`.
    pub role: String,
    /// `in_progress`, `completed` or `incomplete`.
    #[serde(default)]
    pub status: Option<String>,
    /// `commentary` or `final_answer`; none for the user's.
    #[serde(default)]
    pub phase: Option<String>,
    /// Its parts.
    #[serde(default)]
    pub content: Vec<MessagePart>,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct MessagePart {
    /// Its text, if it is one.
    #[serde(default)]
    pub text: Option<String>,
}

/// A command in the session's machine.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct CommandItem {
    /// Its id.
    pub id: String,
    /// The command.
    pub command: String,
    /// `in_progress`, `completed`, `failed` or `incomplete`.
    #[serde(default)]
    pub status: Option<String>,
    /// Its exit code, once it ended with one.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// What it printed, once it ended.
    #[serde(default)]
    pub output: Option<String>,
}

/// A tool call.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct CallItem {
    /// Its id.
    pub id: String,
    /// Its turn.
    #[serde(default)]
    pub turn_id: Option<String>,
    /// What the result must name, when the client runs it.
    #[serde(default)]
    pub call_id: Option<String>,
    /// The tool.
    pub name: String,
    /// The source of the tool, when the server runs it.
    #[serde(default)]
    pub server_label: Option<String>,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Value,
    /// `in_progress`, `completed`, `failed` or `incomplete`.
    #[serde(default)]
    pub status: Option<String>,
    /// What it returned.
    #[serde(default)]
    pub output: Value,
    /// Why it failed.
    #[serde(default)]
    pub error: Value,
}

impl Item {
    /// Its id, where it is known.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Message(message) => Some(&message.id),
            Self::FunctionCall(call) | Self::McpCall(call) => Some(&call.id),
            Self::CommandExecution(command) => Some(&command.id),
            Self::Other => None,
        }
    }
}

impl MessageItem {
    /// Its text, parts after one another.
    #[must_use]
    pub fn text(&self) -> String {
        self.content.iter().filter_map(|part| part.text.as_deref()).collect()
    }
}

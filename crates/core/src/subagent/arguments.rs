//! What an agent asks of its subagents.

use mainstay_protocol::SessionId;
use serde::Deserialize;
use serde_json::Value;

use super::specs::{
    CLOSE_SUBAGENT, CREATE_SUBAGENT, INTERRUPT_SUBAGENT, RESUME_SUBAGENT, SEND_SUBAGENT_INPUT,
    WAIT_FOR_SUBAGENTS,
};
use super::{MAX_WAIT_SECONDS, NewSubagent};
use crate::tool::ToolSpec;

/// When a wait for several is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitFor {
    /// When all of them rest.
    #[default]
    All,
    /// When one of them rests.
    Any,
}

/// A call about subagents.
#[derive(Debug, Clone, PartialEq)]
pub enum SubagentCall {
    /// Make one.
    Create(NewSubagent),
    /// Give one input.
    Send {
        /// Which.
        subagent: String,
        /// What it is told.
        message: String,
    },
    /// Wait for some.
    Wait {
        /// Which.
        subagents: Vec<String>,
        /// For all of them, or for one.
        wait_for: WaitFor,
        /// How long at the most.
        timeout_seconds: u64,
    },
    /// End what one is doing.
    Interrupt {
        /// Which.
        subagent: String,
    },
    /// Let one take no more input.
    Close {
        /// Which.
        subagent: String,
    },
    /// Let one take input again.
    Resume {
        /// Which.
        subagent: String,
    },
}

#[derive(Deserialize)]
struct One {
    subagent_id: String,
}

#[derive(Deserialize)]
struct Message {
    subagent_id: String,
    message: String,
}

#[derive(Deserialize)]
struct Wait {
    subagent_ids: Vec<String>,
    #[serde(default)]
    wait_for: WaitFor,
    #[serde(default = "longest")]
    timeout_seconds: u64,
}

fn longest() -> u64 {
    MAX_WAIT_SECONDS
}

impl SubagentCall {
    /// The call of this tool with these arguments; the error is for the model.
    pub fn parse(tool: &str, arguments: &Value) -> Result<Self, String> {
        let shape = |error: serde_json::Error| format!("the arguments do not fit: {error}");
        let one = || One::deserialize(arguments).map(|one| one.subagent_id).map_err(shape);
        match tool {
            CREATE_SUBAGENT => NewSubagent::deserialize(arguments).map(Self::Create).map_err(shape),
            SEND_SUBAGENT_INPUT => {
                let Message { subagent_id, message } =
                    Message::deserialize(arguments).map_err(shape)?;
                Ok(Self::Send { subagent: subagent_id, message })
            }
            WAIT_FOR_SUBAGENTS => {
                let Wait { subagent_ids, wait_for, timeout_seconds } =
                    Wait::deserialize(arguments).map_err(shape)?;
                Ok(Self::Wait { subagents: subagent_ids, wait_for, timeout_seconds })
            }
            INTERRUPT_SUBAGENT => Ok(Self::Interrupt { subagent: one()? }),
            CLOSE_SUBAGENT => Ok(Self::Close { subagent: one()? }),
            RESUME_SUBAGENT => Ok(Self::Resume { subagent: one()? }),
            other => Err(format!("there is no tool {other:?} for subagents")),
        }
    }
}

/// Whether a call of this tool waits for this subagent.
#[must_use]
pub fn awaits(spec: &ToolSpec, arguments: &Value, subagent: &SessionId) -> bool {
    let named = arguments["subagent_ids"].as_array().map_or(&[][..], Vec::as_slice);
    spec.remote_name == WAIT_FOR_SUBAGENTS
        && named.iter().any(|id| id.as_str() == Some(subagent.as_str()))
}

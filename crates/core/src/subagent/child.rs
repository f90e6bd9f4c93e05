//! What a subagent is made of.

use mainstay_protocol::{EffectId, SessionId, TenantId, sha256_hex};
use serde::Deserialize;
use serde_json::Value;

use crate::agent::AgentDefinition;
use crate::session::DEFAULT_INSTRUCTIONS;
use crate::tool::ToolSource;

/// How much of a hash a subagent's id has.
const HASHED_ID_CHARS: usize = 32;
/// What every subagent is told besides its parent's instructions.
const NOTE: &str = "You are a subagent: another agent gave you a task and works beside you. Do the \
task and nothing else. Your last message is what that agent reads; it sees nothing else of your work.";

/// A subagent as the model asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NewSubagent {
    /// What it is to do.
    pub task: String,
    /// A name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// Another model than its parent's.
    #[serde(default)]
    pub model: Option<String>,
    /// How hard it thinks, if not as hard as its parent.
    #[serde(default)]
    pub reasoning_effort: Option<String>,
}

/// The session that an effect makes.
#[must_use]
pub fn subagent_session(tenant: &TenantId, effect: &EffectId) -> SessionId {
    let hash = sha256_hex(format!("subagent/{tenant}/{effect}").as_bytes());
    let id = format!("{}_{}", SessionId::PREFIX, &hash[..HASHED_ID_CHARS]);
    SessionId::parse(&id).expect("a prefix and hexadecimal digits are an id")
}

/// The agent of a subagent: its parent's, without what works in its parent's machine and without the
/// form that its parent's answers have.
#[must_use]
pub fn definition(parent: &AgentDefinition, new: &NewSubagent) -> AgentDefinition {
    let mut own = parent.clone();
    let instructions = parent.instructions.as_deref().unwrap_or(DEFAULT_INSTRUCTIONS);
    if !instructions.ends_with(NOTE) {
        own.instructions = Some(format!("{instructions}\n\n{NOTE}"));
    }
    if let Some(model) = &new.model {
        own.model.clone_from(model);
        own.fallback_models.clear();
    }
    if let Some(effort) = &new.reasoning_effort {
        own.reasoning_effort = Some(effort.as_str().into());
    }
    own.response_schema = None;
    own.options.tool_choice = None;
    let is_kept: Vec<bool> = own.tools.iter().map(|source| !needs_machine(source)).collect();
    let mut kept = is_kept.iter().copied();
    own.tools.retain(|_| kept.next().unwrap_or(true));
    // What the wire API keeps of each source stands at the source's position.
    if let Some(Value::Array(extras)) = own.wire.get_mut("tools") {
        let mut kept = is_kept.iter().copied();
        extras.retain(|_| kept.next().unwrap_or(true));
    }
    own
}

fn needs_machine(source: &ToolSource) -> bool {
    matches!(source, ToolSource::Shell {} | ToolSource::Code { .. })
}

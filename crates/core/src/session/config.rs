//! A session's settings, and what a step was offered under them.
//!
//! Invariant: immutable once made; a change makes new settings, and what began under the old ones
//! keeps a pointer to them. So a tool's index into the agent's sources means what it meant when the
//! model was offered the tool.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use mainstay_protocol::{SessionId, TenantId};
use serde_json::Value;

use crate::agent::AgentDefinition;
use crate::sandbox::SessionSandbox;
use crate::subagent::Parent;
use crate::tool::{ToolSource, ToolSpec};

/// What a session was created with, as changed since.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionConfig {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The agent.
    pub agent: Arc<AgentDefinition>,
    /// The client's own pairs.
    pub metadata: BTreeMap<String, String>,
    /// Spend ceiling.
    pub spend_limit_microusd: Option<u64>,
    /// Its machine, if it has one.
    pub sandbox: Option<Arc<SessionSandbox>>,
    /// The wire API's settings.
    pub wire: Value,
    /// When it was created.
    pub created_at_ms: u64,
    /// Which agent made it, when it is a subagent.
    pub parent: Option<Arc<Parent>>,
    pub(super) sources: SharedSources,
}

/// The agent's tool sources, shared: an OpenAPI document is not copied for every call.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedSources(OnceLock<Vec<Arc<ToolSource>>>);

impl PartialEq for SharedSources {
    /// They follow from the agent, so they never tell settings apart.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl SessionConfig {
    /// Whether the client runs this tool.
    #[must_use]
    pub fn is_client_tool(&self, spec: &ToolSpec) -> bool {
        self.agent.tools.get(spec.source).is_some_and(|source| source.label().is_none())
    }

    /// The label of the source that a tool came from; none for functions of the client.
    #[must_use]
    pub fn source_label(&self, spec: &ToolSpec) -> Option<&str> {
        self.agent.tools.get(spec.source)?.label()
    }

    /// The source that a tool came from.
    #[must_use]
    pub fn source(&self, spec: &ToolSpec) -> Option<Arc<ToolSource>> {
        let shared = || self.agent.tools.iter().cloned().map(Arc::new).collect();
        self.sources.0.get_or_init(shared).get(spec.source).cloned()
    }
}

/// What the model was offered in the current step. Its calls mean these tools, and further attempts
/// of the step are offered the same, whatever the session is changed to in the meantime.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// The settings of the step.
    pub config: Arc<SessionConfig>,
    /// The tools.
    pub tools: Arc<[ToolSpec]>,
}

impl Offer {
    /// The tool of this name.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<&ToolSpec> {
        self.tools.iter().find(|spec| spec.name == name)
    }
}

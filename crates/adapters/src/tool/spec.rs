//! Makes tool specs with the defaults that all sources share.

use mainstay_core::tool::{
    ApprovalMode, DEFAULT_TOOL_ATTEMPTS, DEFAULT_TOOL_CONCURRENCY, DEFAULT_TOOL_TIMEOUT_MS, Safety,
    ToolSpec,
};
use serde_json::Value;

use super::output::cut_text;

/// The longest description of a tool that goes to a model, in bytes.
pub(crate) const MAX_DESCRIPTION_BYTES: usize = 2_048;

/// What distinguishes one tool.
pub(crate) struct Draft {
    pub(crate) name: String,
    pub(crate) remote_name: String,
    pub(crate) description: String,
    pub(crate) parameters: Value,
    pub(crate) safety: Safety,
    pub(crate) approval: ApprovalMode,
    pub(crate) reconcile: bool,
}

impl Draft {
    /// A tool that this program provides: the name is its own, and no approval is asked.
    pub(crate) fn built_in(
        name: &str,
        description: String,
        parameters: Value,
        safety: Safety,
    ) -> Self {
        Self {
            name: name.to_owned(),
            remote_name: name.to_owned(),
            description,
            parameters,
            safety,
            approval: ApprovalMode::Never,
            reconcile: false,
        }
    }

    /// The spec; `source` is the position in the agent's list.
    pub(crate) fn into_spec(self, source: usize) -> ToolSpec {
        let mut description = self.description;
        cut_text(&mut description, MAX_DESCRIPTION_BYTES);
        ToolSpec {
            name: self.name,
            description,
            parameters: self.parameters,
            source,
            strict: false,
            remote_name: self.remote_name,
            safety: self.safety,
            approval: self.approval,
            reconcile: self.reconcile,
            timeout_ms: DEFAULT_TOOL_TIMEOUT_MS,
            max_attempts: DEFAULT_TOOL_ATTEMPTS,
            concurrency_limit: DEFAULT_TOOL_CONCURRENCY,
        }
    }
}

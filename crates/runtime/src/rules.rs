//! The installation's rules, as decisions ask for them.

use std::sync::Arc;

use mainstay_core::policy::{Policy, PolicyDecision, PolicyQuery};
use mainstay_core::port::{ModelCapabilities, Models, Tools};
use mainstay_core::session::Rules;
use mainstay_core::tool::ToolSpec;
use serde_json::Value;

pub(crate) struct InstalledRules {
    pub(crate) models: Arc<dyn Models>,
    pub(crate) tools: Arc<dyn Tools>,
    pub(crate) policy: Arc<dyn Policy>,
}

impl Rules for InstalledRules {
    fn evaluate(&self, query: PolicyQuery<'_>) -> PolicyDecision {
        self.policy.evaluate(query)
    }

    fn check_arguments(&self, tool: &ToolSpec, arguments: &Value) -> Result<(), String> {
        self.tools.check_arguments(tool, arguments)
    }

    fn model(&self, name: &str) -> Option<ModelCapabilities> {
        self.models.find(name).map(|(model, _)| model.capabilities())
    }
}

//! Rules that tools' names decide: `ask_…` asks, `deny_…` denies.

use std::collections::BTreeMap;

use mainstay_core::policy::{PolicyDecision, PolicyQuery, Ruling};
use mainstay_core::port::ModelCapabilities;
use mainstay_core::session::Rules;
use mainstay_core::tool::ToolSpec;
use serde_json::Value;

/// The context window of models that are not given another.
const CONTEXT_TOKENS: u64 = 100_000;

#[derive(Debug, Clone, Default)]
pub(crate) struct FakeRules {
    /// Context windows by model, in tokens.
    pub(crate) windows: BTreeMap<String, u64>,
}

impl Rules for FakeRules {
    fn evaluate(&self, query: PolicyQuery<'_>) -> PolicyDecision {
        let decision = match query.tool.name.split('_').next() {
            Some("ask") => Ruling::Ask,
            Some("deny") => Ruling::Deny,
            _ => Ruling::Allow,
        };
        PolicyDecision { decision, policy: format!("for:{}", query.principal) }
    }

    fn check_arguments(&self, tool: &ToolSpec, arguments: &Value) -> Result<(), String> {
        let required = tool.parameters["required"].as_array().cloned().unwrap_or_default();
        let missing =
            required.iter().filter_map(Value::as_str).find(|name| arguments[*name].is_null());
        missing.map_or(Ok(()), |name| Err(format!("argument {name:?} is missing")))
    }

    fn model(&self, name: &str) -> Option<ModelCapabilities> {
        let context_tokens = self.windows.get(name).copied().unwrap_or(CONTEXT_TOKENS);
        (name != "nobody").then_some(ModelCapabilities {
            context_tokens,
            max_output_tokens: 4_000,
            tools: true,
            images: false,
        })
    }
}

//! Tools that answer what the test wrote for them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mainstay_core::port::{Reconciliation, ToolCall, ToolContext, ToolError, ToolOutput, Tools};
use mainstay_core::subagent::subagent_specs;
use mainstay_core::tool::{ApprovalMode, Safety, ToolSource, ToolSpec};
use serde_json::{Value, json};

/// Functions are offered as they are; a source with a label offers one tool, named by the label. The
/// files have `write_file` too.
#[derive(Default)]
pub(crate) struct ScriptedTools {
    answers: Mutex<VecDeque<Result<ToolOutput, ToolError>>>,
    calls: Mutex<Vec<Arc<Value>>>,
    tokens: Mutex<Vec<Option<String>>>,
}

impl ScriptedTools {
    /// What the next calls answer; *"done"* when nothing is left.
    pub(crate) fn answer(&self, answer: Result<ToolOutput, ToolError>) {
        self.answers.lock().expect("no test panics with the answers").push_back(answer);
    }

    fn note_token(&self, context: &ToolContext, source: usize) {
        let credential = context.credentials.of(source);
        let token = credential.map(|credential| credential.token.expose().to_owned());
        self.tokens.lock().expect("no test panics with the tokens").push(token);
    }

    /// The tokens that the resolutions and calls so far were given.
    pub(crate) fn tokens(&self) -> Vec<Option<String>> {
        self.tokens.lock().expect("no test panics with the tokens").clone()
    }

    /// The arguments of the calls so far.
    pub(crate) fn calls(&self) -> Vec<Arc<Value>> {
        self.calls.lock().expect("no test panics with the calls").clone()
    }
}

fn spec(source: &ToolSource, index: usize) -> ToolSpec {
    let (name, parameters, approval) = match source {
        ToolSource::Function { name, parameters, .. } => {
            (name.as_str(), parameters.clone(), ApprovalMode::Never)
        }
        ToolSource::Mcp { label, approval, .. } | ToolSource::Openapi { label, approval, .. } => {
            (label.as_str(), json!({"type": "object"}), *approval)
        }
        ToolSource::Files { .. } => ("files", json!({"type": "object"}), ApprovalMode::Never),
        ToolSource::Http { .. } => ("http", json!({"type": "object"}), ApprovalMode::Never),
        ToolSource::Shell {} | ToolSource::Code { .. } => {
            ("shell", json!({"type": "object"}), ApprovalMode::Never)
        }
        ToolSource::Agents { .. } => ("agents", json!({"type": "object"}), ApprovalMode::Never),
    };
    ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        parameters,
        source: index,
        strict: matches!(source, ToolSource::Function { strict: true, .. }),
        remote_name: name.to_owned(),
        safety: Safety::Once,
        approval,
        reconcile: false,
        timeout_ms: 10_000,
        max_attempts: 1,
        concurrency_limit: 8,
    }
}

#[async_trait]
impl Tools for ScriptedTools {
    fn check(&self, source: &ToolSource) -> Result<(), (String, String)> {
        match source.label() {
            Some("unusable") => {
                Err(("server_label".to_owned(), "names an unusable server".to_owned()))
            }
            _ => Ok(()),
        }
    }

    async fn resolve(
        &self,
        sources: &[ToolSource],
        context: &ToolContext,
    ) -> Result<Vec<ToolSpec>, ToolError> {
        self.note_token(context, 0);
        let specs = sources.iter().enumerate().flat_map(|(index, source)| {
            if matches!(source, ToolSource::Agents { .. }) {
                return subagent_specs(index);
            }
            let offered = spec(source, index);
            let write_file = || "write_file".to_owned();
            let writer = matches!(source, ToolSource::Files { .. }).then(|| ToolSpec {
                name: write_file(),
                remote_name: write_file(),
                ..offered.clone()
            });
            [offered].into_iter().chain(writer).collect()
        });
        Ok(specs.collect())
    }

    async fn call(&self, call: ToolCall) -> Result<ToolOutput, ToolError> {
        self.note_token(&call.context, call.spec.source);
        self.calls.lock().expect("no test panics with the calls").push(call.arguments.clone());
        let answer = self.answers.lock().expect("no test panics with the answers").pop_front();
        answer.unwrap_or_else(|| Ok(ToolOutput::text("done")))
    }

    async fn reconcile(&self, _call: ToolCall) -> Result<Reconciliation, ToolError> {
        Ok(Reconciliation::Unknown)
    }

    fn check_arguments(&self, spec: &ToolSpec, arguments: &Value) -> Result<(), String> {
        let required = spec.parameters["required"].as_array().cloned().unwrap_or_default();
        let missing =
            required.iter().filter_map(Value::as_str).find(|name| arguments.get(name).is_none());
        match missing {
            None if arguments.is_object() => Ok(()),
            None => Err("arguments are no object".to_owned()),
            Some(name) => Err(format!("{name:?} is missing")),
        }
    }
}

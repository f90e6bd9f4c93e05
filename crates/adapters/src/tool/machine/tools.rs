//! Which tool of a machine a call means.

use std::sync::Arc;

use mainstay_core::port::{
    Reconciliation, SandboxRequest, Sandboxes, ToolCall, ToolError, ToolOutput,
};

use super::{code, files, shell};
use crate::tool::output::terminal;

/// The tools of all sessions' machines.
pub(crate) struct MachineTools {
    sandboxes: Arc<dyn Sandboxes>,
}

impl MachineTools {
    pub(crate) fn new(sandboxes: Arc<dyn Sandboxes>) -> Self {
        Self { sandboxes }
    }

    /// Runs one attempt.
    pub(crate) async fn call(&self, call: &ToolCall) -> Result<ToolOutput, ToolError> {
        let sandboxes = &*self.sandboxes;
        let request = request(call)?;
        match call.spec.remote_name.as_str() {
            shell::SHELL => shell::call(sandboxes, request, call).await,
            tool => match code::language_of(tool) {
                Some(language) => code::call(sandboxes, request, call, language).await,
                None => files::call(sandboxes, request, call).await,
            },
        }
    }

    /// Asks the machine what became of a call.
    pub(crate) async fn reconcile(&self, call: &ToolCall) -> Result<Reconciliation, ToolError> {
        let sandboxes = &*self.sandboxes;
        match call.spec.remote_name.as_str() {
            shell::SHELL => shell::reconcile(sandboxes, call).await,
            tool if code::language_of(tool).is_some() => code::reconcile(sandboxes, call).await,
            _ => Ok(Reconciliation::Unknown),
        }
    }
}

fn request(call: &ToolCall) -> Result<&SandboxRequest, ToolError> {
    call.context.sandbox.as_deref().ok_or_else(|| {
        let tool = &call.spec.name;
        terminal(format!("{tool:?} works in a machine, and the session's environment has none"))
    })
}

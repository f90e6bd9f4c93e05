//! The tools that come with a session's environment.
//!
//! Invariant: they stand behind the agent's own, whose positions stay; the agent's own of the same kind
//! are left as they are.

use std::mem::discriminant;

use mainstay_core::agent::AgentDefinition;
use mainstay_core::port::{CodeLanguage, SandboxSpec};
use mainstay_core::tool::ToolSource;

use super::extras::{AgentExtras, ToolExtras};

/// Adds what uses the machine, as far as the agent does not have it.
pub(crate) fn with_machine_tools(definition: &mut AgentDefinition, spec: &SandboxSpec) {
    let mut extras = AgentExtras::of(definition);
    let languages = vec![CodeLanguage::Python, CodeLanguage::Javascript];
    let own = [
        ToolSource::Shell {},
        ToolSource::Files { read_only: false },
        ToolSource::Code { languages },
    ];
    // A client's own machine has no resident interpreters.
    let has_code = spec.executor.is_none();
    for source in own {
        if !has_code && matches!(source, ToolSource::Code { .. }) {
            continue;
        }
        if definition.tools.iter().any(|has| discriminant(has) == discriminant(&source)) {
            continue;
        }
        extras.tools.resize(definition.tools.len(), ToolExtras::default());
        definition.tools.push(source);
        extras.tools.push(ToolExtras { of_environment: true, ..ToolExtras::default() });
    }
    definition.wire = extras.into_wire();
}

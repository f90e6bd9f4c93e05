//! A server's tools as this program's.

use mainstay_core::tool::{Safety, ToolSpec};
use rmcp::model::{Tool, ToolAnnotations};
use serde_json::{Value, json};

use super::source::Parts;
use crate::tool::names::tool_name;
use crate::tool::schema::MAX_SCHEMA_BYTES;
use crate::tool::spec::Draft;

/// The tools of a list that the agent wants; `position` is the source's place in its list.
pub(super) fn specs(tools: &[Tool], parts: Parts<'_>, position: usize) -> Vec<ToolSpec> {
    let is_wanted = |tool: &&Tool| {
        parts.allowed.is_none_or(|allowed| allowed.iter().any(|name| *name == tool.name))
    };
    for name in parts.allowed.into_iter().flatten() {
        if !tools.iter().any(|tool| tool.name == *name) {
            tracing::warn!(
                label = parts.label,
                tool = name,
                "an MCP server does not offer a tool that the agent lists"
            );
        }
    }
    tools.iter().filter(is_wanted).map(|tool| draft(tool, parts).into_spec(position)).collect()
}

fn draft(tool: &Tool, parts: Parts<'_>) -> Draft {
    let own = parts.safety.get(tool.name.as_ref()).copied();
    Draft {
        name: tool_name(&tool.name),
        remote_name: tool.name.to_string(),
        description: describe(tool),
        parameters: parameters(tool),
        safety: own.unwrap_or_else(|| safety(tool.annotations.as_ref())),
        approval: parts.approval,
        reconcile: false,
    }
}

/// What a server says of its tool's safety. Saying nothing is `once`.
fn safety(annotations: Option<&ToolAnnotations>) -> Safety {
    let Some(annotations) = annotations else {
        return Safety::Once;
    };
    match (annotations.read_only_hint, annotations.idempotent_hint) {
        (Some(true), _) => Safety::ReadOnly,
        (_, Some(true)) => Safety::Idempotent,
        _ => Safety::Once,
    }
}

fn describe(tool: &Tool) -> String {
    let description = tool.description.as_deref().unwrap_or_default().trim();
    let title = tool.title.as_deref().unwrap_or_default().trim();
    if description.is_empty() { title.to_owned() } else { description.to_owned() }
}

/// A schema that is too large is replaced by one that takes any object: the server judges.
fn parameters(tool: &Tool) -> Value {
    let mut schema = Value::Object(tool.input_schema.as_ref().clone());
    if schema.to_string().len() > MAX_SCHEMA_BYTES {
        return json!({"type": "object"});
    }
    if let Some(members) = schema.as_object_mut() {
        members.remove("$schema");
        members.entry("type").or_insert_with(|| json!("object"));
    }
    schema
}

#[cfg(test)]
#[path = "spec_tests.rs"]
mod tests;

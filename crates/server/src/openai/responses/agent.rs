//! The agent that answers a request.
//!
//! Invariant: `agent:NAME` is a saved agent, and what the request names besides goes over it; a
//! plain model is an agent of the session alone, made of the request and of nothing else.

use mainstay_core::agent::AgentDefinition;
use mainstay_core::port::{ModelOptions, ToolChoice};
use mainstay_core::tool::ToolSource;
use mainstay_protocol::{AgentId, ApiError, ErrorCode, Principal};
use serde_json::json;

use super::params::{ResponseCreateParams, ResponseSchema, TextFormat};
use super::tools::agent_tools;
use crate::error::not_found;
use crate::openai::agents::definition::AgentDraft;
use crate::openai::agents::{find_agent, find_agent_by_name};
use crate::openai::wire::{AgentUpdateParams, At, Patch, ToolParams, check_tools};
use crate::state::AppState;

/// What a model's name begins with when it names an agent.
const AGENT_PREFIX: &str = "agent:";

/// The definition. `current` is the agent of the session that the request goes on with.
pub(crate) async fn definition(
    state: &AppState,
    caller: &Principal,
    params: &ResponseCreateParams,
    current: Option<&AgentDefinition>,
) -> Result<AgentDefinition, ApiError> {
    let named = params.model.as_deref().and_then(|model| model.strip_prefix(AGENT_PREFIX));
    let (mut draft, is_own) = match (named, &params.model, current) {
        (Some(name), _, _) => (AgentDraft::of(&saved(state, caller, name).await?), false),
        (None, None, Some(current)) => (AgentDraft::of(current), false),
        (None, model, current) => {
            let model = model.clone().or_else(|| state.default_model()).ok_or_else(|| {
                let message = "parameter 'model' is missing, and this server has no default model";
                ApiError::new(ErrorCode::MissingParameter, message).with_param("model")
            })?;
            let id = current.map(|agent| agent.id.clone());
            let id = id.unwrap_or_else(|| AgentId::mint(&mut state.mint()));
            (AgentDraft::new(id, 0, model), true)
        }
    };
    draft.change(state, change(params, is_own)?, &At::Root)?;
    let mut definition = draft.finish(state, &At::Root)?;
    set_options(&mut definition, params, is_own)?;
    Ok(definition)
}

async fn saved(
    state: &AppState,
    caller: &Principal,
    name: &str,
) -> Result<AgentDefinition, ApiError> {
    let row = match find_agent(state, caller, name).await {
        Ok(row) => Some(row),
        Err(error) if error.code == ErrorCode::NotFound => {
            find_agent_by_name(state, caller, name).await?
        }
        Err(error) => return Err(error),
    };
    let row = row.ok_or_else(|| not_found("agent", name).with_param("model"))?;
    Ok(row.definition.as_ref().clone())
}

fn change(params: &ResponseCreateParams, is_own: bool) -> Result<AgentUpdateParams, ApiError> {
    let tools = params.tools.as_deref().map(agent_tools).transpose()?;
    if let Some(tools) = &tools {
        check_tools(&At::Root.field("tools"), tools)?;
    }
    // Without instructions, nothing is said for the application.
    let instructions = match (&params.instructions, is_own) {
        (Some(text), _) => Patch::Set(text.clone()),
        (None, true) => Patch::Set(String::new()),
        (None, false) => Patch::Keep,
    };
    Ok(AgentUpdateParams {
        instructions,
        reasoning: params.reasoning()?.map_or(Patch::Keep, Patch::Set),
        tools: tools.map_or(Patch::Keep, Patch::<Vec<ToolParams>>::Set),
        ..AgentUpdateParams::default()
    })
}

/// Refuses to demand a tool that is not there. What servers offer is known only when they are asked.
pub(super) fn check_choice(
    params: &ResponseCreateParams,
    agent: &AgentDefinition,
) -> Result<(), ApiError> {
    let Some(choice) = &params.tool_choice else { return Ok(()) };
    let functions: Option<Vec<&str>> = agent.tools.iter().map(function_name).collect();
    let Some(functions) = functions else { return Ok(()) };
    let is_missing = |name: &&String| !functions.contains(&name.as_str());
    let choice = choice.choice()?;
    let missing = match &choice {
        ToolChoice::Auto | ToolChoice::None => return Ok(()),
        ToolChoice::Required if functions.is_empty() => {
            let message = "is \"required\", but there are no tools; give them in 'tools'";
            return Err(At::Root.field("tool_choice").invalid(message));
        }
        ToolChoice::Required => None,
        ToolChoice::Tool { name } => Some(name).filter(is_missing),
        ToolChoice::Allowed { names, .. } => names.iter().find(is_missing),
    };
    match missing {
        None => Ok(()),
        Some(name) => {
            let message = format!("names {name:?}, which is none of 'tools'");
            Err(At::Root.field("tool_choice").invalid(message))
        }
    }
}

fn function_name(source: &ToolSource) -> Option<&str> {
    match source {
        ToolSource::Function { name, .. } => Some(name),
        _ => None,
    }
}

fn set_options(
    definition: &mut AgentDefinition,
    params: &ResponseCreateParams,
    is_own: bool,
) -> Result<(), ApiError> {
    let before = if is_own { ModelOptions::default() } else { definition.options.clone() };
    let choice = params.tool_choice.as_ref().map(|choice| choice.choice()).transpose()?;
    definition.options = ModelOptions {
        temperature: params.temperature.or(before.temperature),
        top_p: params.top_p.or(before.top_p),
        max_output_tokens: params.max_output_tokens.or(before.max_output_tokens),
        tool_choice: choice.or(before.tool_choice),
        parallel_tool_calls: params.parallel_tool_calls.or(before.parallel_tool_calls),
    };
    if let Some(most) = params.max_tool_calls {
        definition.limits.max_tool_calls = most;
    }
    let asked = params.context_management.iter().flatten();
    if let Some(tokens) = asked.filter_map(|management| management.compact_threshold).next() {
        definition.compact_at_tokens = Some(tokens);
    }
    let Some(text) = &params.text else { return Ok(()) };
    if let Some(verbosity) = text.verbosity {
        definition.verbosity = Some(verbosity.as_str().into());
    }
    let schema = match &text.format {
        None => return Ok(()),
        Some(TextFormat::Text) => None,
        // Without a schema: any object.
        Some(TextFormat::JsonObject) => Some(json!({ "name": "object" })),
        Some(TextFormat::JsonSchema(ResponseSchema { name, schema, strict, description: _ })) => {
            Some(json!({
                "name": name, "schema": schema, "strict": strict.unwrap_or(true),
            }))
        }
    };
    definition.response_schema = schema.map(Into::into);
    Ok(())
}

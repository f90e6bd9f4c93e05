//! A definition in the making: created, changed or overridden by a request.
//!
//! Invariant: a draft that finishes names models and tools that this installation has.

use std::sync::Arc;

use mainstay_core::agent::{AgentDefinition, TurnLimits};
use mainstay_core::port::ModelOptions;
use mainstay_core::tool::{ToolSource, UnknownRule};
use mainstay_protocol::{AgentId, ApiError, ErrorCode};
use serde::Serialize;
use serde_json::json;

use super::extras::AgentExtras;
use super::show::show_reasoning;
use super::tools::ToolList;
use crate::openai::wire::{
    AgentCreateParams, AgentUpdateParams, At, DEFAULT_SUBAGENTS, Patch, Reasoning, RuntimeSettings,
    SessionAgentParams, SessionAgentUpdate, TextFormat, TextParams, ToolParams, UnknownOutcomeRule,
};
use crate::state::AppState;

/// A definition in the making.
pub(crate) struct AgentDraft {
    definition: AgentDefinition,
    extras: AgentExtras,
}

impl AgentDraft {
    /// An agent with nothing but a model.
    pub(crate) fn new(id: AgentId, revision: u64, model: String) -> Self {
        let definition = AgentDefinition {
            id,
            revision,
            name: None,
            instructions: None,
            model,
            fallback_models: Vec::new(),
            tools: Vec::new(),
            reasoning_effort: None,
            verbosity: None,
            response_schema: None,
            options: ModelOptions::default(),
            compact_at_tokens: None,
            unknown_outcome: UnknownRule::default(),
            limits: TurnLimits::default(),
            wire: serde_json::Value::Null,
        };
        Self { definition, extras: AgentExtras::default() }
    }

    /// An agent to be changed.
    pub(crate) fn of(definition: &AgentDefinition) -> Self {
        Self { extras: AgentExtras::of(definition), definition: definition.clone() }
    }

    /// Takes over what a request says. `at` is where in the request the agent stands.
    pub(crate) fn change(
        &mut self,
        state: &AppState,
        change: AgentUpdateParams,
        at: &At<'_>,
    ) -> Result<(), ApiError> {
        let definition = &mut self.definition;
        let extras = &mut self.extras;
        if let Some(model) = change.model {
            definition.model = model;
        }
        definition.name = change.name.over_option(definition.name.take());
        definition.instructions = change.instructions.over_option(definition.instructions.take());
        let multi_agent = change.multi_agent.map(|params| params.resolve());
        extras.multi_agent = multi_agent.over(extras.multi_agent, Default::default());
        extras.service_tier = change.service_tier.over(extras.service_tier, Default::default());
        let compaction = change.compaction.map(|params| params.resolve());
        extras.compaction = compaction.over_option(extras.compaction);
        if let Some(params) = change.experimental {
            extras.experimental = Some(params.over(extras.experimental.unwrap_or_default()));
        }
        self.set_reasoning(&change.reasoning);
        self.set_text(change.text);
        self.set_runtime(change.mainstay);
        self.set_tools(state, change.tools, at)
    }

    /// Remembers the body that creates the agent.
    pub(crate) fn created_from(&mut self, body_sha256: Option<String>) {
        self.extras.created_from_sha256 = body_sha256;
    }

    /// The definition, if this installation has its models.
    pub(crate) fn finish(self, state: &AppState, at: &At<'_>) -> Result<AgentDefinition, ApiError> {
        let model = at.field("model");
        for name in self.definition.route() {
            if state.engine().models().find(name).is_none() {
                let message = format!("names {name:?}, which no configured provider offers");
                return Err(model.refuse(ErrorCode::ModelNotFound, message));
            }
        }
        Ok(self.unchecked())
    }

    /// The definition, whether this installation has its models or not.
    pub(crate) fn unchecked(mut self) -> AgentDefinition {
        self.set_subagents();
        self.definition.wire = self.extras.into_wire();
        self.definition
    }

    /// The tools of subagents stand where they stood, or behind the others.
    fn set_subagents(&mut self) {
        let (tools, extras) = (&mut self.definition.tools, &mut self.extras);
        let asked = extras.multi_agent;
        let max_concurrent_count = asked.max_concurrent_subagents.unwrap_or(DEFAULT_SUBAGENTS);
        let source = ToolSource::Agents { max_concurrent_count };
        let is_agents = |source: &ToolSource| matches!(source, ToolSource::Agents { .. });
        match (tools.iter().position(is_agents), asked.enabled) {
            (Some(at), true) => tools[at] = source,
            (Some(at), false) => {
                tools.remove(at);
                if at < extras.tools.len() {
                    extras.tools.remove(at);
                }
            }
            (None, true) => tools.push(source),
            (None, false) => {}
        }
    }

    fn reasoning(&self) -> Reasoning {
        show_reasoning(&self.definition, &self.extras)
    }

    fn set_reasoning(&mut self, reasoning: &Patch<Reasoning>) {
        let reasoning = match reasoning {
            Patch::Keep => return,
            Patch::Clear => Reasoning::default(),
            Patch::Set(reasoning) => *reasoning,
        };
        self.definition.reasoning_effort = reasoning.effort.map(word);
        self.extras.reasoning_summary = reasoning.summary;
    }

    fn set_text(&mut self, text: Patch<TextParams>) {
        let text = match text {
            Patch::Keep => return,
            Patch::Clear => TextParams::default(),
            Patch::Set(text) => text,
        };
        self.definition.verbosity = text.verbosity.map(word);
        self.definition.response_schema = match text.format {
            None | Some(TextFormat::Text(_)) => None,
            Some(TextFormat::JsonSchema(format)) => {
                Some(Arc::new(json!({"name": "answer", "schema": format.schema, "strict": true})))
            }
        };
    }

    fn set_runtime(&mut self, settings: Patch<RuntimeSettings>) {
        let settings = match settings {
            Patch::Keep => return,
            Patch::Clear => RuntimeSettings::default(),
            Patch::Set(settings) => settings,
        };
        let own = TurnLimits::default();
        let asked = settings.limits;
        self.definition.fallback_models = settings.fallback_models;
        self.definition.unknown_outcome = match settings.unknown_outcome {
            UnknownOutcomeRule::Ask => UnknownRule::Ask,
            UnknownOutcomeRule::Report => UnknownRule::Report,
            UnknownOutcomeRule::Retry => UnknownRule::Retry,
        };
        self.definition.limits = TurnLimits {
            max_steps: asked.steps.unwrap_or(own.max_steps),
            max_tool_calls: asked.tool_calls.unwrap_or(own.max_tool_calls),
            max_tokens: asked.tokens.unwrap_or(own.max_tokens),
            max_wall_ms: asked.wall_time_ms.unwrap_or(own.max_wall_ms),
        };
    }

    fn set_tools(
        &mut self,
        state: &AppState,
        tools: Patch<Vec<ToolParams>>,
        at: &At<'_>,
    ) -> Result<(), ApiError> {
        let tools = match tools {
            Patch::Keep => return Ok(()),
            Patch::Clear => Vec::new(),
            Patch::Set(tools) => tools,
        };
        let list = ToolList::read(state, tools, &at.field("tools"))?;
        self.definition.tools = list.sources;
        self.extras.tools = list.extras;
        self.extras.tool_search = list.tool_search;
        Ok(())
    }
}

/// An enum's own word, as the journal keeps it.
fn word(value: impl Serialize) -> Arc<str> {
    let value = serde_json::to_value(value).expect("plain enums serialise");
    value.as_str().expect("plain enums are strings").into()
}

/// What creating says, as a change of an agent with nothing but a model: null is a default too.
pub(crate) fn created(params: AgentCreateParams) -> AgentUpdateParams {
    AgentUpdateParams {
        model: Some(params.model),
        name: given(params.name),
        instructions: given(params.instructions),
        metadata: given(params.metadata),
        multi_agent: given(params.multi_agent),
        reasoning: given(params.reasoning),
        service_tier: given(params.service_tier),
        text: given(params.text),
        tools: given(params.tools),
        compaction: given(params.compaction),
        experimental: params.experimental,
        mainstay: given(params.mainstay),
    }
}

fn given<T>(value: Option<T>) -> Patch<T> {
    value.map_or(Patch::Keep, Patch::Set)
}

/// What changing a session says about its agent, as a change of it.
pub(crate) fn updated(params: SessionAgentUpdate, current: &AgentDraft) -> AgentUpdateParams {
    // Only the effort can change; the summary stays.
    let reasoning = params.reasoning.map_or(Patch::Keep, |reasoning| {
        let now = current.reasoning();
        Patch::Set(Reasoning { effort: reasoning.effort.over_option(now.effort), ..now })
    });
    AgentUpdateParams {
        model: params.model,
        reasoning,
        service_tier: params.service_tier,
        tools: params.tools,
        ..AgentUpdateParams::default()
    }
}

/// What creating a session says about its agent, as a change of it.
pub(crate) fn overridden(params: SessionAgentParams) -> AgentUpdateParams {
    AgentUpdateParams {
        model: params.model,
        name: Patch::Keep,
        instructions: params.instructions,
        metadata: Patch::Keep,
        multi_agent: params.multi_agent,
        reasoning: params.reasoning,
        service_tier: params.service_tier,
        text: params.text,
        tools: params.tools,
        compaction: params.compaction,
        experimental: params.experimental,
        mainstay: params.mainstay,
    }
}

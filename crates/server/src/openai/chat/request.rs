//! A request of Chat Completions as a request to a model.
//!
//! Invariant: what the application says stays where it stands in the conversation; the port puts
//! what comes first into the place that a provider has for it.

use std::sync::Arc;

use mainstay_core::item::{Content, DeveloperRole, Item, ItemBody};
use mainstay_core::port::{Credentials, ModelOptions, ModelRequest, ToolChoice, ToolContext};
use mainstay_core::tool::{ToolSource, ToolSpec};
use mainstay_protocol::{
    ApiError, CallId, EffectId, ErrorCode, IdMint, ItemId, Principal, SessionId, TurnId, sha256_hex,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::Head;
use super::record::Question;
use crate::openai::wire::{
    At, ChatAllowedMode, ChatAllowedTool, ChatAssistantMessage, ChatAssistantPart,
    ChatCompletionParams, ChatContent, ChatMessage, ChatNamedChoice, ChatResponseFormat,
    ChatTextPart, ChatTool, ChatToolCall, ChatToolChoice, ChatToolMode, ChatUserPart,
};
use crate::state::AppState;

/// Bound on one answer, all attempts together.
const ANSWER_TIMEOUT_MS: u64 = 600_000;
/// What a model's name begins with when it is an agent's.
const AGENT_PREFIX: &str = "agent:";

/// What is asked of which models.
pub(super) struct Asked {
    pub(super) head: Head,
    pub(super) question: Question,
    /// Where the answer comes in chunks: whether the last tells the tokens.
    pub(super) stream: Option<bool>,
}

impl Asked {
    pub(super) async fn read(
        state: &AppState,
        caller: &Principal,
        params: ChatCompletionParams,
    ) -> Result<Self, ApiError> {
        let mut mint = state.mint();
        let effect = EffectId::mint(&mut mint);
        let fallback = params.mainstay.clone().unwrap_or_default().fallback_models;
        let route: Vec<String> = std::iter::once(params.model.clone()).chain(fallback).collect();
        check_route(state, &route)?;
        let session = affinity(caller, &params, &effect)?;
        let tools =
            tools(state, caller, &session, params.tools.clone().unwrap_or_default()).await?;
        let usage_is_told = params.stream_options.unwrap_or_default().include_usage;
        let id = format!("chatcmpl-{}", effect.as_str().trim_start_matches("eff_"));
        Ok(Self {
            head: Head { id: id.clone(), created: state.now_ms() / 1_000 },
            stream: (params.stream == Some(true)).then_some(usage_is_told == Some(true)),
            question: Question {
                id,
                route,
                request: model_request(params, effect, session, tools, &mut mint)?,
            },
        })
    }
}

fn model_request(
    params: ChatCompletionParams,
    effect: EffectId,
    session: SessionId,
    tools: Vec<ToolSpec>,
    mint: &mut IdMint,
) -> Result<ModelRequest, ApiError> {
    Ok(ModelRequest {
        effect,
        session,
        model: Arc::from(""),
        instructions: Arc::from(""),
        tools: tools.into(),
        reasoning_effort: params.reasoning_effort.map(word),
        verbosity: params.verbosity.map(word),
        response_schema: params.response_format.as_ref().and_then(schema),
        options: ModelOptions {
            temperature: params.temperature,
            top_p: params.top_p,
            max_output_tokens: params.answer_tokens(),
            tool_choice: params.tool_choice.map(choice),
            parallel_tool_calls: params.parallel_tool_calls,
        },
        items: items(params.messages, mint)?,
        timeout_ms: ANSWER_TIMEOUT_MS,
    })
}

fn check_route(state: &AppState, route: &[String]) -> Result<(), ApiError> {
    let root = At::Root;
    let (model, mainstay) = (root.field("model"), root.field("mainstay"));
    let fallback = mainstay.field("fallback_models");
    for (index, name) in route.iter().enumerate() {
        let nth = fallback.index(index.saturating_sub(1));
        let at = if index == 0 { model } else { nth };
        if name.starts_with(AGENT_PREFIX) {
            let message = format!("is {name:?}: agents answer at /v1/responses");
            return Err(at.refuse(ErrorCode::Unsupported, message));
        }
        if state.engine().models().find(name).is_none() {
            let message = format!("names {name:?}, which no configured provider offers");
            return Err(at.refuse(ErrorCode::ModelNotFound, message));
        }
    }
    Ok(())
}

/// What stands for a session towards a provider: the same for requests that begin alike, so that
/// its cache is found again.
fn affinity(
    caller: &Principal,
    params: &ChatCompletionParams,
    effect: &EffectId,
) -> Result<SessionId, ApiError> {
    let key = params.prompt_cache_key.clone().or_else(|| match params.messages.first()? {
        ChatMessage::Developer(first) | ChatMessage::System(first) => {
            serde_json::to_string(&first.content).ok()
        }
        ChatMessage::User(_) | ChatMessage::Assistant(_) | ChatMessage::Tool(_) => None,
    });
    let key = key.unwrap_or_else(|| effect.to_string());
    let hash = sha256_hex(format!("{}\n{key}", caller.tenant).as_bytes());
    SessionId::parse(&format!("chat_{}", &hash[..32]))
        .map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))
}

/// The client's functions, checked as those of an agent are.
async fn tools(
    state: &AppState,
    caller: &Principal,
    session: &SessionId,
    tools: Vec<ChatTool>,
) -> Result<Vec<ToolSpec>, ApiError> {
    let root = At::Root;
    let at = root.field("tools");
    let mut sources = Vec::with_capacity(tools.len());
    for (index, ChatTool::Function(tool)) in tools.into_iter().enumerate() {
        let source = ToolSource::Function {
            name: tool.function.name,
            description: tool.function.description.unwrap_or_default(),
            parameters: tool.function.parameters.map_or_else(no_parameters, Value::Object),
            strict: tool.function.strict.unwrap_or_default(),
        };
        if let Err((member, message)) = state.engine().tools().check(&source) {
            return Err(at.index(index).field("function").field(&member).invalid(message));
        }
        sources.push(source);
    }
    let context = ToolContext {
        tenant: caller.tenant.clone(),
        session: session.clone(),
        principal: caller.id.as_str().into(),
        // Functions of the client need none.
        credentials: Credentials::default(),
        sandbox: None,
        replies: Arc::default(),
    };
    let resolved = state.engine().tools().resolve(&sources, &context).await;
    resolved.map_err(|error| at.invalid(error.message))
}

fn no_parameters() -> Value {
    json!({"type": "object", "properties": {}, "additionalProperties": false})
}

fn choice(choice: ChatToolChoice) -> ToolChoice {
    match choice {
        ChatToolChoice::Mode(ChatToolMode::None) => ToolChoice::None,
        ChatToolChoice::Mode(ChatToolMode::Auto) => ToolChoice::Auto,
        ChatToolChoice::Mode(ChatToolMode::Required) => ToolChoice::Required,
        ChatToolChoice::Named(ChatNamedChoice::Function(named)) => {
            ToolChoice::Tool { name: named.function.name }
        }
        ChatToolChoice::Named(ChatNamedChoice::Allowed(allowed)) => ToolChoice::Allowed {
            required: allowed.allowed_tools.mode == ChatAllowedMode::Required,
            names: allowed
                .allowed_tools
                .tools
                .into_iter()
                .map(|ChatAllowedTool::Function(named)| named.function.name)
                .collect(),
        },
    }
}

fn schema(format: &ChatResponseFormat) -> Option<Arc<Value>> {
    match format {
        ChatResponseFormat::Text(_) => None,
        ChatResponseFormat::JsonObject(_) => Some(Arc::new(json!({"name": "answer"}))),
        ChatResponseFormat::JsonSchema(format) => {
            let members = serde_json::to_value(&format.json_schema).unwrap_or_default();
            Some(Arc::new(members))
        }
    }
}

/// A word of the API as the port takes it.
fn word(value: impl Serialize) -> Arc<str> {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word.into(),
        Ok(_) | Err(_) => Arc::from(""),
    }
}

fn items(messages: Vec<ChatMessage>, mint: &mut IdMint) -> Result<Vec<Arc<Item>>, ApiError> {
    let turn = TurnId::mint(mint);
    let mut bodies = Vec::with_capacity(messages.len());
    let root = At::Root;
    let at = root.field("messages");
    for (index, message) in messages.into_iter().enumerate() {
        push_bodies(message, &at.index(index), &mut bodies)?;
    }
    let item = |(index, body)| {
        let id = ItemId::parse(&format!("item_{index}")).expect("made of plain parts");
        Arc::new(Item { id, turn: turn.clone(), output_index: None, body })
    };
    Ok(bodies.into_iter().enumerate().map(item).collect())
}

fn push_bodies(
    message: ChatMessage,
    at: &At<'_>,
    bodies: &mut Vec<ItemBody>,
) -> Result<(), ApiError> {
    bodies.push(match message {
        ChatMessage::Developer(message) => {
            let content = texts(message.content);
            ItemBody::DeveloperMessage { role: DeveloperRole::Developer, content }
        }
        ChatMessage::System(message) => {
            let content = texts(message.content);
            ItemBody::DeveloperMessage { role: DeveloperRole::System, content }
        }
        ChatMessage::User(message) => {
            ItemBody::UserMessage { content: parts(message.content, user_part) }
        }
        ChatMessage::Assistant(message) => return push_answer(message, at, bodies),
        ChatMessage::Tool(message) => ItemBody::ToolOutput {
            call_id: call_id(&message.tool_call_id, &at.field("tool_call_id"))?,
            content: texts(message.content),
            is_error: false,
        },
    });
    Ok(())
}

fn push_answer(
    message: ChatAssistantMessage,
    at: &At<'_>,
    bodies: &mut Vec<ItemBody>,
) -> Result<(), ApiError> {
    let said = message.content.map(|content| match content {
        ChatContent::Text(text) => text,
        ChatContent::Parts(parts) => parts.into_iter().map(assistant_part).collect(),
    });
    let said = said.into_iter().chain(message.refusal).filter(|text| !text.is_empty());
    bodies.extend(said.map(|text| ItemBody::AssistantMessage { text }));
    let calls = message.tool_calls.unwrap_or_default();
    for (index, ChatToolCall::Function(call)) in calls.into_iter().enumerate() {
        bodies.push(ItemBody::ToolCall {
            call_id: call_id(&call.id, &at.field("tool_calls").index(index).field("id"))?,
            name: call.function.name,
            arguments: call.function.arguments,
            source: None,
        });
    }
    Ok(())
}

fn call_id(text: &str, at: &At<'_>) -> Result<CallId, ApiError> {
    CallId::parse(text).map_err(|error| at.invalid(format!("is no call's id: {error}")))
}

fn texts(content: ChatContent<ChatTextPart>) -> Vec<Content> {
    parts(content, |ChatTextPart::Text(part)| Content::Text { text: part.text })
}

fn parts<P>(content: ChatContent<P>, part: impl Fn(P) -> Content) -> Vec<Content> {
    match content {
        ChatContent::Text(text) => vec![Content::Text { text }],
        ChatContent::Parts(parts) => parts.into_iter().map(part).collect(),
    }
}

fn user_part(part: ChatUserPart) -> Content {
    match part {
        ChatUserPart::Text(part) => Content::Text { text: part.text },
        ChatUserPart::Image(part) => Content::Image { url: part.image_url.url },
    }
}

fn assistant_part(part: ChatAssistantPart) -> String {
    match part {
        ChatAssistantPart::Text(part) => part.text,
        ChatAssistantPart::Refusal(part) => part.refusal,
    }
}

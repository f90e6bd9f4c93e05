//! Providers, requests and transcripts that the tests share.

use std::sync::Arc;

use futures::StreamExt;
use mainstay_adapters::http_client::provider_client;
use mainstay_adapters::model::{
    Catalogue, ModelRegistry, ModelSettings, OpenaiApi, ProviderKind, ProviderSettings,
};
use mainstay_adapters::secret::Secret;
use mainstay_core::item::{Content, DeveloperRole, Item, ItemBody};
use mainstay_core::port::{ModelError, ModelOptions, ModelPart, ModelReply, ModelRequest, Models};
use mainstay_core::tool::{ApprovalMode, Safety, ToolSpec};
use mainstay_protocol::{CallId, EffectId, ItemId, SessionId, TurnId};
use serde_json::{Value, json};

/// The key that must never be seen anywhere but in a header.
pub(super) const KEY: &str = "sk-test-0123456789abcdefghij";

/// A provider named `p` at a URL.
pub(super) fn provider(kind: ProviderKind, api: OpenaiApi, url: &str) -> ProviderSettings {
    let base = url.parse().expect("a URL");
    let mut settings = ProviderSettings::new("p", kind, base, Some(Secret::from(KEY)));
    settings.api = api;
    settings
}

/// The three APIs by the names of their cassettes.
pub(super) fn provider_of(api: &str, url: &str) -> ProviderSettings {
    match api {
        "openai_chat" => provider(ProviderKind::Openai, OpenaiApi::Chat, url),
        "openai_responses" => provider(ProviderKind::Openai, OpenaiApi::Responses, url),
        "anthropic" => provider(ProviderKind::Anthropic, OpenaiApi::Auto, url),
        other => panic!("no API is called {other:?}"),
    }
}

/// A registry of one provider with one model.
pub(super) fn registry(mut settings: ProviderSettings, model: &str) -> ModelRegistry {
    settings.models = vec![ModelSettings { name: model.to_owned(), ..ModelSettings::default() }];
    let client = provider_client().expect("a client");
    let mut registry = ModelRegistry::new(client, Arc::new(Catalogue::built_in()));
    registry.add_provider(&settings).expect("settings that make sense");
    registry
}

/// Calls the model and gives what was watched and how it ended.
pub(super) async fn call(
    settings: ProviderSettings,
    request: ModelRequest,
) -> (Vec<ModelPart>, Result<ModelReply, ModelError>) {
    let name = request.model.to_string();
    let (model, _) = registry(settings, &name).find(&name).expect("it is listed");
    let mut parts: Vec<_> = model.stream(request).collect().await;
    let last = parts.pop().expect("a stream never ends without a last word");
    let watched = parts.into_iter().map(|part| part.expect("an error comes last")).collect();
    match last {
        Ok(ModelPart::Done(reply)) => (watched, Ok(reply)),
        Ok(ModelPart::Delta { .. }) => panic!("a stream ends with Done or an error"),
        Err(error) => (watched, Err(error)),
    }
}

/// A request with nothing special in it.
pub(super) fn request(model: &str, items: Vec<ItemBody>) -> ModelRequest {
    let turn = TurnId::parse("turn_1").expect("an id");
    let item = |(at, body)| {
        let id = ItemId::parse(&format!("item_{at}")).expect("an id");
        Arc::new(Item { id, turn: turn.clone(), output_index: None, body })
    };
    ModelRequest {
        effect: EffectId::parse("eff_1").expect("an id"),
        session: SessionId::parse("ses_1").expect("an id"),
        model: model.into(),
        instructions: "You look after orders.".into(),
        items: items.into_iter().enumerate().map(item).collect(),
        tools: Arc::new([]),
        reasoning_effort: None,
        verbosity: None,
        response_schema: None,
        options: ModelOptions::default(),
        timeout_ms: 10_000,
    }
}

pub(super) fn text(text: &str) -> Content {
    Content::Text { text: text.to_owned() }
}

pub(super) fn user(said: &str) -> ItemBody {
    ItemBody::UserMessage { content: vec![text(said)] }
}

pub(super) fn developer(role: DeveloperRole, said: &str) -> ItemBody {
    ItemBody::DeveloperMessage { role, content: vec![text(said)] }
}

pub(super) fn assistant(said: &str) -> ItemBody {
    ItemBody::AssistantMessage { text: said.to_owned() }
}

pub(super) fn tool_call(id: &str, name: &str, arguments: &str) -> ItemBody {
    ItemBody::ToolCall {
        call_id: CallId::parse(id).expect("an id"),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        source: None,
    }
}

pub(super) fn tool_output(id: &str, content: Vec<Content>, is_error: bool) -> ItemBody {
    ItemBody::ToolOutput { call_id: CallId::parse(id).expect("an id"), content, is_error }
}

pub(super) fn reasoning(summary: &str, provider_data: Value) -> ItemBody {
    ItemBody::Reasoning { summary: summary.to_owned(), provider_data: Some(provider_data) }
}

pub(super) fn tool(name: &str) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: format!("Does {name}."),
        parameters: json!({
            "type": "object",
            "properties": { "city": { "type": "string" } },
            "required": ["city"],
        }),
        source: 0,
        strict: false,
        remote_name: name.to_owned(),
        safety: Safety::ReadOnly,
        approval: ApprovalMode::Never,
        reconcile: false,
        timeout_ms: 1_000,
        max_attempts: 1,
        concurrency_limit: 1,
    }
}

//! Requests and tools.

use std::sync::Arc;

use mainstay_core::item::{Content, Item, ItemBody};
use mainstay_core::port::{ModelOptions, ModelRequest};
use mainstay_core::tool::{ApprovalMode, Safety, ToolSpec};
use mainstay_protocol::{CallId, EffectId, ItemId, SessionId, TurnId};
use serde_json::{Value, json};

pub(super) fn tool(name: &str, safety: Safety) -> ToolSpec {
    with_parameters(
        name,
        safety,
        json!({"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}),
    )
}

pub(super) fn with_parameters(name: &str, safety: Safety, parameters: Value) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: format!("Does {name}."),
        parameters,
        source: 0,
        strict: false,
        remote_name: name.to_owned(),
        safety,
        approval: ApprovalMode::Never,
        reconcile: false,
        timeout_ms: 1_000,
        max_attempts: 1,
        concurrency_limit: 1,
    }
}

pub(super) fn request(items: Vec<ItemBody>, tools: Vec<ToolSpec>) -> ModelRequest {
    let turn = TurnId::parse("turn_1").expect("an id");
    let item = |(at, body)| {
        let id = ItemId::parse(&format!("item_{at}")).expect("an id");
        Arc::new(Item { id, turn: turn.clone(), output_index: None, body })
    };
    ModelRequest {
        effect: EffectId::parse("eff_1").expect("an id"),
        session: SessionId::parse("ses_1").expect("an id"),
        model: "embedded".into(),
        instructions: "You look after orders.".into(),
        items: items.into_iter().enumerate().map(item).collect(),
        tools: tools.into(),
        reasoning_effort: None,
        verbosity: None,
        response_schema: None,
        options: ModelOptions::default(),
        timeout_ms: 10_000,
    }
}

pub(super) fn user(text: &str) -> ItemBody {
    ItemBody::UserMessage { content: content(text) }
}

pub(super) fn call(id: &str, name: &str, arguments: &str) -> ItemBody {
    ItemBody::ToolCall {
        call_id: CallId::parse(id).expect("an id"),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        source: None,
    }
}

pub(super) fn output(id: &str, text: &str) -> ItemBody {
    let call_id = CallId::parse(id).expect("an id");
    ItemBody::ToolOutput { call_id, content: content(text), is_error: false }
}

pub(super) fn failure(id: &str, text: &str) -> ItemBody {
    let call_id = CallId::parse(id).expect("an id");
    ItemBody::ToolOutput { call_id, content: content(text), is_error: true }
}

fn content(text: &str) -> Vec<Content> {
    vec![Content::Text { text: text.to_owned() }]
}

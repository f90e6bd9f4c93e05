//! Items as clients read them.
//!
//! Invariant: a call of a tool that this server runs is one item with its outcome in it; a call that
//! the client runs and what it returned are two.

use mainstay_core::item::{Content, Item, ItemBody};
use mainstay_core::port::{ExecEnd, StopReason};
use mainstay_core::subagent::SUBAGENTS_LABEL;
use serde_json::{Value, json};

use super::call::{CallEnd, CallView};
use super::subagent;
use crate::openai::wire::{
    self, CallStatus, CommandExecutionItem, FunctionCallItem, FunctionCallOutputItem,
    FunctionOutput, ImageBody, InputContent, ItemStatus, McpCallItem, MessageContent, MessageItem,
    Phase, ReasoningItem, Role, SummaryText,
};

/// The label of the source of commands.
const SHELL: &str = "shell";

/// A call's arguments: an object where the model wrote one, else its text.
pub(super) fn arguments_value(arguments: &str) -> Value {
    match serde_json::from_str(arguments) {
        Ok(value @ Value::Object(_)) => value,
        Ok(_) | Err(_) if arguments.trim().is_empty() => json!({}),
        Ok(_) | Err(_) => Value::String(arguments.to_owned()),
    }
}

/// How a reply's messages are shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReplyView {
    phase: Phase,
    is_cut: bool,
    last_index: usize,
}

impl ReplyView {
    /// A message beside tool calls is a remark, and so is one that the user has spoken into
    /// (`is_steered`): the agent goes on. Else it is the answer.
    pub(super) fn of(items: &[Item], stop: StopReason, is_steered: bool) -> Self {
        let has_calls = items.iter().any(|item| matches!(item.body, ItemBody::ToolCall { .. }));
        Self {
            phase: if has_calls || is_steered { Phase::Commentary } else { Phase::FinalAnswer },
            is_cut: stop != StopReason::End,
            last_index: items.len().saturating_sub(1),
        }
    }

    /// How far the reply's item at this index is.
    pub(super) fn status(self, index: usize) -> ItemStatus {
        if self.is_cut && index == self.last_index {
            ItemStatus::Incomplete
        } else {
            ItemStatus::Completed
        }
    }

    /// The phase of the reply's messages.
    pub(super) fn phase(self) -> Phase {
        self.phase
    }
}

/// A message of the user.
pub(super) fn user_message(item: &Item, content: &[Content]) -> wire::Item {
    wire::Item::Message(MessageItem {
        id: item.id.to_string(),
        turn_id: item.turn.to_string(),
        role: Role::User,
        status: ItemStatus::Completed,
        phase: None,
        content: content.iter().map(|part| input_content(part).into()).collect(),
    })
}

/// A message of the model; without a text it has just begun.
pub(super) fn assistant_message(
    id: &str,
    turn_id: &str,
    text: Option<&str>,
    status: ItemStatus,
    phase: Option<Phase>,
) -> wire::Item {
    wire::Item::Message(MessageItem {
        id: id.to_owned(),
        turn_id: turn_id.to_owned(),
        role: Role::Assistant,
        status,
        phase,
        content: text.map(MessageContent::output_text).into_iter().collect(),
    })
}

/// Reasoning of the model; without a summary it has just begun, or shows none.
pub(super) fn reasoning(
    id: &str,
    turn_id: &str,
    summary: Option<&str>,
    status: ItemStatus,
) -> wire::Item {
    let summary = summary.filter(|text| !text.is_empty());
    wire::Item::Reasoning(ReasoningItem {
        id: id.to_owned(),
        turn_id: turn_id.to_owned(),
        status: Some(status),
        summary: summary.map(|text| SummaryText { text: text.to_owned() }).into_iter().collect(),
    })
}

/// A call, open or with its end; `agent` is what the session's agent is called among agents.
pub(super) fn call(agent: &str, call: &CallView, end: Option<&CallEnd>) -> wire::Item {
    let status = end.map_or(CallStatus::InProgress, |end| end.status);
    let (id, turn_id) = (call.item_id.to_string(), call.turn.to_string());
    let arguments = arguments_value(&call.arguments);
    let Some(server_label) = call.source.clone() else {
        let (call_id, name) = (call.call_id.to_string(), call.name.clone());
        return wire::Item::FunctionCall(FunctionCallItem {
            id,
            turn_id,
            call_id,
            name,
            arguments,
            status,
        });
    };
    if server_label == SHELL {
        return command(call, end, status);
    }
    if server_label == SUBAGENTS_LABEL
        && let Some(item) = subagent::call(agent, call, status)
    {
        return item;
    }
    let (output, error) = match end {
        None => (Value::Null, Value::Null),
        Some(end) if end.is_error => (Value::Null, output_value(&end.content)),
        Some(end) => (output_value(&end.content), Value::Null),
    };
    let name = call.name.clone();
    wire::Item::McpCall(McpCallItem {
        id,
        turn_id,
        server_label,
        name,
        arguments,
        status,
        output,
        error,
    })
}

/// A command in the session's environment, open or with its end.
fn command(call: &CallView, end: Option<&CallEnd>, status: CallStatus) -> wire::Item {
    let exec = end.and_then(|end| end.exec.as_ref());
    let asked = arguments_value(&call.arguments);
    let text = |member: &str| asked[member].as_str().map(str::to_owned);
    wire::Item::CommandExecution(CommandExecutionItem {
        id: call.item_id.to_string(),
        turn_id: call.turn.to_string(),
        command: text("command").unwrap_or_else(|| call.arguments.clone()),
        cwd: exec.map(|exec| exec.cwd.clone()).or_else(|| text("cwd")),
        status,
        exit_code: exec.and_then(|exec| match exec.end {
            ExecEnd::Exited { code } => Some(code),
            ExecEnd::Signalled { .. } | ExecEnd::TimedOut | ExecEnd::OutOfMemory => None,
        }),
        output: end.map(|end| end.content.iter().map(content_text).collect()),
        duration_ms: exec.map(|exec| exec.duration_ms),
    })
}

/// The text of a part; a command has no other.
fn content_text(part: &Content) -> &str {
    match part {
        Content::Text { text } => text,
        Content::Image { .. } => "",
    }
}

/// What a client's call returned.
pub(super) fn call_output(call: &CallView, end: &CallEnd) -> wire::Item {
    let output = function_output(&end.content);
    let (output, error) = match (end.is_error, output) {
        (false, output) => (Some(output), None),
        (true, FunctionOutput::Text(text)) => (None, Some(text)),
        (true, parts) => (Some(parts), None),
    };
    wire::Item::FunctionCallOutput(FunctionCallOutputItem {
        id: end.item_id.to_string(),
        turn_id: call.turn.to_string(),
        call_id: call.call_id.to_string(),
        status: end.status,
        output,
        error,
    })
}

fn function_output(content: &[Content]) -> FunctionOutput {
    match content {
        [] => FunctionOutput::Text(String::new()),
        [Content::Text { text }] => FunctionOutput::Text(text.clone()),
        parts => FunctionOutput::Parts(parts.iter().map(input_content).collect()),
    }
}

fn output_value(content: &[Content]) -> Value {
    serde_json::to_value(function_output(content)).expect("texts and parts serialise")
}

fn input_content(part: &Content) -> InputContent {
    match part {
        Content::Text { text } => InputContent::text(text.clone()),
        Content::Image { url } => InputContent::Image(ImageBody { image_url: url.clone() }),
    }
}

//! Inputs as commands.
//!
//! Invariant: one input, one command, in the order given.

use mainstay_core::item::Content;
use mainstay_core::port::ToolOutput;
use mainstay_core::question::ReplyAction;
use mainstay_core::session::{ApprovalAnswer, Command, InputMode};
use mainstay_protocol::{ApiError, ApprovalId, CallId, ErrorCode, TurnId};
use serde_json::Value;

use crate::openai::wire::{
    ApprovalDecision, ApprovalRequestResultInput, ApprovalResponse, At, FunctionOutput, Input,
    InputContent, InputMessage, MessageMode, OutcomeDecision, OutcomeResultInput, ToolResultInput,
};

/// The commands of a request's inputs.
pub(super) fn commands(inputs: Vec<Input>) -> Result<Vec<Command>, ApiError> {
    let events = At::Root.field("events");
    inputs
        .into_iter()
        .enumerate()
        .map(|(index, input)| command(input, &events.index(index)))
        .collect()
}

fn command(input: Input, at: &At<'_>) -> Result<Command, ApiError> {
    match input {
        Input::Message(message) => Ok(Command::Input {
            messages: message.input.into_iter().map(message_content).collect(),
            mode: match message.mode.unwrap_or_default() {
                MessageMode::Steer => InputMode::Steer,
                MessageMode::Queue => InputMode::Queue,
            },
        }),
        Input::Cancel(_) => Ok(Command::Cancel),
        Input::ToolResult(result) => tool_result(result),
        Input::ApprovalRequestResult(result) => approval(result),
        Input::OutcomeResult(result) => outcome(result),
        Input::ComputerUseResult(_) => {
            let message = "answers a browser, which this server does not have";
            Err(at.field("type").refuse(ErrorCode::Unsupported, message))
        }
    }
}

/// A message's parts.
pub(crate) fn message_content(message: InputMessage) -> Vec<Content> {
    message.content.into_iter().map(content).collect()
}

fn content(part: InputContent) -> Content {
    match part {
        InputContent::Text(part) => Content::Text { text: part.text },
        InputContent::Image(part) => Content::Image { url: part.image_url },
    }
}

fn output_content(output: FunctionOutput) -> Vec<Content> {
    match output {
        FunctionOutput::Text(text) => vec![Content::Text { text }],
        FunctionOutput::Parts(parts) => parts.into_iter().map(content).collect(),
    }
}

fn tool_result(result: ToolResultInput) -> Result<Command, ApiError> {
    // What cannot be an id is no waiting call's, which is what clients are told.
    let unknown = |_| {
        let message = format!("Unknown pending tool call: {}", result.call_id);
        ApiError::new(ErrorCode::CallNotWaiting, message)
    };
    let turn = TurnId::parse(&result.turn_id).map_err(unknown)?;
    let call_id = CallId::parse(&result.call_id).map_err(unknown)?;
    let mut content = result.output.map(output_content).unwrap_or_default();
    if let Some(error) = result.error {
        content.push(Content::Text { text: error });
    }
    if content.is_empty() {
        content.push(Content::Text { text: String::new() });
    }
    let output = ToolOutput::new(content, !result.success);
    Ok(Command::ToolResult { turn: Some(turn), call_id, output })
}

fn approval(result: ApprovalRequestResultInput) -> Result<Command, ApiError> {
    let ApprovalResponse::ToolCall(body) = result.response;
    let action = match body.decision {
        ApprovalDecision::Approve => ReplyAction::Accept,
        ApprovalDecision::Deny => ReplyAction::Decline,
        ApprovalDecision::Cancel => ReplyAction::Cancel,
    };
    let answer = ApprovalAnswer::Reply(action, body.content.map(Value::Object));
    Ok(Command::Approval { approval: question(&result.request_id)?, answer })
}

fn outcome(result: OutcomeResultInput) -> Result<Command, ApiError> {
    let answer = match result.decision {
        OutcomeDecision::Done => ApprovalAnswer::Done(
            result.output.map(|output| ToolOutput::new(output_content(output), false)),
        ),
        OutcomeDecision::NotDone => ApprovalAnswer::NotDone,
        OutcomeDecision::Retry => ApprovalAnswer::Retry,
    };
    Ok(Command::Approval { approval: question(&result.request_id)?, answer })
}

fn question(request_id: &str) -> Result<ApprovalId, ApiError> {
    ApprovalId::parse(request_id).map_err(|_| {
        let message = format!("no question {request_id:?} waits for an answer");
        ApiError::new(ErrorCode::CallNotWaiting, message)
    })
}

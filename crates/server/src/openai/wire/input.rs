//! What clients send to a session.
//!
//! Invariant: a request is a list of inputs, taken together or not at all.

use mainstay_protocol::{ApiError, MAX_ID_CHARS};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::content::{FunctionOutput, InputContent, validate_parts};
use super::limits::{
    MAX_CONTENT_PARTS, MAX_INPUT_EVENTS, MAX_INPUT_MESSAGES, MAX_LINE_CHARS, MAX_TOOL_ERROR_CHARS,
    count, id, text,
};
use super::parse::tagged_params;
use super::settings::NoFields;
use super::{At, Validate};
use crate::openapi::Given;

/// `POST /agents/sessions/{id}/events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventCreateParams {
    /// The inputs, in order.
    #[schemars(length(min = 1, max = MAX_INPUT_EVENTS))]
    pub events: Vec<Input>,
}

tagged_params! {
    /// One input of a session.
    #[derive(Eq)]
    Input by "type" {
        /// Messages of the user: a new turn, or steering of the running one.
        Message(MessageInput) = "agent.session.input.message",
        /// Cancels the running turn.
        Cancel(NoFields) = "agent.session.input.cancel",
        /// The result of a function that the client ran.
        ToolResult(ToolResultInput) = "agent.session.input.tool_result",
        /// A person's answer to whether a call may be made.
        ApprovalRequestResult(ApprovalRequestResultInput) = "agent.session.input.mcp_approval_request_result",
        /// A person's answer to a browser.
        ComputerUseResult(ComputerUseResultInput) = "agent.session.input.computer_use_approval_request_result",
        /// Extension: a person's answer to whether a call was made.
        OutcomeResult(OutcomeResultInput) = "agent.session.input.approval_result",
    }
}

/// Messages of the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageInput {
    /// The messages, in order.
    #[schemars(length(min = 1, max = MAX_INPUT_MESSAGES))]
    pub input: Vec<InputMessage>,
    /// Extension: what they do while a turn is running.
    #[serde(
        default,
        deserialize_with = "super::patch::not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Given<MessageMode>")]
    pub mode: Option<MessageMode>,
}

/// What messages do while a turn is running (extension).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageMode {
    /// They join it before its next step.
    #[default]
    Steer,
    /// They are a turn of their own behind it.
    Queue,
}

/// A message of the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InputMessage {
    /// Who wrote it.
    pub role: InputRole,
    /// Its parts.
    #[schemars(length(min = 1, max = MAX_CONTENT_PARTS))]
    pub content: Vec<InputContent>,
    /// `"message"`, if anything.
    #[serde(
        default,
        rename = "type",
        deserialize_with = "super::patch::not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Given<InputMessageType>")]
    pub kind: Option<InputMessageType>,
}

impl InputMessage {
    /// A message of one text.
    pub fn user(text: impl Into<String>) -> Self {
        Self { role: InputRole::User, content: vec![InputContent::text(text)], kind: None }
    }
}

/// Who may write an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InputRole {
    /// The user.
    User,
}

/// The type of an input's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InputMessageType {
    /// The only one.
    Message,
}

/// The result of a function that the client ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolResultInput {
    /// The turn that waits.
    #[schemars(length(min = 1, max = MAX_ID_CHARS))]
    pub turn_id: String,
    /// The call.
    #[schemars(length(max = MAX_LINE_CHARS))]
    pub call_id: String,
    /// Whether it succeeded.
    pub success: bool,
    /// What it returned.
    #[serde(default)]
    pub output: Option<FunctionOutput>,
    /// Why it failed.
    #[serde(default)]
    #[schemars(length(max = MAX_TOOL_ERROR_CHARS))]
    pub error: Option<String>,
}

/// A person's answer to whether a call may be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRequestResultInput {
    /// The question.
    #[schemars(length(min = 1, max = MAX_ID_CHARS))]
    pub request_id: String,
    /// The answer.
    pub response: ApprovalResponse,
}

tagged_params! {
    /// A person's answer about a call.
    #[derive(Eq)]
    ApprovalResponse by "type" {
        /// The only kind.
        ToolCall(DecisionBody) = "mcp_tool_call",
    }
}

/// A person's decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionBody {
    /// The decision.
    pub decision: ApprovalDecision,
    /// Extension: the content of the form that was asked for; its defaults are filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Map<String, Value>>,
}

/// What a person may decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalDecision {
    /// The call is made.
    Approve,
    /// The call is not made, and the model is told.
    Deny,
    /// The question is dropped; the call is not made.
    Cancel,
}

/// A person's answer to a browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComputerUseResultInput {
    /// The question.
    #[schemars(length(min = 1, max = MAX_ID_CHARS))]
    pub request_id: String,
    /// The answer.
    pub response: ComputerUseResponse,
}

tagged_params! {
    /// A person's answer to a browser.
    #[derive(Eq)]
    ComputerUseResponse by "type" {
        /// A login form.
        Authentication(AuthenticationResponse) = "browser_authentication",
        /// Whether the browser may go somewhere.
        OriginAccess(DecisionBody) = "browser_origin_access",
    }
}

tagged_params! {
    /// A person's answer to a login form.
    #[derive(Eq)]
    AuthenticationResponse by "action" {
        /// The filled form.
        Submit(AuthenticationForm) = "submit",
        /// Nothing.
        Cancel(NoFields) = "cancel",
    }
}

/// A filled login form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthenticationForm {
    /// The values.
    pub fields: Vec<AuthenticationField>,
    /// The way of signing in.
    #[serde(default)]
    pub selected_option: Option<String>,
}

/// A value of a login form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthenticationField {
    /// The field.
    pub field_id: String,
    /// Its value.
    pub value: String,
}

/// A person's answer to whether a call was made (extension).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomeResultInput {
    /// The question.
    #[schemars(length(min = 1, max = MAX_ID_CHARS))]
    pub request_id: String,
    /// What happened.
    pub decision: OutcomeDecision,
    /// What the call returned, where it was made and that is known.
    #[serde(default)]
    pub output: Option<FunctionOutput>,
}

/// What happened to an effect whose outcome was unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeDecision {
    /// It was done.
    Done,
    /// It was not done and shall not be.
    NotDone,
    /// It was not done, or may be done again: it is attempted again.
    Retry,
}

impl Validate for EventCreateParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        let events = at.field("events");
        if self.events.is_empty() {
            return Err(events.invalid("must not be empty"));
        }
        count(&events, self.events.len(), MAX_INPUT_EVENTS)?;
        self.events.validate(&events)
    }
}

impl Validate for Input {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        match self {
            Self::Message(message) => validate_messages(&at.field("input"), &message.input),
            Self::Cancel(_) => Ok(()),
            Self::ToolResult(result) => result.validate(at),
            Self::ApprovalRequestResult(result) => request(at, &result.request_id),
            Self::ComputerUseResult(result) => request(at, &result.request_id),
            Self::OutcomeResult(result) => result.validate(at),
        }
    }
}

/// Refuses an input without messages, or one with a bad message.
pub(crate) fn check_input(at: &At<'_>, messages: &[InputMessage]) -> Result<(), ApiError> {
    validate_messages(at, messages)
}

/// Refuses input that is nothing or too much.
pub(super) fn validate_messages(at: &At<'_>, messages: &[InputMessage]) -> Result<(), ApiError> {
    if messages.is_empty() {
        return Err(at.invalid("must not be empty"));
    }
    count(at, messages.len(), MAX_INPUT_MESSAGES)?;
    messages.iter().enumerate().try_for_each(|(index, message)| {
        validate_parts(&at.index(index).field("content"), &message.content)
    })
}

impl Validate for ToolResultInput {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        id(&at.field("turn_id"), &self.turn_id)?;
        text(&at.field("call_id"), &self.call_id, MAX_LINE_CHARS)?;
        self.output.validate(&at.field("output"))?;
        let Some(error) = &self.error else {
            return Ok(());
        };
        if self.success {
            return Err(at.field("error").invalid("cannot be combined with success"));
        }
        text(&at.field("error"), error, MAX_TOOL_ERROR_CHARS)
    }
}

impl Validate for OutcomeResultInput {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        request(at, &self.request_id)?;
        if self.output.is_some() && self.decision != OutcomeDecision::Done {
            return Err(at.field("output").invalid("is only possible when the decision is 'done'"));
        }
        self.output.validate(&at.field("output"))
    }
}

fn request(at: &At<'_>, request_id: &str) -> Result<(), ApiError> {
    id(&at.field("request_id"), request_id)
}

//! A session's turns, as shown.
//!
//! Invariant: `error` has a value if and only if the turn failed.

use mainstay_protocol::{ErrorCode, Usage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::settings::PromptCacheOptions;
use crate::openapi::{Tag, shape};

/// How a turn is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TurnStatus {
    /// It waits for the turn before it.
    Queued,
    /// It runs.
    InProgress,
    /// It waits for a client or a person.
    Waiting,
    /// It ended with an answer.
    Completed,
    /// It ended with an error.
    Failed,
    /// It was cancelled.
    Cancelled,
}

/// A turn of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "object", rename = "agent.session.turn")]
#[schemars(rename = "Turn", transform = Tag("object", "agent.session.turn"))]
pub struct Turn {
    /// Its id.
    pub id: String,
    /// The session it belongs to.
    pub session_id: String,
    /// The agent that runs it.
    pub agent_id: String,
    /// The subagent that runs it; null for the session's own agent.
    pub subagent_id: Option<String>,
    /// How it is.
    pub status: TurnStatus,
    /// When it was made, in Unix seconds.
    pub created_at: u64,
    /// When it began to run, in Unix seconds.
    pub started_at: Option<u64>,
    /// When it ended, in Unix seconds.
    pub completed_at: Option<u64>,
    /// Why it failed.
    pub error: Option<TurnError>,
    /// What it cost.
    pub usage: Option<TokenUsage>,
    /// The prompt cache's lifetime it ran with.
    pub prompt_cache_options: Option<PromptCacheOptions>,
}

/// Why a turn failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TurnError {
    /// The kind of failure.
    pub code: TurnErrorCode,
    /// What happened.
    pub message: String,
    /// Extension: Mainstay's own code, with a page of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ErrorName>")]
    pub mainstay_code: Option<ErrorCode>,
}

impl TurnError {
    /// The wire's error of one of Mainstay's own.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code: TurnErrorCode::of(code), message: message.into(), mainstay_code: Some(code) }
    }
}

/// The closed list of kinds of failure that clients know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TurnErrorCode {
    ContextLengthExceeded,
    MaxOutputTokens,
    SessionBudgetExceeded,
    UsageLimitExceeded,
    ProjectSpendLimitExceeded,
    OrganizationSpendLimitExceeded,
    OrganizationUsageLimitExceeded,
    BillingNotActive,
    CreditBalanceExhausted,
    RateLimitExceeded,
    FlexUnavailable,
    ServerOverloaded,
    CyberPolicy,
    MisalignmentPolicyViolation,
    ConnectionFailed,
    ServerError,
    AuthenticationError,
    InvalidRequest,
    ResourceNotFound,
    SandboxError,
    ExecutorVersionIncompatible,
    ActiveTurnNotSteerable,
    RequestTimeout,
    InternalError,
}

impl TurnErrorCode {
    /// The kind of failure that an error of Mainstay is.
    #[must_use]
    pub fn of(code: ErrorCode) -> Self {
        match code {
            ErrorCode::ContextTooLong => Self::ContextLengthExceeded,
            ErrorCode::BudgetReached => Self::SessionBudgetExceeded,
            ErrorCode::LimitReached => Self::UsageLimitExceeded,
            ErrorCode::Overloaded | ErrorCode::ShuttingDown => Self::ServerOverloaded,
            ErrorCode::OutputLimitReached => Self::MaxOutputTokens,
            ErrorCode::ModelRateLimited => Self::RateLimitExceeded,
            ErrorCode::ModelUnavailable | ErrorCode::ToolUnavailable => Self::ConnectionFailed,
            ErrorCode::ModelInvalid => Self::ServerError,
            ErrorCode::ModelNotFound | ErrorCode::NotFound | ErrorCode::AgentDeleted => {
                Self::ResourceNotFound
            }
            ErrorCode::Unauthenticated | ErrorCode::Forbidden => Self::AuthenticationError,
            ErrorCode::BodyTimeout => Self::RequestTimeout,
            ErrorCode::BodyTooLarge
            | ErrorCode::CallAlreadyAnswered
            | ErrorCode::CallNotWaiting
            | ErrorCode::Conflict
            | ErrorCode::IdempotencyConflict
            | ErrorCode::InvalidCursor
            | ErrorCode::InvalidJson
            | ErrorCode::InvalidParameter
            | ErrorCode::MethodNotAllowed
            | ErrorCode::MissingParameter
            | ErrorCode::ModelRefused
            | ErrorCode::NotLatest
            | ErrorCode::SessionBusy
            | ErrorCode::SessionFailed
            | ErrorCode::TextTooLong
            | ErrorCode::UnknownParameter
            | ErrorCode::Unsupported => Self::InvalidRequest,
            ErrorCode::DiskFull
            | ErrorCode::WebhookUnreachable
            | ErrorCode::EntryUnknown
            | ErrorCode::Internal
            | ErrorCode::JournalCorrupt
            | ErrorCode::StoreUnavailable => Self::InternalError,
        }
    }
}

/// The tokens of a turn or session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenUsage {
    /// Tokens of the prompts.
    pub input_tokens: u64,
    /// What of them was cached.
    pub input_tokens_details: InputTokensDetails,
    /// Tokens of the answers.
    pub output_tokens: u64,
    /// What of them was reasoning.
    pub output_tokens_details: OutputTokensDetails,
    /// Both together.
    pub total_tokens: u64,
    /// Extension: the price in millionths of a US dollar, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_microusd: Option<u64>,
}

/// What of the prompts was cached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InputTokensDetails {
    /// Tokens that the provider had cached.
    pub cached_tokens: u64,
}

/// What of the answers was reasoning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutputTokensDetails {
    /// Tokens of reasoning.
    pub reasoning_tokens: u64,
}

impl From<Usage> for TokenUsage {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            input_tokens_details: InputTokensDetails { cached_tokens: usage.cached_input_tokens },
            output_tokens: usage.output_tokens,
            output_tokens_details: OutputTokensDetails { reasoning_tokens: usage.reasoning_tokens },
            total_tokens: usage.total_tokens(),
            cost_microusd: usage.cost_microusd,
        }
    }
}

shape! {
    /// One of Mainstay's own codes of errors, each with a page in `docs/errors`.
    ErrorName = |_| serde_json::json!({"type": "string", "enum": ErrorCode::ALL})
}

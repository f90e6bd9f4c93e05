//! Every error code of Mainstay, with its HTTP status and whether trying again can help.
//!
//! Invariant: codes are alphabetical, never renamed, and each has a page `docs/errors/<code>.md`.
//! Deliberately absent: the error shape of any one wire API; the server makes it from this.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $status:literal, $retryable:literal;)+) => {
        /// What went wrong, as clients and scripts see it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ErrorCode {$(
            $(#[doc = $doc])+
            #[serde(rename = $code)]
            $name,
        )+}

        impl ErrorCode {
            /// Every code, in alphabetical order.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code's stable text.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {$(Self::$name => $code),+}
            }

            /// The HTTP status it is answered with.
            #[must_use]
            pub fn status(self) -> u16 {
                match self {$(Self::$name => $status),+}
            }

            /// Whether the same request can succeed later.
            #[must_use]
            pub fn retryable(self) -> bool {
                match self {$(Self::$name => $retryable),+}
            }
        }
    };
}

error_codes! {
    /// The agent was deleted; its sessions take no new turns.
    AgentDeleted = "agent_deleted", 409, false;
    /// The request body arrived too slowly.
    BodyTimeout = "body_timeout", 408, true;
    /// The request body is larger than the limit.
    BodyTooLarge = "body_too_large", 413, false;
    /// The session's spend limit is reached.
    BudgetReached = "budget_reached", 409, false;
    /// A tool result for a call that was answered before.
    CallAlreadyAnswered = "call_already_answered", 409, false;
    /// A tool result or approval for something that is not waiting.
    CallNotWaiting = "call_not_waiting", 409, false;
    /// Somebody else changed the same thing at the same time.
    Conflict = "conflict", 409, true;
    /// The context does not fit the model's window even after compaction.
    ContextTooLong = "context_too_long", 400, false;
    /// The data folder's disk is full.
    DiskFull = "disk_full", 503, true;
    /// A journal holds an entry that this binary does not know.
    EntryUnknown = "entry_unknown", 500, false;
    /// The key does not allow this.
    Forbidden = "forbidden", 403, false;
    /// The `Idempotency-Key` was used with another body.
    IdempotencyConflict = "idempotency_conflict", 409, false;
    /// A bug of Mainstay.
    Internal = "internal", 500, true;
    /// A page cursor that names nothing.
    InvalidCursor = "invalid_cursor", 400, false;
    /// The body is not JSON.
    InvalidJson = "invalid_json", 400, false;
    /// A parameter has a wrong type or value.
    InvalidParameter = "invalid_parameter", 400, false;
    /// A journal's hashes do not fit its content, or the data file is damaged.
    JournalCorrupt = "journal_corrupt", 500, false;
    /// A limit of the turn (steps, tool calls, tokens, wall time) is reached.
    LimitReached = "limit_reached", 409, false;
    /// The path exists, the method does not.
    MethodNotAllowed = "method_not_allowed", 405, false;
    /// A required parameter is missing.
    MissingParameter = "missing_parameter", 400, false;
    /// The model answered something that is not an answer.
    ModelInvalid = "model_invalid", 502, true;
    /// No configured provider offers this model.
    ModelNotFound = "model_not_found", 400, false;
    /// The provider limits the rate of requests, and waiting did not help.
    ModelRateLimited = "model_rate_limited", 429, true;
    /// The provider refused to answer.
    ModelRefused = "model_refused", 400, false;
    /// The provider cannot be reached or is overloaded.
    ModelUnavailable = "model_unavailable", 503, true;
    /// No such thing, or not yours.
    NotFound = "not_found", 404, false;
    /// The session has gone on from the place that the request names.
    NotLatest = "not_latest", 409, false;
    /// The model reached its bound on output tokens before it had said all.
    OutputLimitReached = "output_limit_reached", 409, false;
    /// A queue is full.
    Overloaded = "overloaded", 503, true;
    /// The session is at work, and the request needs it at rest.
    SessionBusy = "session_busy", 409, true;
    /// The session failed and takes no more input.
    SessionFailed = "session_failed", 409, false;
    /// The server is stopping.
    ShuttingDown = "shutting_down", 503, true;
    /// The store did not answer.
    StoreUnavailable = "store_unavailable", 503, true;
    /// A text is longer than its limit.
    TextTooLong = "text_too_long", 400, false;
    /// A tool could not be set up or reached.
    ToolUnavailable = "tool_unavailable", 502, true;
    /// No valid key came with the request.
    Unauthenticated = "unauthenticated", 401, false;
    /// A parameter that does not exist.
    UnknownParameter = "unknown_parameter", 400, false;
    /// The server is not configured for this.
    Unsupported = "unsupported", 400, false;
    /// A webhook endpoint did not answer a sample.
    WebhookUnreachable = "webhook_unreachable", 502, true;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error as it leaves Mainstay, before a wire API gives it its shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// What went wrong.
    pub code: ErrorCode,
    /// What was attempted with which value, and what to do.
    pub message: String,
    /// The parameter at fault, as a path (`input[0].content`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
}

impl ApiError {
    /// An error that no single parameter caused.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), param: None }
    }

    /// Names the parameter at fault.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;

//! A response as an object.
//!
//! Invariant: every documented member is there, `null` where it has no value.

use std::collections::BTreeMap;

use mainstay_core::session::ResponseRow;
use mainstay_protocol::{ErrorCode, Usage};
use serde_json::{Value, json};

use crate::openai::project::seconds;
use crate::openai::responses::Echo;

/// Where a response stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Queued,
    InProgress,
    Completed,
    Failed,
    Cancelled,
    Incomplete(&'static str),
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Incomplete(_) => "incomplete",
        }
    }

    /// The event that tells of it at the end. There is none for what was cancelled: to whoever
    /// reads the stream, it is not complete.
    pub(crate) fn end_event(self) -> &'static str {
        match self {
            Self::Queued | Self::InProgress | Self::Completed => "response.completed",
            Self::Failed => "response.failed",
            Self::Cancelled | Self::Incomplete(_) => "response.incomplete",
        }
    }
}

/// What does not change about a response.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) row: ResponseRow,
    pub(crate) echo: Echo,
}

/// What does.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) status: Status,
    pub(crate) output: BTreeMap<u32, Value>,
    pub(crate) usage: Usage,
    pub(crate) error: Option<(ErrorCode, String)>,
    pub(crate) completed_at_ms: Option<u64>,
}

impl Head {
    /// The response as it is now.
    pub(crate) fn show(&self, body: &Body) -> Value {
        let mut shown = self.echo.show();
        let incomplete = match body.status {
            Status::Incomplete(reason) => json!({ "reason": reason }),
            _ => Value::Null,
        };
        let is_over = !matches!(body.status, Status::Queued | Status::InProgress);
        let completed_at = body.completed_at_ms.filter(|_| body.status == Status::Completed);
        let error = body.error.as_ref().filter(|_| body.status == Status::Failed);
        let members = json!({
            "id": self.row.id,
            "object": "response",
            "created_at": seconds(self.row.created_at_ms),
            "completed_at": completed_at.map(seconds),
            "status": body.status.as_str(),
            "error": error.map(|(code, message)| json!({
                "code": error_code(*code), "message": message,
            })),
            "incomplete_details": incomplete,
            "output": body.output.values().collect::<Vec<_>>(),
            "usage": is_over.then(|| usage(body.usage)),
            "previous_response_id": self.row.previous,
            "conversation": self.echo.in_conversation.then(|| json!({ "id": self.row.session })),
            "session_id": self.row.session,
        });
        if let (Value::Object(shown), Value::Object(members)) = (&mut shown, members) {
            shown.extend(members);
        }
        shown
    }
}

/// Tokens as this API counts them.
pub(crate) fn usage(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_input_tokens,
            "cache_write_tokens": 0,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": { "reasoning_tokens": usage.reasoning_tokens },
        "total_tokens": usage.total_tokens(),
        "cost_microusd": usage.cost_microusd,
    })
}

/// The kind of failure, of those that this API knows.
fn error_code(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::ModelRateLimited => "rate_limit_exceeded",
        ErrorCode::ContextTooLong
        | ErrorCode::ModelNotFound
        | ErrorCode::InvalidParameter
        | ErrorCode::Unsupported => "invalid_prompt",
        _ => "server_error",
    }
}

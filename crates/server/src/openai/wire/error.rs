//! Errors in the shape that clients of this API expect.
//!
//! Invariant: every error says whether it is worth trying again, because clients otherwise try each
//! 409 again, and give up on what they should not.

use mainstay_protocol::{ApiError, ErrorCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The body of an answer that is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorObject,
}

/// An error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorObject {
    /// What was attempted with which value, and what to do.
    pub message: String,
    /// The kind of error.
    #[serde(rename = "type")]
    pub kind: ErrorKind,
    /// The parameter at fault.
    pub param: Option<String>,
    /// The error's code.
    pub code: Option<String>,
}

/// The kind of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The request is at fault.
    InvalidRequestError,
    /// The key is.
    AuthenticationError,
    /// The key does not allow it.
    PermissionError,
    /// There are too many requests.
    RateLimitError,
    /// The server is at fault.
    ServerError,
}

/// An answer that is an error: its status, what the header `x-should-retry` says, and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Whether the same request can succeed later.
    pub should_retry: bool,
    /// The body.
    pub body: ErrorBody,
}

impl ErrorKind {
    fn of_status(status: u16) -> Self {
        match status {
            401 => Self::AuthenticationError,
            403 => Self::PermissionError,
            429 => Self::RateLimitError,
            500.. => Self::ServerError,
            _ => Self::InvalidRequestError,
        }
    }
}

impl From<&ApiError> for ErrorObject {
    fn from(error: &ApiError) -> Self {
        Self {
            message: error.message.clone(),
            kind: ErrorKind::of_status(error.code.status()),
            param: error.param.clone(),
            code: Some(error.code.as_str().to_owned()),
        }
    }
}

impl From<&ApiError> for ErrorAnswer {
    fn from(error: &ApiError) -> Self {
        Self {
            status: error.code.status(),
            should_retry: error.code.retryable(),
            body: ErrorBody { error: error.into() },
        }
    }
}

impl ErrorAnswer {
    /// A result for a call that is not waiting. Clients that run functions know this text and code,
    /// and try again: the call may be shown to them a moment before it waits.
    #[must_use]
    pub fn unknown_pending_call(call_id: &str) -> Self {
        let error = ApiError::new(
            ErrorCode::CallNotWaiting,
            format!("Unknown pending tool call: {call_id}"),
        );
        let mut object = ErrorObject::from(&error);
        object.code = Some("invalid_request_error".to_owned());
        Self { status: 400, should_retry: false, body: ErrorBody { error: object } }
    }
}

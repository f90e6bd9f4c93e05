//! A machine's failure as clients see it.

use mainstay_core::port::SandboxError;
use mainstay_protocol::{ApiError, ErrorCode};

/// A machine's failure as clients see it.
pub(crate) fn sandbox_error(error: &SandboxError) -> ApiError {
    let code = match error {
        SandboxError::Unavailable(_) => ErrorCode::Unsupported,
        SandboxError::Invalid(_) => ErrorCode::InvalidParameter,
        SandboxError::LimitReached(_) => ErrorCode::LimitReached,
        SandboxError::NotStarted(_) | SandboxError::Broken(_) => ErrorCode::ToolUnavailable,
    };
    ApiError::new(code, error.to_string())
}

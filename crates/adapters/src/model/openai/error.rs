//! What OpenAI's errors mean, whether they come as a status or inside a stream.
//!
//! Invariant: an error that another attempt cannot help is never called retryable; one that is not
//! understood is, if its status says that the server is at fault.

use mainstay_core::port::ModelErrorKind;
use reqwest::StatusCode;

use crate::model::http::{ErrorText, is_context_too_long};

/// The kind of an error. Errors inside a stream have no status of their own.
pub(super) fn error_kind(status: Option<StatusCode>, text: &ErrorText) -> ModelErrorKind {
    // First, because a prompt beyond the limit of tokens per minute is called `rate_limit_exceeded`
    // and waiting does not help it.
    if is_context_too_long(text) {
        return ModelErrorKind::ContextTooLong;
    }
    if let Some(kind) = by_code(&text.code).or_else(|| by_code(&text.category)) {
        return kind;
    }
    match status.map(|status| status.as_u16()) {
        None | Some(408 | 409 | 500..=599) => ModelErrorKind::Unavailable,
        Some(413) => ModelErrorKind::ContextTooLong,
        Some(429) => ModelErrorKind::RateLimited,
        Some(_) => ModelErrorKind::Invalid,
    }
}

fn by_code(code: &str) -> Option<ModelErrorKind> {
    let kind = match code {
        "insufficient_quota"
        | "billing_hard_limit_reached"
        | "invalid_api_key"
        | "model_not_found"
        | "DeploymentNotFound" => ModelErrorKind::Invalid,
        "content_filter"
        | "content_policy_violation"
        | "invalid_prompt"
        | "bio_policy"
        | "misalignment_policy_violation"
        | "image_content_policy_violation" => ModelErrorKind::Refused,
        "rate_limit_exceeded" | "slow_down" | "too_many_requests" => ModelErrorKind::RateLimited,
        "server_error" | "internal_error" | "vector_store_timeout" => ModelErrorKind::Unavailable,
        image if image.contains("image") => ModelErrorKind::Invalid,
        _ => return None,
    };
    Some(kind)
}

//! Bounds what a model reads of a tool, and the errors that all tools share.

use mainstay_core::port::{ToolError, ToolOutput, WorldChange};

/// The longest text that one tool call gives to a model, in bytes.
pub(crate) const MAX_OUTPUT_BYTES: usize = 65_536;

/// Cuts a text to `limit_bytes`, on a character's boundary, and says so at its end.
pub(crate) fn cut_text(text: &mut String, limit_bytes: usize) {
    if text.len() <= limit_bytes {
        return;
    }
    let left_out = text.len() - limit_bytes;
    let notice = format!("\n[cut: {left_out} more bytes]");
    let mut end = limit_bytes.saturating_sub(notice.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.push_str(&notice);
}

/// A text answer within the bound.
pub(crate) fn bounded(mut text: String) -> ToolOutput {
    cut_text(&mut text, MAX_OUTPUT_BYTES);
    ToolOutput::text(text)
}

/// An error for the model within the bound.
pub(crate) fn bounded_error(mut text: String) -> ToolOutput {
    cut_text(&mut text, MAX_OUTPUT_BYTES);
    ToolOutput::error(text)
}

/// Trying again cannot help, and nothing was changed.
pub(crate) fn terminal(message: impl Into<String>) -> ToolError {
    ToolError {
        message: message.into(),
        retryable: false,
        world: WorldChange::No,
        retry_after_ms: None,
        needs: None,
    }
}

/// Trying again may help, and nothing was changed.
pub(crate) fn not_sent(message: impl Into<String>) -> ToolError {
    ToolError {
        message: message.into(),
        retryable: true,
        world: WorldChange::No,
        retry_after_ms: None,
        needs: None,
    }
}

//! Bounds on what a provider may send.

/// Bytes of one stream, or of one whole answer.
pub(super) const MAX_STREAM_BYTES: usize = 64 << 20;
/// Bytes of one event of a stream; the last event of some APIs repeats the whole answer.
pub(super) const MAX_EVENT_BYTES: usize = 16 << 20;
/// Events of one stream.
pub(super) const MAX_STREAM_EVENTS: u32 = 1_000_000;
/// Bytes of text that one answer may hold, over all its outputs.
pub(super) const MAX_ANSWER_TEXT_BYTES: usize = 8 << 20;
/// Outputs of one answer.
pub(super) const MAX_ANSWER_OUTPUTS: usize = 1024;
/// Bytes read of the body of an error.
pub(super) const MAX_ERROR_BODY_BYTES: usize = 64 << 10;
/// Characters of a provider's error text that are kept.
pub(super) const MAX_ERROR_TEXT_CHARS: usize = 500;
/// Characters of a broken event that are kept.
pub(super) const MAX_EXCERPT_CHARS: usize = 120;
/// The longest wait that a provider's `retry-after` can ask for.
pub(super) const MAX_RETRY_AFTER_MS: u64 = 3_600_000;
/// How long the end of a body is waited for after the answer is complete, so that the connection can
/// be used again.
pub(super) const DRAIN_TIMEOUT_MS: u64 = 20;

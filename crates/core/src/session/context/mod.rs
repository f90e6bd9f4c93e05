//! The context window: what a model is sent, when it is too much, and what a summary replaces.
//!
//! Invariant: the context of one effect is a prefix of the transcript, so that it can be made
//! again after a crash and providers' prompt caches hit. Every fragment has a cap.

mod clip;
mod request;
mod window;

pub use clip::clip;
pub use request::{DEFAULT_INSTRUCTIONS, summary_request};
pub use window::CONTEXT_BYTES_PER_TOKEN;

pub use clip::MAX_TOOL_OUTPUT_BYTES;
pub(super) use clip::capped;
pub(super) use request::{compact_request, model_request};
pub(super) use window::cut_for;

//! The model inside the binary: its files, their download, and the engine that runs one.
//!
//! Invariant: nothing leaves the machine when it is asked, and nothing is loaded before it is asked.
//! Files and downloads are always here; the engine is behind the feature `embedded-model`, which
//! needs cmake and clang to build. Deliberately absent: graphics cards, sampling (the likeliest token
//! is taken), several tool calls in one step.

mod files;
#[cfg(feature = "embedded-model")]
mod inference;
mod pull;

pub use files::{DEFAULT_MODEL, LocalState, ModelFile, Source, find_model_file, model_files};
#[cfg(feature = "embedded-model")]
pub use inference::{
    DEFAULT_CONTEXT_TOKENS, DEFAULT_MAX_MEMORY_BYTES, DEFAULT_MAX_OUTPUT_TOKENS,
    DEFAULT_MAX_WAITING_CALLS, EmbeddedModel, EmbeddedModels, EmbeddedSettings,
};
pub use pull::{PullError, PullProgress, Puller, SourceError, VerifyError, verify};

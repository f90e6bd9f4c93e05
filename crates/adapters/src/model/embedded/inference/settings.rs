//! What an operator says about the embedded model.

use std::path::PathBuf;

/// Tokens of prompt and answer together. More costs memory (28 KB a token for the larger model) and
/// a minute of reading per 4,000 tokens on two cores.
pub const DEFAULT_CONTEXT_TOKENS: u32 = 8_192;
/// Bound on one answer.
pub const DEFAULT_MAX_OUTPUT_TOKENS: u32 = 1_024;
/// Bound on the memory that model, state and work space take together.
pub const DEFAULT_MAX_MEMORY_BYTES: u64 = 4 << 30;
/// How many calls wait behind the running one.
pub const DEFAULT_MAX_WAITING_CALLS: usize = 16;

/// How the model is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedSettings {
    /// The model's file (GGUF, of the Qwen 2.5 family).
    pub path: PathBuf,
    /// Tokens of prompt and answer together.
    pub context_tokens: u32,
    /// Bound on one answer.
    pub max_output_tokens: u32,
    /// How many processors it computes with; all when none.
    pub threads: Option<u32>,
    /// Bound on its memory; it is not loaded when it would need more.
    pub max_memory_bytes: u64,
}

impl EmbeddedSettings {
    /// This file with the usual bounds.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            context_tokens: DEFAULT_CONTEXT_TOKENS,
            max_output_tokens: DEFAULT_MAX_OUTPUT_TOKENS,
            threads: None,
            max_memory_bytes: DEFAULT_MAX_MEMORY_BYTES,
        }
    }
}

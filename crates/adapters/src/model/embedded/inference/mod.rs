//! The engine: a prompt in, a message or a tool call out.
//!
//! Invariant: every tool call fits its schema, because nothing else can be decoded. Deliberately
//! absent: where the model's file comes from.

mod answer;
mod decode;
mod engine;
mod examples;
mod grammar;
mod history;
mod members;
mod model;
mod number;
mod prompt;
mod reader;
mod settings;
mod vocabulary;
mod worker;

#[cfg(test)]
mod tests;

pub use model::{EmbeddedModel, EmbeddedModels};
pub use settings::{
    DEFAULT_CONTEXT_TOKENS, DEFAULT_MAX_MEMORY_BYTES, DEFAULT_MAX_OUTPUT_TOKENS,
    DEFAULT_MAX_WAITING_CALLS, EmbeddedSettings,
};

//! Members of a request that choose among named values.
//!
//! Invariant: a name that nobody knows is refused. Most of them change nothing here: caches are the
//! providers', and a background response begins at once.

use mainstay_protocol::{ApiError, ErrorCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::openai::wire::At;

/// What a response is to hold besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ResponseIncludable")]
pub(crate) enum Includable {
    #[serde(rename = "file_search_call.results")]
    FileSearchResults,
    #[serde(rename = "web_search_call.results")]
    WebSearchResults,
    #[serde(rename = "web_search_call.action.sources")]
    WebSearchSources,
    #[serde(rename = "message.input_image.image_url")]
    InputImage,
    #[serde(rename = "computer_call_output.output.image_url")]
    ComputerImage,
    #[serde(rename = "code_interpreter_call.outputs")]
    CodeOutputs,
    #[serde(rename = "reasoning.encrypted_content")]
    Reasoning,
    #[serde(rename = "message.output_text.logprobs")]
    LogProbabilities,
}

/// How long a response in the background may take; each begins at once.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BackgroundOptions {
    completion_window: Option<CompletionWindow>,
    continuation_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub(crate) enum CompletionWindow {
    #[serde(rename = "soonest")]
    Soonest,
    #[serde(rename = "2h")]
    TwoHours,
    #[serde(rename = "8h")]
    EightHours,
}

impl BackgroundOptions {
    /// Whether an answer may take its time.
    pub(super) fn may_wait(&self) -> bool {
        self.completion_window.is_some_and(|window| window != CompletionWindow::Soonest)
    }
}

/// How a provider's cache is used; it is the provider's to decide.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "ResponsePromptCacheOptions")]
pub(crate) struct CacheOptions {
    comparison_response_id: Option<String>,
    mode: Option<CacheMode>,
    prewarm: Option<bool>,
    ttl: Option<CacheTtl>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ResponseCacheMode")]
pub(crate) enum CacheMode {
    Implicit,
    Explicit,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[schemars(rename = "ResponseCacheTtl")]
pub(crate) enum CacheTtl {
    #[serde(rename = "30m")]
    HalfHour,
    #[serde(rename = "12h")]
    HalfDay,
}

/// How long a provider's cache is kept.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[schemars(rename = "ResponseCacheRetention")]
pub(crate) enum CacheRetention {
    #[serde(rename = "in_memory", alias = "in-memory")]
    InMemory,
    #[serde(rename = "24h")]
    Day,
}

/// Refuses to hold what no model here gives.
pub(super) fn check_include(include: Option<&[Includable]>) -> Result<(), ApiError> {
    let mut asked = include.unwrap_or_default().iter();
    let Some(index) = asked.position(|one| *one == Includable::LogProbabilities) else {
        return Ok(());
    };
    let list = At::Root.field("include");
    let message = "asks for log probabilities, which are not carried";
    Err(list.index(index).refuse(ErrorCode::Unsupported, message))
}

/// Refuses to fill a cache without an answer.
pub(super) fn check_cache(options: Option<&CacheOptions>) -> Result<(), ApiError> {
    if options.and_then(|options| options.prewarm) != Some(true) {
        return Ok(());
    }
    let message = "is true; a cache is not filled without an answer here";
    Err(At::Root
        .field("prompt_cache_options")
        .field("prewarm")
        .refuse(ErrorCode::Unsupported, message))
}

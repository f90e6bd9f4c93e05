//! What an operator says about a provider.
//!
//! Invariant: plain data; whether it makes sense is checked when the registry takes it in.
//! Deliberately absent: where it comes from (configuration file, environment), which the binary
//! knows.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use crate::model::catalogue::{Price, Reasoning};
use crate::secret::Secret;

/// Where OpenAI's own API is.
pub const OPENAI_BASE_URL: &str = "https://api.openai.com/v1";
/// Where Anthropic's own API is.
pub const ANTHROPIC_BASE_URL: &str = "https://api.anthropic.com";
/// How long a provider may take until the first byte of its answer. Servers that read a long prompt
/// before they answer need minutes.
pub(super) const FIRST_BYTE_TIMEOUT_MS: u64 = 300_000;
/// How long a stream may be silent. Reasoning models are silent for minutes.
pub(super) const IDLE_TIMEOUT_MS: u64 = 300_000;

/// One provider of models.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderSettings {
    /// What comes before the `/` in a model's name.
    pub name: String,
    /// Which wire format it speaks.
    pub kind: ProviderKind,
    /// OpenAI: with the `/v1`. Azure: the resource, with or without `/openai/v1`. Anthropic:
    /// without the `/v1`.
    pub base_url: Url,
    /// The key; some local servers want none.
    #[serde(default)]
    pub api_key: Option<Secret>,
    /// Which of OpenAI's APIs is called.
    #[serde(default)]
    pub api: OpenaiApi,
    /// Azure only: the `api-version` of the older form of URL, in which a model is a deployment.
    #[serde(default)]
    pub api_version: Option<String>,
    /// Headers added to every request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Models it claims: found without the provider's name before them, and listed.
    #[serde(default)]
    pub models: Vec<ModelSettings>,
    /// Whether model names that nobody claims go here.
    #[serde(default)]
    pub default: bool,
    /// How long to wait for what.
    #[serde(default)]
    pub timeouts: ModelTimeouts,
}

/// A wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// OpenAI and servers compatible with it.
    Openai,
    /// OpenAI's models at Azure.
    AzureOpenai,
    /// Anthropic Messages.
    Anthropic,
}

/// One of OpenAI's APIs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenaiApi {
    /// Responses at OpenAI and Azure, Chat Completions elsewhere, because that is what compatible
    /// servers have in common.
    #[default]
    Auto,
    /// `POST /responses`.
    Responses,
    /// `POST /chat/completions`.
    Chat,
}

/// Time limits of a provider. A call's own limit comes with the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelTimeouts {
    /// Until the answer begins.
    pub first_byte_timeout_ms: u64,
    /// Between two pieces of the answer.
    pub idle_timeout_ms: u64,
}

impl Default for ModelTimeouts {
    fn default() -> Self {
        Self { first_byte_timeout_ms: FIRST_BYTE_TIMEOUT_MS, idle_timeout_ms: IDLE_TIMEOUT_MS }
    }
}

/// One model. What is left out comes from the catalogue, else from cautious defaults.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// The provider's name for it; at Azure the deployment.
    pub name: String,
    /// Tokens of prompt and answer together.
    #[serde(default)]
    pub context_tokens: Option<u64>,
    /// Bound on one answer.
    #[serde(default)]
    pub max_output_tokens: Option<u64>,
    /// Whether it calls tools.
    #[serde(default)]
    pub tools: Option<bool>,
    /// Whether it reads images.
    #[serde(default)]
    pub images: Option<bool>,
    /// How its reasoning is controlled.
    #[serde(default)]
    pub reasoning: Option<Reasoning>,
    /// Summaries of reasoning to ask for: `auto`, `concise` or `detailed`. None are asked for unless
    /// this is set, because OpenAI gives them to verified organisations only and fails the request
    /// of any other.
    #[serde(default)]
    pub reasoning_summary: Option<String>,
    /// What it costs.
    #[serde(default)]
    pub price: Option<Price>,
}

/// Why settings were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("model provider {provider:?}: {problem}")]
pub struct SettingsError {
    /// The provider.
    pub provider: String,
    /// What is wrong.
    pub problem: String,
}

impl ProviderSettings {
    /// A provider of this kind with nothing but a key.
    #[must_use]
    pub fn new(name: &str, kind: ProviderKind, base_url: Url, api_key: Option<Secret>) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            base_url,
            api_key,
            api: OpenaiApi::Auto,
            api_version: None,
            headers: BTreeMap::new(),
            models: Vec::new(),
            default: false,
            timeouts: ModelTimeouts::default(),
        }
    }
}

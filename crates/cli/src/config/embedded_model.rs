//! `[embedded_model]`

use std::path::PathBuf;

#[cfg(feature = "embedded-model")]
use mainstay_adapters::model::embedded::EmbeddedSettings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The model inside this binary.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EmbeddedModel {
    /// Whether agents may use it, in a binary that has it.
    pub(crate) enabled: bool,
    /// Which one, as `mainstay model list` names it; the first one that is there when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    /// Where its files are; `mainstay/models` in the user's folder for caches when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) folder: Option<PathBuf>,
    /// How many processors it computes with; all when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) threads: Option<u32>,
    /// Tokens of prompt and answer together; more takes more memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) context_tokens: Option<u32>,
    /// The most memory it may take; it is not loaded when it would need more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_memory_bytes: Option<u64>,
    /// A recorded session that answers every model call instead of a model. For demonstrations: what
    /// it says was said before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replay_file: Option<PathBuf>,
}

impl Default for EmbeddedModel {
    fn default() -> Self {
        Self {
            enabled: true,
            model: None,
            folder: None,
            threads: None,
            context_tokens: None,
            max_memory_bytes: None,
            replay_file: None,
        }
    }
}

#[cfg(feature = "embedded-model")]
impl EmbeddedModel {
    /// The settings of the model in this file, as the adapters take them.
    pub(crate) fn settings(&self, path: PathBuf) -> EmbeddedSettings {
        let usual = EmbeddedSettings::new(path);
        EmbeddedSettings {
            threads: self.threads,
            context_tokens: self.context_tokens.unwrap_or(usual.context_tokens),
            max_memory_bytes: self.max_memory_bytes.unwrap_or(usual.max_memory_bytes),
            ..usual
        }
    }
}

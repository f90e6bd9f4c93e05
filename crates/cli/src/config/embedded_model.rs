//! `[embedded_model]`

use std::path::PathBuf;

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
    /// A recorded session that answers every model call instead of a model. For demonstrations: what
    /// it says was said before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replay_file: Option<PathBuf>,
}

impl Default for EmbeddedModel {
    fn default() -> Self {
        Self { enabled: true, model: None, folder: None, replay_file: None }
    }
}

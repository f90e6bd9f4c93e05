//! `[data]`

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where data is kept.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Data {
    /// The data folder: the store, the workspaces, and the key of this machine's command line. One
    /// server at a time. When unset: `mainstay` in the user's folder for data.
    pub(crate) dir: PathBuf,
}

impl Default for Data {
    fn default() -> Self {
        Self { dir: "mainstay-data".into() }
    }
}

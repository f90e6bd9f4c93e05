//! The whole configuration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::compute::Compute;
use super::data::Data;
use super::embedded_model::EmbeddedModel;
use super::limits::Limits;
use super::log::Log;
use super::provider::Provider;
use super::server::Server;
use super::tools::Tools;
use super::vault::Vault;

/// A commented file with every setting; `mainstay config example` prints it.
pub(crate) const EXAMPLE: &str = include_str!("example.toml");

/// Configuration of Mainstay.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Where the server listens, and what it does for those who do not say what they want.
    pub(crate) server: Server,
    /// Where data is kept.
    pub(crate) data: Data,
    /// Bounds.
    pub(crate) limits: Limits,
    /// What agents' tools may reach on this machine.
    pub(crate) tools: Tools,
    /// Machines that sessions can have of their own.
    pub(crate) compute: Compute,
    /// How secrets of vaults and webhooks are encrypted.
    pub(crate) vault: Vault,
    /// The model inside this binary.
    pub(crate) embedded_model: EmbeddedModel,
    /// What is logged to stderr.
    pub(crate) log: Log,
    /// Companies' endpoints and compatible servers, in the order in which they claim model names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) providers: Vec<Provider>,
}

/// The JSON schema of the file.
pub(crate) fn schema() -> serde_json::Value {
    schemars::schema_for!(Config).to_value()
}

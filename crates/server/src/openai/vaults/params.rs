//! Requests about vaults.

use std::collections::BTreeMap;

use mainstay_protocol::ApiError;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::openai::wire::{At, Patch, Validate, check_metadata};
use crate::openapi::{Given, Metadata};

/// The longest name of a vault or credential, trimmed, in bytes.
pub(crate) const MAX_VAULT_NAME_BYTES: usize = 256;

/// `POST /v1/vaults`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VaultCreateParams {
    /// A name for people.
    #[serde(default, deserialize_with = "crate::openai::wire::not_null")]
    #[schemars(with = "Given<String>")]
    #[schemars(length(min = 1, max = MAX_VAULT_NAME_BYTES))]
    pub(super) name: Option<String>,
    /// The client's own pairs.
    #[serde(default)]
    #[schemars(with = "Option<Metadata>")]
    pub(super) metadata: Option<BTreeMap<String, String>>,
}

/// `POST /v1/vaults/{vault}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VaultUpdateParams {
    /// The name; null takes it away.
    #[serde(default)]
    #[schemars(length(min = 1, max = MAX_VAULT_NAME_BYTES))]
    pub(super) name: Patch<String>,
    /// The client's own pairs, all of them.
    #[serde(default, deserialize_with = "crate::openai::wire::not_null")]
    #[schemars(with = "Given<Metadata>")]
    pub(super) metadata: Option<BTreeMap<String, String>>,
}

impl Validate for VaultCreateParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        if let Some(name) = &self.name {
            check_name(&at.field("name"), name)?;
        }
        check_metadata(&at.field("metadata"), self.metadata.as_ref())
    }
}

impl Validate for VaultUpdateParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        if let Some(name) = self.name.as_set() {
            check_name(&at.field("name"), name)?;
        }
        check_metadata(&at.field("metadata"), self.metadata.as_ref())
    }
}

/// Refuses a name that is nothing or too much once it is trimmed.
pub(crate) fn check_name(at: &At<'_>, name: &str) -> Result<(), ApiError> {
    if (1..=MAX_VAULT_NAME_BYTES).contains(&name.trim().len()) {
        return Ok(());
    }
    Err(at.invalid(format!("is not 1 to {MAX_VAULT_NAME_BYTES} bytes once it is trimmed")))
}

/// The name as it is kept.
pub(crate) fn trimmed(name: &str) -> String {
    name.trim().to_owned()
}

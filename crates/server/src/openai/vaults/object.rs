//! A vault, as it is kept and as clients see it.

use std::collections::BTreeMap;

use mainstay_core::resource::ResourceRow;
use mainstay_protocol::ApiError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::openai::resource::{body_of, seconds};

/// The kind of the resource, and what its refusals call it.
pub(crate) const VAULT: (&str, &str) = ("vault", "vault");
/// Vaults have one status; the SDK's other one has no route that leads to it.
pub(super) const ACTIVE: &str = "active";

/// What a vault is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct VaultBody {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
}

/// A vault.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Vault {
    pub(crate) id: String,
    object: &'static str,
    created_at: u64,
    metadata: BTreeMap<String, String>,
    name: Option<String>,
}

impl Vault {
    pub(super) fn of(row: &ResourceRow) -> Result<Self, ApiError> {
        let body: VaultBody = body_of(row)?;
        Ok(Self {
            id: row.id.clone(),
            object: "vault",
            created_at: seconds(row.created_at_ms),
            metadata: body.metadata,
            name: body.name,
        })
    }
}

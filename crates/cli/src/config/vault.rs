//! `[vault]`

use std::path::Path;

use anyhow::Context;
use mainstay_adapters::vault::VaultKey;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::environment::{Environment, VAULT_KEY};
use super::secret::SecretRef;

/// The file that holds the key where none is named.
const KEY_FILE: &str = "vault.key";

/// How secrets of vaults and webhooks are encrypted.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Vault {
    /// The key: 32 bytes, written as 64 hexadecimal digits or in base 64. When unset, that of
    /// MAINSTAY_VAULT_KEY, or of the file `vault.key` in the data folder, which is made when the
    /// first secret is kept. Without the key that encrypted them, secrets are lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<SecretRef>,
    /// Keys that `key` replaced: what they encrypted still opens. `mainstay vaults rekey` keeps those of
    /// the file `vault.key` by itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) retired_keys: Vec<SecretRef>,
}

/// The file that shows which key the data folder's secrets were encrypted with.
pub(crate) const WITNESS_FILE: &str = "vault.witness";

impl Vault {
    /// Where the key is.
    pub(crate) fn key(
        &self,
        data_dir: &Path,
        environment: &Environment,
    ) -> anyhow::Result<VaultKey> {
        if let Some(key) = &self.key {
            let text = key.read(environment).context("vault.key")?;
            let key = VaultKey::parse(text.expose()).context("vault.key")?;
            return self.with_retired(key, environment);
        }
        match environment.get(VAULT_KEY) {
            Some(text) => self.with_retired(VaultKey::parse(text).context(VAULT_KEY)?, environment),
            None => Ok(VaultKey::File(data_dir.join(KEY_FILE))),
        }
    }

    fn with_retired(&self, key: VaultKey, environment: &Environment) -> anyhow::Result<VaultKey> {
        self.retired_keys.iter().try_fold(key, |key, retired| {
            let text = retired.read(environment).context("vault.retired_keys")?;
            key.with_retired(text.expose()).context("vault.retired_keys")
        })
    }
}

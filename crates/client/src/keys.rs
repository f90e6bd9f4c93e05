//! Keys; for keys with the scope `admin`.

use serde::{Deserialize, Serialize};

use crate::error::ClientError;
use crate::http::{Client, segment};
use crate::object::Page;

/// A key to make.
#[derive(Debug, Clone, Serialize)]
pub struct NewKey {
    /// A name for people.
    pub name: String,
    /// What it allows: `use`, `admin`.
    pub scopes: Vec<String>,
    /// `bearer`, or `sigv4` for one that signs requests.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Key {
    /// Its public id; of a signing key the access key id.
    pub id: String,
    /// `bearer` or `sigv4`.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// A name for people.
    pub name: String,
    /// What it allows.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// When it was made, Unix seconds.
    pub created_at: u64,
    /// When it was revoked.
    #[serde(default)]
    pub revoked_at: Option<u64>,
    /// The secret, in the answer to its making and never again.
    #[serde(default)]
    pub secret: Option<String>,
}

impl Client {
    /// Makes a key; the answer has its secret.
    pub async fn create_key(&self, new: &NewKey) -> Result<Key, ClientError> {
        self.post("/v1/keys", new).await
    }

    /// All keys of the tenant, revoked ones too.
    pub async fn keys(&self) -> Result<Vec<Key>, ClientError> {
        let page: Page<Key> = self.get("/v1/keys", &[]).await?;
        Ok(page.data)
    }

    /// Revokes a key.
    pub async fn revoke_key(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&format!("/v1/keys/{}", segment(id)?)).await
    }
}

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
    /// What it may spend; without bound when none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spend_limit: Option<NewSpendLimit>,
}

/// What a key may spend from now on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NewSpendLimit {
    /// US dollars.
    pub limit_usd: f64,
    /// `day`, `month` or `total`.
    pub period: String,
}

/// What a key may spend, and what is spent of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SpendLimit {
    /// US dollars.
    pub limit_usd: f64,
    /// `day`, `month` or `total`.
    pub period: String,
    /// Spent in this period.
    pub spent_usd: f64,
    /// Set aside for answers under way.
    pub reserved_usd: f64,
    /// When the period ends, Unix seconds; none when it never does.
    #[serde(default)]
    pub resets_at: Option<u64>,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Deserialize)]
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
    /// What it may spend; none when there is no bound.
    #[serde(default)]
    pub spend_limit: Option<SpendLimit>,
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

    /// Says what a key may spend from now on; without bound when nothing is said.
    pub async fn limit_key(
        &self,
        id: &str,
        limit: Option<&NewSpendLimit>,
    ) -> Result<Key, ClientError> {
        let body = serde_json::json!({ "spend_limit": limit });
        self.post(&format!("/v1/keys/{}", segment(id)?), &body).await
    }

    /// Revokes a key.
    pub async fn revoke_key(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&format!("/v1/keys/{}", segment(id)?)).await
    }
}

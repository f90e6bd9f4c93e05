//! The models that a server knows by name.

use serde::Deserialize;

use crate::error::ClientError;
use crate::http::Client;
use crate::object::Page;

/// A model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Model {
    /// What an agent's `model` says to get it.
    pub id: String,
    /// The provider behind it.
    #[serde(default)]
    pub owned_by: String,
}

impl Client {
    /// The models that the server knows by name.
    pub async fn models(&self) -> Result<Vec<Model>, ClientError> {
        let page: Page<Model> = self.get("/v1/models", &[]).await?;
        Ok(page.data)
    }
}

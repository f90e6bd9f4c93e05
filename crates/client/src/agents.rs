//! Agents.

use serde_json::Value;

use crate::error::ClientError;
use crate::http::{Client, segment};
use crate::object::{Agent, Page, Said};

impl Client {
    /// Makes an agent from the API's parameters.
    pub async fn create_agent(&self, params: &Value) -> Result<Agent, ClientError> {
        self.post("/v1/agents", params).await
    }

    /// One agent.
    pub async fn agent(&self, id: &str) -> Result<Said<Agent>, ClientError> {
        self.get(&format!("/v1/agents/{}", segment(id)?), &[]).await
    }

    /// A page of agents, newest first, behind the agent `after`.
    pub async fn agents(&self, after: Option<&str>) -> Result<Page<Said<Agent>>, ClientError> {
        self.get("/v1/agents", &Page::<Said<Agent>>::query(after)).await
    }

    /// Deletes an agent; its sessions take no new turns.
    pub async fn delete_agent(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&format!("/v1/agents/{}", segment(id)?)).await
    }
}

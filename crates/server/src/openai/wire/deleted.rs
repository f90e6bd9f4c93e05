//! The answers to deletions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletedObject {
    /// An agent.
    #[serde(rename = "agent.deleted")]
    Agent,
    /// A session.
    #[serde(rename = "agent.session.deleted")]
    Session,
    /// A vault.
    #[serde(rename = "vault.deleted")]
    Vault,
    /// A credential.
    #[serde(rename = "vault.credential.deleted")]
    Credential,
    /// A webhook endpoint.
    #[serde(rename = "webhook_endpoint.deleted")]
    WebhookEndpoint,
    /// Settings for environments.
    #[serde(rename = "agent.environment.template.deleted")]
    EnvironmentTemplate,
    /// A file that a turn left.
    #[serde(rename = "agent.session.artifact.deleted")]
    Artifact,
    /// An automation.
    #[serde(rename = "agent.automation.deleted")]
    Automation,
}

/// The answer to a deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Deleted {
    /// What was deleted.
    pub id: String,
    /// Its type.
    pub object: DeletedObject,
    /// Always true.
    pub deleted: bool,
}

impl Deleted {
    /// The answer to the deletion of anything else.
    pub fn of(id: impl Into<String>, object: DeletedObject) -> Self {
        Self { id: id.into(), object, deleted: true }
    }

    /// The answer to an agent's deletion.
    pub fn agent(id: impl Into<String>) -> Self {
        Self { id: id.into(), object: DeletedObject::Agent, deleted: true }
    }

    /// The answer to a session's deletion.
    pub fn session(id: impl Into<String>) -> Self {
        Self { id: id.into(), object: DeletedObject::Session, deleted: true }
    }
}

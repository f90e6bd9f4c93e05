//! A session's environment, as shown, and its state in events.
//!
//! Invariant: contents of files, values of variables and set-up commands are never shown.

use mainstay_core::port::SandboxTier;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::environment_params::{ContainerSize, Desktop, NetworkAccess, TierName};
use crate::openapi::Tag;

/// A session's environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Environment {
    /// No compute.
    None {},
    /// Compute of this server.
    #[serde(rename = "openai_hosted")]
    Hosted(Box<HostedEnvironment>),
    /// Compute of the client.
    SelfHosted(SelfHostedEnvironment),
}

/// Compute of this server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostedEnvironment {
    /// Its id.
    pub id: String,
    /// Directories of capabilities that the agent sees.
    pub capability_directories: Vec<String>,
    /// The size of its machine.
    pub container_size: Option<ContainerSize>,
    /// Its desktop.
    pub desktop: Option<Desktop>,
    /// Its files.
    pub files: Vec<HostedFile>,
    /// What it may reach.
    pub network: HostedNetwork,
    /// Its packages.
    pub packages: HostedPackages,
    /// Its plugins.
    pub plugins: Vec<HostedPlugin>,
    /// Its skills.
    pub skills: Vec<HostedSkill>,
    /// Extension: its machine.
    #[serde(flatten)]
    pub machine: HostedMachine,
}

/// The machine of an environment (extension).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HostedMachine {
    /// Virtual processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<u32>,
    /// Memory, MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Disk beside the image, MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<u64>,
    /// How it is kept apart, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<TierName>")]
    pub tier: Option<SandboxTier>,
    /// Its root image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// What an environment may reach.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostedNetwork {
    /// Everything, nothing or some.
    pub access: NetworkAccess,
    /// What "some" is.
    pub allowed_domains: Vec<String>,
}

/// The packages of an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostedPackages {
    /// Of npm.
    pub npm: Vec<String>,
    /// Of Python.
    pub python: Vec<String>,
    /// Of the operating system.
    pub system: Vec<String>,
}

/// A file of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum HostedFile {
    /// Uploaded before.
    FileId {
        /// Its id in the environment.
        id: String,
        /// Its id among the uploads.
        file_id: String,
        /// Where it is.
        path: String,
        /// How large it is.
        size_bytes: u64,
    },
    /// Sent with the request.
    Inline {
        /// Its id in the environment.
        id: String,
        /// Where it is.
        path: String,
        /// How large it is.
        size_bytes: u64,
    },
}

/// A plugin of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename = "inline")]
#[schemars(rename = "HostedPlugin", transform = Tag("type", "inline"))]
pub struct HostedPlugin {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
}

/// A skill of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum HostedSkill {
    /// Uploaded before.
    SkillReference {
        /// Its id.
        skill_id: String,
        /// Its version.
        version: String,
        /// Its name.
        name: String,
        /// What it does.
        description: String,
    },
    /// Sent with the request.
    Inline {
        /// Its name.
        name: String,
        /// What it does.
        description: String,
    },
}

/// Compute of the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SelfHostedEnvironment {
    /// Its id.
    pub id: String,
    /// Directories of capabilities that the agent sees.
    pub capability_directories: Vec<String>,
    /// Where its executor registers.
    pub remote_url: String,
    /// The project's directory in it.
    pub workspace_directory: String,
}

/// How an environment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentStatus {
    /// Being prepared.
    Pending,
    /// Prepared.
    Ready,
    /// In use.
    Connected,
    /// Out of reach.
    Disconnected,
    /// Saved and stopped.
    Suspended,
    /// Gone after too long.
    Expired,
    /// Could not be prepared.
    Failed,
}

/// An environment in an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentState {
    /// Its id.
    pub id: String,
    /// `openai_hosted` or `self_hosted`.
    #[serde(rename = "type")]
    pub kind: String,
    /// How it is.
    pub status: EnvironmentStatus,
    /// Why it failed.
    pub error: Option<EnvironmentError>,
}

/// Why an environment failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentError {
    /// The error's code.
    pub code: String,
    /// What happened.
    pub message: String,
    /// The error's kind.
    #[serde(rename = "type")]
    pub kind: String,
}

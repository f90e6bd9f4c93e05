//! What a machine is made from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::port::SecretText;

/// The folder of a machine that outlives it.
pub const WORKSPACE: &str = "/workspace";

/// What a machine is made from; journalled with the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxSpec {
    /// The isolation that is asked for; the strongest that works here when none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<SandboxTier>,
    /// Name of the root image.
    pub image: String,
    /// Virtual processors.
    pub cpus: u32,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// Disk beside the image, MiB.
    pub disk_mib: u64,
    /// Processes at once.
    pub processes: u32,
    /// What it may reach.
    pub network: NetworkRule,
    /// The client's own machine instead of one of this server; then nothing above counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor: Option<ExecutorSpec>,
}

impl SandboxSpec {
    /// The client's own machine.
    #[must_use]
    pub fn self_hosted(executor: ExecutorSpec) -> Self {
        Self {
            tier: None,
            image: String::new(),
            cpus: 0,
            memory_mib: 0,
            disk_mib: 0,
            processes: 0,
            network: NetworkRule::Open,
            executor: Some(executor),
        }
    }
}

/// The machine of a client, whose executor dials in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutorSpec {
    /// The absolute path there that the tools see as [`WORKSPACE`].
    pub workspace_directory: String,
}

/// How a machine is kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxTier {
    /// A kernel of its own.
    Microvm,
    /// Namespaces of the host's kernel.
    Process,
}

/// What a machine may reach. Private, loopback, link-local and metadata addresses are never reached,
/// unless the operator lists them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum NetworkRule {
    /// Nothing.
    None,
    /// These alone: `host`, `host:port`, `*.host` (its subdomains); without a port 80 and 443 are meant.
    Allow {
        /// The destinations.
        hosts: Vec<String>,
    },
    /// All but these hosts.
    Block {
        /// The destinations.
        hosts: Vec<String>,
    },
    /// Every public address.
    Open,
}

/// What is put into a new machine before its first command. It may hold secrets of the agent's author:
/// it is journalled sealed, and opened for the machine alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxSetup {
    /// Variables of every command.
    pub env: BTreeMap<String, String>,
    /// Python packages for pip.
    pub python_packages: Vec<String>,
    /// npm packages, installed globally.
    pub npm_packages: Vec<String>,
    /// Files by absolute path below [`WORKSPACE`]; contents in base64.
    pub files: BTreeMap<String, String>,
    /// Shell commands, in order.
    pub commands: Vec<String>,
}

/// A secret that the egress proxy puts in the place of `placeholder`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxSecret {
    /// The variable in the machine that holds the placeholder.
    pub variable: String,
    /// What the machine has.
    pub placeholder: String,
    /// What the destination gets.
    pub value: SecretText,
    /// The hosts that get it; every host that the network rule lists when none.
    pub hosts: Option<Vec<String>>,
}

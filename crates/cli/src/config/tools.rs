//! `[tools]`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use mainstay_adapters::tool::{McpServerSettings, ToolSettings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::environment::Environment;
use super::secret::Text;

/// What agents' tools may reach on this machine.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tools {
    /// The folder that holds one workspace folder per session; `workspaces` in the data folder when
    /// unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) workspaces: Option<PathBuf>,
    /// A folder whose files are copied into each new workspace; workspaces start empty when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) workspace_template: Option<PathBuf>,
    /// Loopback and private addresses that tools may reach, as `host:port` or `host:*`. None when
    /// empty: agents reach public hosts alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) private_hosts_allowed: Vec<String>,
    /// Programs that agents may use as MCP servers, by the name that agents use.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) mcp_servers: BTreeMap<String, McpServer>,
}

/// An MCP server that is a program on this machine.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct McpServer {
    /// The program: a path, or a name to look for in the `PATH` of `env`.
    pub(crate) command: String,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) args: Vec<String>,
    /// Its whole environment: nothing of the server's own is inherited.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) env: BTreeMap<String, Text>,
}

impl Tools {
    /// The folder that holds the workspaces.
    pub(crate) fn workspaces(&self, data_dir: &Path) -> PathBuf {
        self.workspaces.clone().unwrap_or_else(|| data_dir.join("workspaces"))
    }

    /// The settings as the tools take them.
    pub(crate) fn settings(
        &self,
        data_dir: &Path,
        environment: &Environment,
    ) -> anyhow::Result<ToolSettings> {
        let hosts = self.private_hosts_allowed.iter().map(|host| host.parse());
        let hosts = hosts.collect::<Result<_, _>>().context("tools.private_hosts_allowed")?;
        let mut mcp_servers = BTreeMap::new();
        for (name, server) in &self.mcp_servers {
            let settings = server.settings(environment);
            let settings = settings.with_context(|| format!("tools.mcp_servers.{name}"))?;
            mcp_servers.insert(name.clone(), settings);
        }
        Ok(ToolSettings {
            workspaces: self.workspaces(data_dir),
            workspace_template: self.workspace_template.clone(),
            mcp_servers,
            private_hosts_allowed: hosts,
            sandboxes: None,
        })
    }
}

impl McpServer {
    fn settings(&self, environment: &Environment) -> anyhow::Result<McpServerSettings> {
        let mut env = BTreeMap::new();
        for (name, text) in &self.env {
            let value = text.read(environment).with_context(|| format!("env.{name}"))?;
            env.insert(name.clone(), value);
        }
        Ok(McpServerSettings { command: self.command.clone(), args: self.args.clone(), env })
    }
}

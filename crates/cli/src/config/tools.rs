//! `[tools]`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use mainstay_adapters::tool::{
    McpServerSettings, OauthClient, OauthGrant, OauthSettings, ToolSettings,
};
use mainstay_core::port::SecretText;
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
    /// OAuth clients that were registered by hand, by the URL of the MCP server. Every tenant's agents
    /// use them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) mcp_oauth: BTreeMap<String, McpOauth>,
}

/// An OAuth client that was registered by hand.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct McpOauth {
    /// Its id.
    pub(crate) client_id: String,
    /// Its secret, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_secret: Option<Text>,
    /// Whose consent its tokens are about.
    #[serde(default)]
    pub(crate) grant: McpGrant,
    /// The scopes that it asks for; those that the server names when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) scopes: Vec<String>,
}

/// Whose consent tokens are about.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum McpGrant {
    /// A person's, who is asked.
    #[default]
    AuthorizationCode,
    /// Nobody's: the server knows the client. Needs `client_secret`.
    ClientCredentials,
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
        let mut clients = BTreeMap::new();
        for (url, client) in &self.mcp_oauth {
            let settings = client.settings(environment);
            let settings = settings.with_context(|| format!("tools.mcp_oauth.{url:?}"))?;
            clients.insert(url.clone(), settings);
        }
        Ok(ToolSettings {
            workspaces: self.workspaces(data_dir),
            workspace_template: self.workspace_template.clone(),
            mcp_servers,
            private_hosts_allowed: hosts,
            oauth: OauthSettings { clients, ..OauthSettings::default() },
            sandboxes: None,
        })
    }
}

impl McpOauth {
    fn settings(&self, environment: &Environment) -> anyhow::Result<OauthClient> {
        let secret = self.client_secret.as_ref().map(|text| text.read(environment));
        let secret = secret.transpose().context("client_secret")?;
        let grant = match self.grant {
            McpGrant::AuthorizationCode => OauthGrant::AuthorizationCode,
            McpGrant::ClientCredentials if secret.is_none() => {
                anyhow::bail!("client_secret is needed for the grant client_credentials")
            }
            McpGrant::ClientCredentials => OauthGrant::ClientCredentials,
        };
        Ok(OauthClient {
            client_id: self.client_id.clone(),
            client_secret: secret.map(SecretText::from),
            grant,
            scopes: self.scopes.clone(),
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

//! What every measurement stands on: a fresh data folder, a server, the scripted server, an agent.

use std::path::PathBuf;

use anyhow::Context;
use bytes::Bytes;
use hyper::Method;
use mainstay_it::harness::{Agent, Connection, Server, Setup, Tool};
use mainstay_it::model_server::{Call, Script, ScriptedServer, Step};
use serde_json::json;
use tempfile::TempDir;

use crate::process::Process;

/// How much is measured, and where.
#[derive(Debug, Clone)]
pub(crate) struct Scale {
    pub(crate) folder: PathBuf,
    pub(crate) is_quick: bool,
}

impl Scale {
    /// One of two sizes.
    pub(crate) fn pick<T>(&self, whole: T, quick: T) -> T {
        if self.is_quick { quick } else { whole }
    }
}

/// A server that is measured, and what it talks to.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) world: ScriptedServer,
    pub(crate) connection: Connection,
    pub(crate) agent: String,
    pub(crate) folder: TempDir,
}

impl Stage {
    pub(crate) async fn open(scale: &Scale, tools: &[Tool]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir_in(&scale.folder).context("make a data folder")?;
        let world = ScriptedServer::start().await?;
        let setup = Setup::new(folder.path(), &world.url).await?;
        let server = Server::start(&setup).await?;
        let mut connection = Connection::open(&server.target).await?;
        let agent = Agent::new(&world.url, tools).create(&mut connection).await?;
        Ok(Self { server, world, connection, agent, folder })
    }

    pub(crate) fn process(&self) -> Process {
        Process::new(self.server.pid)
    }

    /// One of the server's own counters.
    pub(crate) async fn metric(&mut self, name: &str) -> anyhow::Result<u64> {
        metric(&mut self.connection, name).await
    }
}

/// One of the server's own counters.
pub(crate) async fn metric(connection: &mut Connection, name: &str) -> anyhow::Result<u64> {
    let answer = connection.call(Method::GET, "/metrics", &[], Bytes::new()).await?;
    answer.success().context("read /metrics")?;
    let text = String::from_utf8_lossy(&answer.body);
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).with_context(|| format!("find {name} in /metrics"))
}

/// A message whose turn calls a tool so often, each time behind the answer to the call before.
pub(crate) fn calls_in_a_row(tool: Tool, count: usize) -> String {
    let call = Call { name: tool.name().to_owned(), arguments: json!({"note": "measured"}) };
    let step = Step { calls: vec![call], repeat: Some(count), ..Step::default() };
    Script::new(vec![step]).to_message()
}

//! What every test stands on: a data folder, the scripted server, an agent.

use mainstay_it::harness::{Agent, Connection, Server, Setup};
use mainstay_it::model_server::{Call, Script, ScriptedServer, State, Step};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A data folder, and what servers on it talk to. It outlives the servers.
pub(crate) struct World {
    pub(crate) setup: Setup,
    pub(crate) scripted: ScriptedServer,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a data folder");
        let scripted = ScriptedServer::start().await.expect("the scripted server");
        let setup = Setup::new(folder.path(), &scripted.url).await.expect("a key");
        Self { setup, scripted, _folder: folder }
    }

    pub(crate) fn state(&self) -> &State {
        &self.scripted.state
    }

    pub(crate) async fn start(&self) -> Server {
        Server::start(&self.setup).await.expect("the server starts")
    }

    pub(crate) async fn connect(&self, server: &Server) -> Connection {
        Connection::open(&server.target).await.expect("the server takes connections")
    }

    /// Makes an agent.
    pub(crate) async fn agent(&self, connection: &mut Connection, agent: &Agent<'_>) -> String {
        agent.create(connection).await.expect("the agent is made")
    }

    /// Waits until so many calls were made in all.
    pub(crate) async fn until_calls(&self, count: u64) {
        let mut arrivals = self.state().arrivals();
        let seen =
            tokio::time::timeout(super::client::PATIENCE, arrivals.wait_for(|n| *n >= count));
        seen.await.expect("the calls come").expect("the scripted server lives");
    }

    /// How many calls were made so far.
    pub(crate) fn calls(&self) -> u64 {
        *self.state().arrivals().borrow()
    }
}

/// A call of a scripted tool.
pub(crate) fn call(tool: &str, note: &str) -> Call {
    Call { name: tool.to_owned(), arguments: json!({ "note": note }) }
}

/// A call that takes its time.
pub(crate) fn slow_call(tool: &str, note: &str, delay_ms: u64) -> Call {
    Call { name: tool.to_owned(), arguments: json!({ "note": note, "delay_ms": delay_ms }) }
}

/// A step that makes these calls at once.
pub(crate) fn calls(calls: Vec<Call>) -> Step {
    Step { calls, ..Step::default() }
}

/// The message that makes a model go through these steps.
pub(crate) fn script(steps: Vec<Step>) -> String {
    Script::new(steps).to_message()
}

/// The texts that agents said to the user in a list of items, newest first.
pub(crate) fn answers(items: &Value) -> Vec<String> {
    let items = items["data"].as_array().expect("a list of items");
    let is_answer = |item: &&Value| item["type"] == "message" && item["role"] == "assistant";
    let text = |item: &Value| item["content"][0]["text"].as_str().map(str::to_owned);
    items.iter().filter(is_answer).filter_map(text).collect()
}

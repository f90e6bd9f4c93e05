//! Agents whose model is the scripted server, and whose tools are its tools.

use anyhow::Context;
use serde_json::{Map, Value, json};

use super::http::Connection;

/// A tool of the scripted server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Reads.
    Look,
    /// Has an effect each time; to the runtime a tool that must be called once.
    Act,
    /// Has one effect for each idempotency key.
    KeyedAct,
}

impl Tool {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Look, Self::Act, Self::KeyedAct];

    /// The name that scripts call.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Act => "act",
            Self::KeyedAct => "keyed_act",
        }
    }

    fn safety(self) -> &'static str {
        match self {
            Self::Look => "read_only",
            Self::Act => "once",
            Self::KeyedAct => "idempotent",
        }
    }

    fn method(self) -> &'static str {
        match self {
            Self::Look => "get",
            Self::Act | Self::KeyedAct => "post",
        }
    }
}

/// An agent to make.
#[derive(Debug, Clone)]
pub struct Agent<'a> {
    /// The scripted server.
    pub world_url: &'a str,
    /// Its tools that the agent has.
    pub tools: &'a [Tool],
    /// What is done about calls without an outcome: `ask`, `report` or `retry`.
    pub unknown_outcome: &'a str,
    /// Further settings in this runtime, such as `limits`.
    pub settings: Value,
}

impl<'a> Agent<'a> {
    /// An agent that is told about unknown outcomes, so that its turns end by themselves.
    #[must_use]
    pub fn new(world_url: &'a str, tools: &'a [Tool]) -> Self {
        Self { world_url, tools, unknown_outcome: "report", settings: json!({}) }
    }

    /// The request that makes it.
    #[must_use]
    pub fn request(&self) -> Value {
        let mut settings = self.settings.clone();
        settings["unknown_outcome"] = json!(self.unknown_outcome);
        let safety = self.tools.iter().map(|tool| (tool.name(), tool.safety()));
        let safety: std::collections::BTreeMap<_, _> = safety.collect();
        let tools = json!([{
            "type": "openapi",
            "label": "world",
            "spec": document(self.world_url, self.tools),
            "safety": safety,
        }]);
        let tools = if self.tools.is_empty() { json!([]) } else { tools };
        json!({"model": "scripted", "tools": tools, "mainstay": settings})
    }

    /// Makes it; the answer is its id.
    pub async fn create(&self, connection: &mut Connection) -> anyhow::Result<String> {
        let agent = connection.post("/v1/agents", &self.request()).await?;
        Ok(agent["id"].as_str().context("an agent has an id")?.to_owned())
    }
}

/// A small document: sessions and their events repeat it.
fn document(world_url: &str, tools: &[Tool]) -> Value {
    let parameter =
        |name: &str, kind: &str| json!({"name": name, "in": "query", "schema": {"type": kind}});
    let mut paths = Map::new();
    for tool in tools {
        let mut operation = Map::new();
        operation.insert(
            tool.method().to_owned(),
            json!({
                "operationId": tool.name(),
                "parameters": [parameter("note", "string"), parameter("delay_ms", "integer")],
                "responses": {"200": {"description": "What it did."}},
            }),
        );
        paths.insert(format!("/tool/{}", tool.name()), Value::Object(operation));
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "World", "version": "1"},
        "servers": [{"url": world_url}],
        "paths": paths,
    })
}

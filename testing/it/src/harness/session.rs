//! What clients do with sessions.

use std::sync::Arc;

use anyhow::{Context, ensure};
use hyper::Method;
use serde_json::{Value, json};

use super::feed::{Feed, Frame};
use super::http::{Answer, Connection, Target};

/// How a turn ended, as its event says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Its id.
    pub id: String,
    /// `completed`, `failed` or `cancelled`.
    pub status: String,
    /// Why it failed.
    pub error: Option<String>,
}

impl Turn {
    /// The turn of an event that ends one.
    pub fn of(frame: &Frame) -> anyhow::Result<Self> {
        let event = frame.json()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Ok(Self {
            id: text(&event["turn_id"]).context("the event of a turn names it")?,
            status: text(&event["turn"]["status"]).context("a turn has a status")?,
            error: text(&event["turn"]["error"]["code"]),
        })
    }
}

/// Makes a session of a saved agent.
pub async fn create_session(connection: &mut Connection, agent_id: &str) -> anyhow::Result<String> {
    let body = json!({"environment": {"type": "none"}, "agent_id": agent_id});
    let session = connection.post("/v1/agents/sessions", &body).await?;
    Ok(session["id"].as_str().context("a session has an id")?.to_owned())
}

/// Makes a session with a first message, and follows it from its beginning on a new connection.
pub async fn begin_session(
    target: &Arc<Target>,
    agent_id: &str,
    text: &str,
) -> anyhow::Result<Feed> {
    let body = json!({
        "environment": {"type": "none"},
        "agent_id": agent_id,
        "input": text,
        "stream": true,
    });
    let mut connection = Connection::open(target).await?;
    let path = "/v1/agents/sessions";
    let response = connection.send(Method::POST, path, &[], body.to_string()).await?;
    ensure!(response.status().is_success(), "make a session: HTTP {}", response.status());
    Ok(Feed::of(response.into_body(), connection))
}

/// A message to an agent.
#[must_use]
pub fn message_event(text: &str) -> Value {
    json!({
        "type": "agent.session.input.message",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": text}]}],
    })
}

/// The end of whatever goes on.
#[must_use]
pub fn cancel_event() -> Value {
    json!({"type": "agent.session.input.cancel"})
}

/// Sends events to a session.
pub async fn post_events(
    connection: &mut Connection,
    session: &str,
    events: &[Value],
    idempotency_key: Option<&str>,
) -> anyhow::Result<Answer> {
    let path = format!("/v1/agents/sessions/{session}/events");
    let key = idempotency_key.map(|key| ("idempotency-key", key));
    let headers: Vec<_> = key.into_iter().collect();
    let body = json!({ "events": events }).to_string();
    connection.call(Method::POST, &path, &headers, body).await
}

/// Sends a message to a session, which must take it.
pub async fn post_message(
    connection: &mut Connection,
    session: &str,
    text: &str,
) -> anyhow::Result<()> {
    let answer = post_events(connection, session, &[message_event(text)], None).await?;
    answer.success().with_context(|| format!("send a message to {session}"))
}

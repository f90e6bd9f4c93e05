//! Sessions, and what is sent to them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::error::ClientError;
use crate::feed::Follower;
use crate::http::{Client, segment};
use crate::object::{Item, Page, Said, Session, Turn};

/// Which sessions to list.
#[derive(Debug, Clone, Default)]
pub struct ListSessions {
    /// Of this agent alone.
    pub agent: Option<String>,
    /// Behind this session.
    pub after: Option<String>,
}

/// The input that is one text of the user.
#[must_use]
pub fn message_input(text: &str) -> Value {
    json!({
        "type": "agent.session.input.message",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": text}]}],
    })
}

impl Client {
    /// Makes a session from the API's parameters.
    pub async fn create_session(&self, params: &Value) -> Result<Session, ClientError> {
        self.post("/v1/agents/sessions", params).await
    }

    /// One session.
    pub async fn session(&self, id: &str) -> Result<Said<Session>, ClientError> {
        self.get(&session_path(id)?, &[]).await
    }

    /// A page of sessions, newest first.
    pub async fn sessions(&self, which: &ListSessions) -> Result<Page<Said<Session>>, ClientError> {
        let mut query = Page::<Said<Session>>::query(which.after.as_deref());
        if let Some(agent) = &which.agent {
            query.push(("agent_id".to_owned(), agent.clone()));
        }
        self.get("/v1/agents/sessions", &query).await
    }

    /// Sends inputs to a session, all or nothing. The same key with the same inputs is accepted once.
    pub async fn send_inputs(
        &self,
        session: &str,
        inputs: &[Value],
        idempotency_key: Option<&str>,
    ) -> Result<(), ClientError> {
        let path = format!("{}/events", session_path(session)?);
        let mut request = self.request(Method::POST, &path).json(&json!({ "events": inputs }));
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        self.send(request).await.map(drop)
    }

    /// Cancels a session's running turn.
    pub async fn cancel(&self, session: &str) -> Result<(), ClientError> {
        let cancel = json!({"type": "agent.session.input.cancel"});
        self.send_inputs(session, &[cancel], None).await
    }

    /// A page of a session's items, oldest first.
    pub async fn items(
        &self,
        session: &str,
        after: Option<&str>,
    ) -> Result<Page<Said<Item>>, ClientError> {
        let mut query = Page::<Said<Item>>::query(after);
        query.push(("order".to_owned(), "asc".to_owned()));
        self.get(&format!("{}/items", session_path(session)?), &query).await
    }

    /// A page of a session's turns, oldest first.
    pub async fn turns(
        &self,
        session: &str,
        after: Option<&str>,
    ) -> Result<Page<Said<Turn>>, ClientError> {
        let mut query = Page::<Said<Turn>>::query(after);
        query.push(("order".to_owned(), "asc".to_owned()));
        self.get(&format!("{}/turns", session_path(session)?), &query).await
    }

    /// Follows a session's events behind `starting_after`, or from now on. The connection is made
    /// before this returns, so that whatever is sent afterwards is seen.
    pub async fn follow(
        &self,
        session: &str,
        starting_after: Option<u64>,
    ) -> Result<Follower, ClientError> {
        Follower::connect(
            self.clone(),
            format!("{}/events", session_path(session)?),
            starting_after,
        )
        .await
    }
}

fn session_path(id: &str) -> Result<String, ClientError> {
    Ok(format!("/v1/agents/sessions/{}", segment(id)?))
}

//! What callers hand to the engine, and what they get back.

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_core::agent::AgentDefinition;
use mainstay_core::item::Content;
use mainstay_core::resource::{IDEMPOTENCY, IdempotencyRow};
use mainstay_core::session::{Command, millis_column};
use mainstay_core::subagent::Parent;
use mainstay_protocol::{Principal, Row, RowChange, RowKey, Seq, SessionId};

use crate::sandbox::NewSandbox;

/// A request's `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The key as the client sent it.
    pub key: String,
    /// SHA-256 of the request's body: the same key with another body is refused.
    pub body_sha256: String,
}

/// Where the id of a new session comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewSessionId {
    /// The engine mints it.
    Mint,
    /// The caller minted it for this request: nothing of it is in the store.
    Minted(SessionId),
    /// It is made of something else, and the session may be there already.
    Named(SessionId),
}

/// A session to create.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Who creates it.
    pub caller: Principal,
    /// Its id.
    pub session: NewSessionId,
    /// Its agent.
    pub agent: AgentDefinition,
    /// The client's own pairs.
    pub metadata: BTreeMap<String, String>,
    /// Spend ceiling.
    pub spend_limit_microusd: Option<u64>,
    /// Its machine, if it has one.
    pub sandbox: Option<NewSandbox>,
    /// The wire API's settings.
    pub wire: serde_json::Value,
    /// Messages of the first turn; none when empty.
    pub input: Vec<Vec<Content>>,
    /// Commands that follow in the same commit.
    pub commands: Vec<Command>,
    /// The request's key.
    pub idempotency: Option<Idempotency>,
    /// Which agent makes it, when it is a subagent.
    pub parent: Option<Arc<Parent>>,
}

/// Commands for a session, all or nothing.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Who commands.
    pub caller: Principal,
    /// What.
    pub commands: Vec<Command>,
    /// The request's key.
    pub idempotency: Option<Idempotency>,
}

/// What was made durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The session.
    pub session: SessionId,
    /// The position before it; a feed that starts behind it shows all that follows from it.
    pub first_seq: Seq,
    /// The last entry's position after it.
    pub seq: Seq,
    /// Whether the same key was accepted before, and nothing was done now.
    pub replayed: bool,
}

/// The row by which a request's key is known.
pub(crate) fn remembered(
    scope: &str,
    idempotency: &Idempotency,
    session: &SessionId,
    first_seq: Seq,
    now_ms: u64,
) -> RowChange {
    let key = RowKey::new(&IDEMPOTENCY, &[scope, &idempotency.key]);
    let doc = IdempotencyRow {
        body_sha256: idempotency.body_sha256.clone(),
        session: session.to_string(),
        at_ms: now_ms,
        first_seq: Some(first_seq),
        answer: None,
    };
    RowChange::Insert(Row::new(key, &[("created", &millis_column(now_ms))], &doc))
}

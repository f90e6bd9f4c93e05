//! The tool port: resolve an agent's tool sources into specs, call one, ask what became of a call.
//!
//! Invariant: a failure is either for the model (an output with `is_error`) or a [`ToolError`],
//! which says whether the world may have changed. Deliberately absent: retries, approval, policy.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use mainstay_protocol::{CallId, EffectId, SessionId, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ClientPlace, Credentials, ExecRecord, MachineSeen, OutputSink, Registration, SandboxRequest,
    SecretText,
};
use crate::item::Content;
use crate::question::{Inquiry, Replies};
use crate::subagent::SubagentChange;
use crate::tool::{ToolSource, ToolSpec};

/// On whose behalf tools are resolved and called.
#[derive(Debug, Clone)]
pub struct ToolContext {
    /// The tenant.
    pub tenant: TenantId,
    /// The session; its workspace folder is made from this.
    pub session: SessionId,
    /// The principal who caused the turn.
    pub principal: Arc<str>,
    /// What the session's vaults have for its tool sources, looked up when the call is made.
    pub credentials: Credentials,
    /// The session's machine, when it has one.
    pub sandbox: Option<Arc<SandboxRequest>>,
    /// What people answered to the questions of attempts before.
    pub replies: Arc<Replies>,
}

/// One attempt of a tool call.
#[derive(Debug, Clone)]
pub struct ToolCall {
    /// The effect, and the idempotency key that goes to the tool: the same for every attempt.
    pub effect: EffectId,
    /// The call as the model named it.
    pub call_id: CallId,
    /// From 1.
    pub attempt: u32,
    /// The tool.
    pub spec: Arc<ToolSpec>,
    /// The source the tool came from.
    pub source: Arc<ToolSource>,
    /// The arguments; they fit the tool's schema.
    pub arguments: Arc<Value>,
    /// On whose behalf.
    pub context: ToolContext,
    /// Where output is shown while it is made; what it answers with is the outcome all the same.
    pub live: LiveSink,
}

/// Where a tool shows what it prints, if anybody wants to see it.
#[derive(Clone, Default)]
pub struct LiveSink(pub Option<OutputSink>);

impl fmt::Debug for LiveSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LiveSink").field(&self.0.is_some()).finish()
    }
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolOutput {
    /// What the model reads.
    pub content: Vec<Content>,
    /// Whether the tool says that it failed; the model is told and goes on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
    /// The command that it ran, when it ran one in the session's machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<ExecRecord>,
    /// The subagent that it made, opened again or closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subagent: Option<Box<SubagentChange>>,
    /// What it saw of the session's machine, when it works in one. What changed of it becomes part of
    /// the outcome.
    #[serde(skip)]
    pub machine: Option<MachineSeen>,
}

impl ToolOutput {
    /// An answer, or an error for the model to read.
    #[must_use]
    pub fn new(content: Vec<Content>, is_error: bool) -> Self {
        Self { content, is_error, exec: None, subagent: None, machine: None }
    }

    /// A text answer.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(vec![Content::Text { text: text.into() }], false)
    }

    /// An error for the model to read.
    pub fn error(text: impl Into<String>) -> Self {
        Self::new(vec![Content::Text { text: text.into() }], true)
    }
}

/// Whether a failed attempt may have changed the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorldChange {
    /// Surely not: the request never left, or the tool said so.
    No,
    /// It may have: the connection broke or time ran out after the request was sent.
    Maybe,
}

/// A failed attempt that is not for the model to read as the tool's answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ToolError {
    /// What was attempted and what came back, without secrets.
    pub message: String,
    /// Whether another attempt can help.
    pub retryable: bool,
    /// Whether the world may have changed.
    pub world: WorldChange,
    /// When the tool said to come back, in milliseconds from now.
    pub retry_after_ms: Option<u64>,
    /// What a person is asked before another attempt is made; nothing else counts then.
    pub needs: Option<Box<Needs>>,
}

impl ToolError {
    /// The attempt ended with questions to a person.
    #[must_use]
    pub fn asks(needs: Needs) -> Self {
        Self {
            message: "a person is asked first".to_owned(),
            retryable: false,
            world: WorldChange::No,
            retry_after_ms: None,
            needs: Some(Box::new(needs)),
        }
    }
}

/// Questions to a person, and what completes a consent among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// The questions.
    pub inquiry: Inquiry,
    /// To be kept, sealed, before the question is asked.
    pub consent: Option<Consent>,
}

/// A consent that was begun: what is needed to go on when the person comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// What the person comes back with, and what it is found by.
    pub state: SecretText,
    /// The server that it is for.
    pub server_url: String,
    /// What completes it.
    pub flow: SecretText,
    /// Where the client that it was begun with is registered, if it registered by itself.
    pub client: Option<ClientPlace>,
}

/// What an authorization server granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The access token.
    pub access_token: SecretText,
    /// How long it is good for.
    pub expires_in_ms: Option<u64>,
    /// What gets another, if it may be got.
    pub refresh_token: Option<SecretText>,
    /// The client.
    pub client_id: String,
    /// Its secret, with whether it goes into the `authorization` header rather than the body.
    pub client_secret: Option<(SecretText, bool)>,
    /// Where tokens are got.
    pub token_endpoint: String,
    /// The resource that the tokens are for.
    pub resource: String,
    /// The scopes granted, separated by blanks.
    pub scope: Option<String>,
    /// The client, if it registered by itself: for the consents that follow.
    pub registration: Option<Registration>,
}

/// What a person's browser brings back from an authorization server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Return {
    /// The state that the consent was begun with.
    pub state: SecretText,
    /// The code.
    pub code: SecretText,
    /// Who sends it (RFC 9207).
    pub issuer: Option<String>,
}

/// What a tool knows of an earlier attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum Reconciliation {
    /// It was done; this was its answer.
    Done(ToolOutput),
    /// It was not done, and will not be.
    NotDone,
    /// The tool cannot tell.
    Unknown,
}

/// The tools of this installation.
#[async_trait]
pub trait Tools: Send + Sync {
    /// Checks a source without calling anything remote; the error is for whoever defines the agent
    /// and names the member at fault.
    fn check(&self, source: &ToolSource) -> Result<(), (String, String)>;

    /// The tools that these sources offer now, in the sources' order. May call remote servers.
    async fn resolve(
        &self,
        sources: &[ToolSource],
        context: &ToolContext,
    ) -> Result<Vec<ToolSpec>, ToolError>;

    /// Runs one attempt. Dropping the future abandons the attempt.
    async fn call(&self, call: ToolCall) -> Result<ToolOutput, ToolError>;

    /// Completes a consent that an attempt began; the error is for the person who came back.
    async fn consented(&self, flow: &SecretText, back: &Return) -> Result<Grant, String> {
        let _ = (flow, back);
        Err("this server asks nobody for consent".to_owned())
    }

    /// Asks what became of the effect's earlier attempts. Called only for specs that declare it.
    async fn reconcile(&self, call: ToolCall) -> Result<Reconciliation, ToolError>;

    /// Whether arguments fit a tool's schema; the error is for the model.
    fn check_arguments(&self, spec: &ToolSpec, arguments: &Value) -> Result<(), String>;
}

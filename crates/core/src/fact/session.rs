//! What entries say of a session as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_protocol::{ErrorCode, Hash, Seq, SessionId, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent::AgentDefinition;
use crate::sandbox::SessionSandbox;
use crate::subagent::Parent;
use crate::tool::ToolSpec;

/// See [`super::Fact::SessionCreated`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionCreated {
    /// Its id, which is also its journal's.
    pub session: SessionId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The agent, as of now.
    pub agent: Arc<AgentDefinition>,
    /// Its tools, when it has no remote sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Arc<[ToolSpec]>>,
    /// The client's own pairs.
    pub metadata: BTreeMap<String, String>,
    /// Spend ceiling, millionths of a US dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spend_limit_microusd: Option<u64>,
    /// Its machine, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<Arc<SessionSandbox>>,
    /// What the wire API wants repeated and the runtime does not interpret.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub wire: Value,
    /// Which agent made it, when it is a subagent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Arc<Parent>>,
}

/// See [`super::Fact::SessionUpdated`]. Absent members did not change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionUpdated {
    /// The agent from the next step on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Arc<AgentDefinition>>,
    /// The new agent's tools, when it has no remote sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Arc<[ToolSpec]>>,
    /// The client's own pairs, whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, String>>,
    /// The new spend ceiling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spend_limit: Option<SpendLimit>,
    /// The wire API's settings, whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wire: Option<Value>,
}

/// A spend ceiling or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpendLimit {
    /// No ceiling.
    Unlimited,
    /// Millionths of a US dollar.
    Microusd(u64),
}

/// See [`super::Fact::SessionFailed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionFailed {
    /// What kind of failure.
    pub code: ErrorCode,
    /// What happened.
    pub message: String,
}

/// Where the entries before this one come from. They are sealed again under this journal's name; what
/// stands here finds and proves the original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionCopied {
    /// The session as it was called there.
    pub from: SessionId,
    /// The last entry that was taken over.
    pub seq: Seq,
    /// That entry's hash in the original journal.
    pub hash: Hash,
}

/// See [`super::Fact::SessionForked`].
pub type SessionForked = SessionCopied;
/// See [`super::Fact::SessionImported`].
pub type SessionImported = SessionCopied;

/// See [`super::Fact::SessionDeleted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionDeleted {}

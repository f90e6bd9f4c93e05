//! Control-plane resources as rows: agents, keys, everything else that a tenant sets up, and
//! remembered idempotency keys.
//!
//! Invariant: a resource changes only in a commit that also appends an entry to its tenant's
//! control journal, so that every change has an author and a place in a hash chain.

mod automation;
mod credential;
mod document;
mod webhook;

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_protocol::{
    AgentId, JournalId, KeyId, PrincipalId, RowSpec, Scope, Seq, TenantId, sha256_hex,
};
use serde::{Deserialize, Serialize};

use crate::agent::AgentDefinition;
use crate::spend::KeySpendLimit;

pub use self::automation::*;
pub use self::credential::{
    CREDENTIAL_KIND, CredentialAuth, CredentialBody, OauthClientAuth, OauthRefresh, VAULT_KIND,
    sealed_for,
};
pub use self::document::{
    RESOURCES, ResourceRow, Sealed, TEMPLATE_KIND, TEMPLATE_SECRET, listed_in, template_sealed_for,
};
pub use self::webhook::{
    DELIVERIES, DELIVERY_TASK_KIND, DeliveryAttempt, DeliveryRow, DeliveryStatus, EndpointBody,
    PreviousSecret, WEBHOOK_EVENT_TYPES, WEBHOOK_KIND, WebhookEvent, sent_to, webhook_events,
    webhook_sealed_for,
};

/// Agents at their current revision; `owner` is the tenant again, for the index by age.
pub const AGENTS: RowSpec =
    RowSpec { name: "agents", key: &["tenant", "agent"], indexes: &[&["owner", "created"]] };
/// Every revision of every agent; the revision is zero-padded to ten digits.
pub const AGENT_REVISIONS: RowSpec =
    RowSpec { name: "agent_revisions", key: &["tenant", "agent", "revision"], indexes: &[] };
/// Bearer keys by the SHA-256 of their secret.
pub const KEYS: RowSpec =
    RowSpec { name: "keys", key: &["secret_hash"], indexes: &[&["tenant", "created"]] };
/// What was answered under an `Idempotency-Key`; the scope is a session's id, `create:<tenant>`, or
/// for a resource the tenant with the request's method and path.
pub const IDEMPOTENCY: RowSpec =
    RowSpec { name: "idempotency", key: &["scope", "idempotency_key"], indexes: &[&["created"]] };

/// Every row spec of this module.
pub const ROW_SPECS: &[RowSpec] =
    &[AGENTS, AGENT_REVISIONS, KEYS, RESOURCES, DELIVERIES, IDEMPOTENCY];

/// The journal of a tenant's resources.
#[must_use]
pub fn control_journal(tenant: &TenantId) -> JournalId {
    format!("control:{tenant}").into()
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentRow {
    /// Its id.
    pub id: AgentId,
    /// Whose it is.
    pub tenant: TenantId,
    /// When it was created.
    pub created_at_ms: u64,
    /// When this revision was made.
    pub updated_at_ms: u64,
    /// The client's own pairs.
    pub metadata: BTreeMap<String, String>,
    /// Its definition; `definition.revision` is its revision.
    pub definition: Arc<AgentDefinition>,
    /// Whether it was deleted: its sessions take no new turns, lists leave it out.
    #[serde(default)]
    pub is_deleted: bool,
}

/// How a key is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// Its secret goes with every request.
    #[default]
    Bearer,
    /// It signs requests (AWS Signature Version 4).
    Sigv4,
}

impl KeyKind {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Sigv4 => "sigv4",
        }
    }
}

/// A key. A bearer's secret is shown once and kept nowhere; that of a signing key is kept sealed, because
/// a signature can only be checked with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyRow {
    /// Its public id.
    pub id: KeyId,
    /// Whose data it reaches.
    pub tenant: TenantId,
    /// Who acts with it.
    pub principal: PrincipalId,
    /// A name for people.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at_ms: u64,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at_ms: Option<u64>,
    /// What requests are signed with (AWS Signature Version 4), under the key's id; none of a bearer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_secret: Option<Sealed>,
    /// What it may spend; without bound when none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spend_limit: Option<KeySpendLimit>,
}

impl KeyRow {
    /// How it is shown.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        if self.signing_secret.is_some() { KeyKind::Sigv4 } else { KeyKind::Bearer }
    }
}

/// What the secret of a signing key is sealed for.
#[must_use]
pub fn key_sealed_for(tenant: &TenantId, key: &KeyId) -> String {
    format!("key/{tenant}/{key}")
}

/// Under which hash a signing key is kept; no bearer's secret has it.
#[must_use]
pub fn access_key_hash(access_key_id: &str) -> String {
    sha256_hex(format!("aws4\n{access_key_id}").as_bytes())
}

/// What was accepted under an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyRow {
    /// SHA-256 of the request's body.
    pub body_sha256: String,
    /// The session or resource that the request made, fed or changed.
    pub session: String,
    /// When it was accepted.
    pub at_ms: u64,
    /// The session's last entry before what the request made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seq: Option<Seq>,
    /// The answer itself, sealed, where no resource stands for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Sealed>,
}

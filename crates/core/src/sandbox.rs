//! The machine of a session, as its journal keeps it.
//!
//! Invariant: what may be secret is sealed for the tenant and the session it was first given to, so that
//! forks can open it and nobody else's session can.

use mainstay_protocol::{SessionId, TenantId, sha256_hex};
use serde::{Deserialize, Serialize};

use crate::port::SandboxSpec;
use crate::resource::Sealed;

/// What a session's machine is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionSandbox {
    /// The machine.
    pub spec: SandboxSpec,
    /// What is put into a new one: a sealed [`crate::port::SandboxSetup`] as JSON; nothing when none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup: Option<Sealed>,
    /// The session that it was first given to: a fork has its original's.
    pub origin: SessionId,
}

impl SessionSandbox {
    /// What its setup is sealed for, in a session of this tenant.
    #[must_use]
    pub fn sealed_for(&self, tenant: &TenantId) -> String {
        format!("sandbox/{tenant}/{}", self.origin)
    }
}

/// How many hexadecimal digits tell placeholders apart.
const PLACEHOLDER_DIGITS: usize = 40;

/// What a session's machine has in the place of a credential's secret. It is the same for every machine
/// of the session, and says nothing of the secret.
#[must_use]
pub fn placeholder(session: &SessionId, credential: &str) -> String {
    let hash = sha256_hex(format!("placeholder/{session}/{credential}").as_bytes());
    format!("mainstay_secret_{}", &hash[..PLACEHOLDER_DIGITS])
}

//! Who acts, and for what.

use serde::{Deserialize, Serialize};

use crate::{PrincipalId, TenantId};

/// What a credential allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Read and write the tenant's agents and sessions.
    Use,
    /// Create and revoke keys, read metrics.
    Admin,
    /// Bring sessions and resources in under ids they had elsewhere.
    Import,
}

impl Scope {
    /// The scope's name in files and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Use => "use",
            Self::Admin => "admin",
            Self::Import => "import",
        }
    }
}

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The tenant whose data it may reach.
    pub tenant: TenantId,
    /// Its id within the tenant.
    pub id: PrincipalId,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

impl Principal {
    /// Whether the credential allows this.
    #[must_use]
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

//! One row spec for every kind of control-plane resource that is a document with a parent.
//!
//! Invariant: a row's revision grows by one with each change; what is secret in a body is sealed
//! ([`Sealed`]) before it gets here. Deliberately absent: what a body means, which is its owner's.

use std::fmt;
use std::sync::Arc;

use mainstay_protocol::{PrincipalId, Row, RowKey, RowSpec, TenantId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::session::millis_column;

/// Resources of all kinds; `listed_in` is the tenant, the kind and the parent, for lists by age.
pub const RESOURCES: RowSpec = RowSpec {
    name: "resources",
    key: &["tenant", "kind", "resource"],
    indexes: &[&["listed_in", "created"]],
};

/// A resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResourceRow {
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is, `[a-z_]`.
    pub kind: Arc<str>,
    /// Its id, unique in the tenant and kind.
    pub id: String,
    /// The resource that it belongs to; it goes when that goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// How often it was written; 1 when it is new.
    pub revision: u64,
    /// When it was created.
    pub created_at_ms: u64,
    /// When this revision was made.
    pub updated_at_ms: u64,
    /// Who created it.
    pub created_by: PrincipalId,
    /// Where it stands, in its kind's words.
    pub status: Arc<str>,
    /// What its kind makes of it.
    pub body: Value,
}

impl ResourceRow {
    /// The key of a resource.
    #[must_use]
    pub fn key(tenant: &TenantId, kind: &str, id: &str) -> RowKey {
        RowKey::new(&RESOURCES, &[tenant.as_str(), kind, id])
    }

    /// The resource as the store keeps it.
    #[must_use]
    pub fn to_row(&self) -> Row {
        let listed = listed_in(&self.tenant, &self.kind, self.parent.as_deref());
        let created = millis_column(self.created_at_ms);
        let key = Self::key(&self.tenant, &self.kind, &self.id);
        Row::new(key, &[("listed_in", &listed), ("created", &created)], self)
    }

    /// Reads the body as its kind's type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_value(self.body.clone())
    }
}

/// The value of the column `listed_in`. Ids have no `/`.
#[must_use]
pub fn listed_in(tenant: &TenantId, kind: &str, parent: Option<&str>) -> String {
    format!("{tenant}/{kind}/{}", parent.unwrap_or_default())
}

/// The kind of environment templates.
pub const TEMPLATE_KIND: &str = "environment_template";
/// The member of a template that holds what is confidential of it.
pub const TEMPLATE_SECRET: &str = "confidential";

/// What the confidential part of a template is sealed for.
#[must_use]
pub fn template_sealed_for(tenant: &TenantId, id: &str) -> String {
    format!("{tenant}/{TEMPLATE_KIND}/{id}")
}

/// A secret as it is stored: encrypted, and bound to what it belongs to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(pub String);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}

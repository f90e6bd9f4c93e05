//! A credential, as it is kept and as clients see it.

/// The kind of the resource, and what its refusals call it.
pub(crate) const CREDENTIAL: (&str, &str) = ("vault_credential", "credential");

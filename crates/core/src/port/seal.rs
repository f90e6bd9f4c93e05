//! The seal port: secrets encrypted before they reach the store, and opened where they are used.
//!
//! Invariant: what is sealed for one thing opens for that thing alone; a secret's text is overwritten
//! when its last holder lets go, and never printed. Deliberately absent: where the key comes from.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::resource::Sealed;

/// A secret in memory.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Arc<Zeroizing<String>>);

impl SecretText {
    /// The text itself, to be sent where it belongs.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(Arc::new(Zeroizing::new(text)))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

/// A secret cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SealError(pub String);

/// An Ed25519 signature (RFC 8032), and the key that verifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The public key, 32 bytes.
    pub public_key: Vec<u8>,
    /// The signature, 64 bytes.
    pub signature: Vec<u8>,
}

/// Encrypts and decrypts what the store keeps of secrets, and signs what leaves the installation.
pub trait Seals: Send + Sync {
    /// Signs with the installation's key.
    fn sign(&self, message: &[u8]) -> Result<Signed, SealError>;

    /// Encrypts a secret for `belongs_to`, which is not secret.
    fn seal(&self, belongs_to: &str, secret: &SecretText) -> Result<Sealed, SealError>;

    /// Decrypts what was sealed for `belongs_to`.
    fn open(&self, belongs_to: &str, sealed: &Sealed) -> Result<SecretText, SealError>;
}

/// An installation that keeps no secrets.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSeals;

impl Seals for NoSeals {
    fn sign(&self, _message: &[u8]) -> Result<Signed, SealError> {
        Err(SealError("this server is not set up to sign".to_owned()))
    }

    fn seal(&self, _belongs_to: &str, _secret: &SecretText) -> Result<Sealed, SealError> {
        Err(SealError("this server is not set up to keep secrets".to_owned()))
    }

    fn open(&self, _belongs_to: &str, _sealed: &Sealed) -> Result<SecretText, SealError> {
        Err(SealError("this server is not set up to keep secrets".to_owned()))
    }
}

//! What a tool call is given to prove itself with, and nobody else.

use std::sync::Arc;

use super::SecretText;

/// A credential of one of the session's vaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The tool source that it is for, by its position in the agent's list.
    pub source: usize,
    /// Its id.
    pub id: Arc<str>,
    /// Its revision: a connection made with another one is not used again.
    pub revision: u64,
    /// The bearer token.
    pub token: SecretText,
    /// What it was granted for, as far as that is known.
    pub scope: Option<Arc<str>>,
}

/// The credentials of one resolution or call; most have none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials(pub Arc<[Credential]>);

impl Credentials {
    /// The credential for a tool source.
    #[must_use]
    pub fn of(&self, source: usize) -> Option<&Credential> {
        self.0.iter().find(|credential| credential.source == source)
    }
}

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
pub struct Credentials {
    /// The session's.
    pub found: Arc<[Credential]>,
    /// This server as a client of authorization servers, for the consents of its tenant.
    pub clients: Arc<[Registration]>,
}

/// Where this server is registered as a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientPlace {
    /// The authorization server.
    pub issuer: String,
    /// Where it sends people back to.
    pub redirect_uri: String,
}

/// This server as a client that an authorization server registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Where.
    pub place: ClientPlace,
    /// Under which id.
    pub client_id: String,
    /// All that is known of it.
    pub client: SecretText,
}

impl Credentials {
    /// The credential for a tool source.
    #[must_use]
    pub fn of(&self, source: usize) -> Option<&Credential> {
        self.found.iter().find(|credential| credential.source == source)
    }
}

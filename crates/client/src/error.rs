//! What can go wrong between here and a server, by what the caller does next.

use mainstay_protocol::ErrorCode;

/// A request that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers there, or the connection was lost.
    #[error("reach the server at {url}")]
    Unreachable {
        /// Where the server should be.
        url: String,
        /// What the connection said.
        #[source]
        source: reqwest::Error,
    },
    /// The server said no.
    #[error("{message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The error's code, where it is one that this client knows.
        code: Option<ErrorCode>,
        /// What the server said.
        message: String,
    },
    /// What should be the server's URL is none.
    #[error("{text:?} is no URL of a server")]
    Address {
        /// What was given.
        text: String,
    },
    /// What should be an id cannot be one.
    #[error("{text:?} is no id")]
    NoId {
        /// What was given.
        text: String,
    },
    /// The answer is not one that a Mainstay server gives.
    #[error("{what}")]
    Broken {
        /// What was attempted and what came back.
        what: String,
        /// What did not fit.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl ClientError {
    /// Whether the server could not be reached.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// The error's code, where the server gave one that this client knows.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { code, .. } => *code,
            Self::Unreachable { .. }
            | Self::Address { .. }
            | Self::NoId { .. }
            | Self::Broken { .. } => None,
        }
    }
}

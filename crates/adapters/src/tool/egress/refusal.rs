//! Why a request went nowhere, by what is done next.

use mainstay_core::port::{ToolError, WorldChange};
use mainstay_core::tool::Safety;

/// The rules do not let the request out. Trying again cannot help; the model may try another way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the URL {url:?} is not usable: {reason}")]
    BadUrl { url: String, reason: String },
    #[error("the host {host:?} is not allowed; allowed: {allowed}")]
    NotListed { host: String, allowed: String },
    #[error(
        "{host:?} leads to the private address {address}, which this server does not let tools reach"
    )]
    Private { host: String, address: String },
    #[error("the answer leads from https to http, to {url:?}")]
    Downgrade { url: String },
    #[error("more than {limit} redirects")]
    TooManyRedirects { limit: usize },
    #[error("the answer is encoded as {encoding:?}, which was not asked for")]
    Encoded { encoding: String },
}

/// A request failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EgressError {
    /// For the model to read.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No connection was made: nothing left this machine.
    #[error("connect to {host}: {cause}")]
    Connect { host: String, cause: String },
    /// Time ran out, or the connection broke, after the request may have been sent.
    #[error("request to {host}: {cause}")]
    Broken { host: String, cause: String },
}

impl EgressError {
    /// The same for the runtime; a refusal is an error like any other here.
    pub(crate) fn into_tool_error(self, safety: Safety) -> ToolError {
        let (retryable, may_have_changed) = match &self {
            Self::Refused(_) => (false, false),
            Self::Connect { .. } => (true, false),
            Self::Broken { .. } => (true, safety != Safety::ReadOnly),
        };
        ToolError {
            message: self.to_string(),
            retryable,
            world: if may_have_changed { WorldChange::Maybe } else { WorldChange::No },
            retry_after_ms: None,
            needs: None,
        }
    }
}

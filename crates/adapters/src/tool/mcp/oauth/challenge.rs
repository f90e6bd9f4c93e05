//! A server says that it wants a token, or a better one.

use std::error::Error;

use rmcp::ServiceError;
use rmcp::service::ClientInitializeError;
use rmcp::transport::streamable_http_client::{AuthRequiredError, InsufficientScopeError};

/// A server says that it wants a token, or a better one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tool::mcp) struct Challenge {
    /// The header `WWW-Authenticate`, or nothing.
    pub(in crate::tool::mcp) header: String,
    /// Whether the token that was sent has too few scopes.
    pub(in crate::tool::mcp) wants_scope: bool,
}

impl Challenge {
    /// Why no connection was made, if it is that.
    pub(in crate::tool::mcp) fn of_connecting(error: &ClientInitializeError) -> Option<Self> {
        match error {
            ClientInitializeError::TransportError { error, .. } => Self::of(error.error.as_ref()),
            ClientInitializeError::LegacyFallbackFailed { fallback, .. } => {
                Self::of_connecting(fallback)
            }
            _ => None,
        }
    }

    /// Why a request failed, if it is that.
    pub(in crate::tool::mcp) fn of_request(error: &ServiceError) -> Option<Self> {
        match error {
            ServiceError::TransportSend(error) => Self::of(error.error.as_ref()),
            _ => None,
        }
    }

    /// The challenge among an error's causes.
    fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(AuthRequiredError { www_authenticate_header, .. }) = error.downcast_ref() {
                let header = www_authenticate_header.clone();
                return Some(Self { header, wants_scope: false });
            }
            if let Some(InsufficientScopeError { www_authenticate_header, .. }) =
                error.downcast_ref()
            {
                let header = www_authenticate_header.clone();
                return Some(Self { header, wants_scope: true });
            }
            cause = error.source();
        }
        None
    }
}

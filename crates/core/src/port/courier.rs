//! The courier port: one HTTP request to an address that a client named, by the rules of the way out.
//!
//! Invariant: private addresses are refused unless the operator listed them; no redirect is
//! followed; the answer is read within its bound. Deliberately absent: retries.

use async_trait::async_trait;

use super::SecretText;

/// A POST.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// Where to.
    pub url: String,
    /// Headers that are no secrets.
    pub headers: Vec<(&'static str, String)>,
    /// The `authorization` header.
    pub authorization: Option<SecretText>,
    /// The body.
    pub body: SecretText,
    /// Bound on the whole request.
    pub timeout_ms: u64,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The HTTP status.
    pub status: u16,
    /// The beginning of the answer's body.
    pub body: Vec<u8>,
    /// When the receiver said to come back, in milliseconds from now.
    pub retry_after_ms: Option<u64>,
}

/// Nothing came back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CourierError {
    /// What was attempted and why it failed, without secrets.
    pub message: String,
    /// Whether another attempt can help.
    pub retryable: bool,
}

/// Carries requests to addresses that clients named.
#[async_trait]
pub trait Courier: Send + Sync {
    /// Refuses an address that can never be reached, with the reason.
    fn check(&self, url: &str) -> Result<(), String>;

    /// Posts.
    async fn post(&self, parcel: Parcel) -> Result<Receipt, CourierError>;
}

/// An installation that sends nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCourier;

#[async_trait]
impl Courier for NoCourier {
    fn check(&self, _url: &str) -> Result<(), String> {
        Err("this server is not set up to send anything".to_owned())
    }

    async fn post(&self, _parcel: Parcel) -> Result<Receipt, CourierError> {
        let message = "this server is not set up to send anything".to_owned();
        Err(CourierError { message, retryable: false })
    }
}

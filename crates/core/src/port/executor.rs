//! The executor port: a client's own machine, whose executor dials in and is told what to run.
//!
//! Invariant: a connection is an ordered stream of texts each way, whatever carries it. An executor that
//! dials in again finds the session it had. Deliberately absent: how it proves who it is, which its
//! door checks before.

use std::fmt;
use std::pin::Pin;

use async_trait::async_trait;
use futures::Sink;
use futures::stream::BoxStream;
use mainstay_protocol::SessionId;

/// A connection that an executor made.
pub struct ExecutorWire {
    /// What it says; ends when it leaves.
    pub incoming: BoxStream<'static, String>,
    /// What it is told.
    pub outgoing: Pin<Box<dyn Sink<String, Error = WireClosed> + Send>>,
}

impl fmt::Debug for ExecutorWire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExecutorWire")
    }
}

/// The other side is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the executor's connection is closed")]
pub struct WireClosed;

/// How a session's executor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutorStatus {
    /// None ever dialled in.
    Pending,
    /// It is there.
    Connected,
    /// It was there, and may come back.
    Disconnected,
}

/// Why an executor is sent away, by what it does next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecutorError {
    /// It registered, and that is not known any more: it registers again.
    #[error("this registration is not known; register again")]
    Unregistered,
    /// Another executor registered since: it ends.
    #[error("another executor has registered for this environment since")]
    Superseded,
    /// It cannot be noted down.
    #[error("{0}")]
    Failed(String),
}

/// The executors of sessions whose environments are their clients' own.
#[async_trait]
pub trait Executors: Send + Sync {
    /// An executor announces itself; answers what it names itself by when it connects. Whatever another
    /// one runs for the session goes on until this one connects.
    async fn register(&self, session: &SessionId) -> Result<String, ExecutorError>;

    /// Whether a connection under this registration may begin.
    async fn admit(&self, session: &SessionId, registration: &str) -> Result<(), ExecutorError>;

    /// Works with a connection until it ends. The connection before it is closed by it.
    async fn serve(&self, session: &SessionId, registration: &str, wire: ExecutorWire);

    /// How a session's executor is.
    async fn status(&self, session: &SessionId) -> ExecutorStatus;
}

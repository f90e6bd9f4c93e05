//! The server's bounds on what clients may send, hold open and wait for.
//!
//! Invariant: every wait, body and count of the HTTP side is named here. Deliberately absent: the
//! limits of a request's values, which belong to the door that reads them.

/// The largest request body.
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// How long a request body may take to arrive.
pub const BODY_TIMEOUT_MS: u64 = 30_000;
/// How much of a body that was answered without being read is read all the same, so that the client can
/// take the answer.
pub const MAX_UNREAD_BYTES: usize = 32 * 1024 * 1024;
/// How long that may take.
pub const UNREAD_TIMEOUT_MS: u64 = 2_000;
/// How long a request's headers may take to arrive, the wait for a next request included.
pub const HEADER_TIMEOUT_MS: u64 = 60_000;
/// How long a client may read nothing of what it is sent before its connection is closed. It
/// resumes its stream from the last event it has.
pub const WRITE_STALL_TIMEOUT_MS: u64 = 30_000;
/// The most connections at once; more wait to be accepted.
pub const MAX_CONNECTIONS: usize = 16_384;
/// The most requests being answered at once, streams not counted once they have begun.
pub const MAX_REQUESTS: usize = 1_024;
/// The most streams at once.
pub const MAX_STREAMS: usize = 8_192;
/// How often a quiet stream says that it is alive.
pub const KEEP_ALIVE_MS: u64 = 15_000;
/// What a client that was refused for want of room is told to wait.
pub const RETRY_AFTER_SECONDS: u64 = 1;
/// How long connections may take to end after the server was told to stop.
pub const DRAIN_TIMEOUT_MS: u64 = 10_000;
/// The longest `Idempotency-Key`.
pub const MAX_IDEMPOTENCY_KEY_CHARS: usize = 255;
/// The most bytes that hyper buffers for one connection before it stops asking for more.
pub const MAX_WRITE_BUFFER_BYTES: usize = 128 * 1024;

/// The bounds that an installation can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerLimits {
    /// See [`MAX_BODY_BYTES`].
    pub max_body_bytes: usize,
    /// See [`BODY_TIMEOUT_MS`].
    pub body_timeout_ms: u64,
    /// See [`MAX_REQUESTS`].
    pub max_requests: usize,
    /// See [`MAX_STREAMS`].
    pub max_streams: usize,
    /// See [`MAX_CONNECTIONS`].
    pub max_connections: usize,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            max_body_bytes: MAX_BODY_BYTES,
            body_timeout_ms: BODY_TIMEOUT_MS,
            max_requests: MAX_REQUESTS,
            max_streams: MAX_STREAMS,
            max_connections: MAX_CONNECTIONS,
        }
    }
}

//! Bounds of the proxy.

/// The most connections that one machine has open at once.
pub const MAX_CONNECTIONS: usize = 128;
/// The most connections that were not handed out yet; more are refused, so that none goes unrecorded.
pub const MAX_RECORDS: usize = 10_000;
/// The most bytes of a request's head.
pub const MAX_HEAD_BYTES: usize = 64 << 10;
/// The most headers of a request.
pub const MAX_HEADERS: usize = 200;
/// How long a request's head may take.
pub const HEAD_TIMEOUT_MS: u64 = 20_000;
/// How long finding the addresses of a host may take.
pub const LOOKUP_TIMEOUT_MS: u64 = 10_000;
/// How long connecting to one address may take.
pub const CONNECT_TIMEOUT_MS: u64 = 10_000;
/// The most addresses of a host that are tried.
pub const MAX_ADDRESSES: usize = 4;
/// How long a TLS handshake may take.
pub const HANDSHAKE_TIMEOUT_MS: u64 = 15_000;
/// How long a connection may be without a byte in either direction.
pub const IDLE_TIMEOUT_MS: u64 = 300_000;
/// How long a connection may last.
pub const TOTAL_TIMEOUT_MS: u64 = 12 * 3_600_000;
/// The most entries of a network rule.
pub const MAX_RULE_HOSTS: usize = 1_024;
/// The most bytes of a TLS client's first message.
pub(super) const MAX_HELLO_BYTES: usize = 32 << 10;
/// Up to this size a body is held until it is known how long it is with its secrets.
pub(super) const HELD_BODY_BYTES: u64 = 1 << 20;
/// Shorter secrets are not looked for in answers: they would be found by chance.
pub(super) const MIN_HIDDEN_BYTES: usize = 8;
/// How much is moved at once.
pub(super) const COPY_BYTES: usize = 16 << 10;
/// How many hosts' certificates are kept.
pub(super) const MAX_CERTIFICATES: usize = 256;
/// How long a refused host's name is in a record or answer.
pub(super) const MAX_SHOWN_BYTES: usize = 255;

//! The bounds that both sides hold each other to.

/// Unpaid data that a channel may have under way in one direction.
pub const WINDOW_BYTES: usize = 256 * 1024;

/// Channels that the host may have open at once.
pub const MAX_CHANNELS: usize = 256;

/// Connections of the machine to its local proxy at once.
pub const MAX_CONNECTIONS: usize = 64;

/// Commands and terminals that run at once.
pub const MAX_COMMANDS: usize = 64;

/// A request without its data.
pub const MAX_HEAD_BYTES: usize = 4 * 1024 * 1024;

/// What a command may read from its standard input.
pub const MAX_STDIN_BYTES: usize = 16 * 1024 * 1024;

/// What may be kept of each output of a command.
pub const MAX_OUTPUT_LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// What one request reads of a file.
pub const MAX_READ_BYTES: usize = 64 * 1024 * 1024;

/// A file that is written whole.
pub const MAX_WRITE_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// Entries in one answer of a list.
pub const MAX_LIST_COUNT: usize = 10_000;

/// Where commands in the machine find the proxy, on its loopback address.
pub const PROXY_PORT: u16 = 3128;

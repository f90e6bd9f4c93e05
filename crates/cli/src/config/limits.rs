//! `[limits]`

use mainstay_runtime::EngineSettings;
use mainstay_server::ServerLimits;
use mainstay_store::SqliteOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// How long attempts under way may take to end after the server was told to stop.
const DEFAULT_SHUTDOWN_GRACE_MS: u64 = 5_000;

/// Bounds.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// The largest request body.
    pub(crate) max_body_bytes: usize,
    /// How long a request body may take to arrive.
    pub(crate) body_timeout_ms: u64,
    /// The most requests being answered at once, streams not counted once they have begun.
    pub(crate) max_requests: usize,
    /// The most event streams at once.
    pub(crate) max_streams: usize,
    /// The most connections at once.
    pub(crate) max_connections: usize,
    /// How long attempts under way may take to end after the server was told to stop. What has not
    /// ended is taken up at the next start.
    pub(crate) shutdown_grace_ms: u64,
    /// How much memory the states of resting sessions may take.
    pub(crate) parked_cache_bytes: u64,
    /// How many commits may wait for the disk before new ones are refused as overloaded.
    pub(crate) max_waiting_commits: usize,
    /// How large the data file may grow; unbounded when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_data_file_bytes: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        let server = ServerLimits::default();
        let store = SqliteOptions::new("");
        Self {
            max_body_bytes: server.max_body_bytes,
            body_timeout_ms: server.body_timeout_ms,
            max_requests: server.max_requests,
            max_streams: server.max_streams,
            max_connections: server.max_connections,
            shutdown_grace_ms: DEFAULT_SHUTDOWN_GRACE_MS,
            parked_cache_bytes: EngineSettings::default().parked_cache_bytes,
            max_waiting_commits: store.queue_limit_count,
            max_data_file_bytes: store.file_limit_bytes,
        }
    }
}

impl Limits {
    /// Refuses a bound that would refuse everything.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let none_of = [
            ("max_body_bytes", self.max_body_bytes == 0),
            ("body_timeout_ms", self.body_timeout_ms == 0),
            ("max_requests", self.max_requests == 0),
            ("max_streams", self.max_streams == 0),
            ("max_connections", self.max_connections == 0),
            ("max_waiting_commits", self.max_waiting_commits == 0),
            ("max_data_file_bytes", self.max_data_file_bytes == Some(0)),
        ];
        match none_of.iter().find(|(_, is_zero)| *is_zero) {
            Some((name, _)) => Err(Failure::usage(format!("limits.{name}: 0 refuses everything"))),
            None => Ok(()),
        }
    }

    /// The bounds of the HTTP side.
    pub(crate) fn server(&self) -> ServerLimits {
        ServerLimits {
            max_body_bytes: self.max_body_bytes,
            body_timeout_ms: self.body_timeout_ms,
            max_requests: self.max_requests,
            max_streams: self.max_streams,
            max_connections: self.max_connections,
        }
    }
}

//! How an engine behaves.

use std::sync::Arc;

/// How an engine behaves.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// Name of this process among those that share the store.
    pub owner: Arc<str>,
    /// How long a lease holds without renewal.
    pub lease_ms: u64,
    /// How much memory the states of resting sessions may take.
    pub parked_cache_bytes: u64,
    /// How much a journal grows before its session's fold is saved for the first time.
    pub snapshot_least_bytes: u64,
    /// Whether no other process can write the store (the embedded store).
    pub is_only_writer: bool,
    /// How often due work of sessions without a task is looked for.
    pub sweep_ms: u64,
    /// How many sessions are taken up at once after a start.
    pub recovery_batch_count: usize,
    /// How many of a session's checkpoints are kept at the least, the newest; at least one is.
    pub kept_checkpoints: u32,
    /// How long every checkpoint is kept.
    pub kept_checkpoints_ms: u64,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            owner: Arc::from("local"),
            lease_ms: 30_000,
            parked_cache_bytes: 2 * 1024 * 1024,
            snapshot_least_bytes: 64 * 1024,
            is_only_writer: true,
            sweep_ms: 1_000,
            recovery_batch_count: 256,
            kept_checkpoints: 100,
            kept_checkpoints_ms: 7 * 24 * 60 * 60 * 1_000,
        }
    }
}

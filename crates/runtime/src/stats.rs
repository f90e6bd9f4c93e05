//! Plain numbers about the engine.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::Engine;

/// What the engine is doing, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EngineStats {
    /// Sessions with a task.
    pub active_sessions: u64,
    /// Sessions at rest whose state is kept in memory.
    pub parked_sessions: u64,
    /// Effects under way.
    pub running_effects: u64,
    /// Commits made by sessions.
    pub commits: u64,
    /// Entries written by sessions.
    pub entries: u64,
    /// Sessions taken over after a crash or a timer.
    pub recovered_sessions: u64,
    /// Followers of feeds.
    pub followers: u64,
    /// Old checkpoints that are kept no longer.
    pub collected_checkpoints: u64,
    /// Blobs that went with them.
    pub freed_blobs: u64,
    /// Tasks that panicked.
    pub panics: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) running_effects: AtomicU64,
    pub(crate) commits: AtomicU64,
    pub(crate) entries: AtomicU64,
    pub(crate) recovered: AtomicU64,
    pub(crate) collected_checkpoints: AtomicU64,
    pub(crate) freed_blobs: AtomicU64,
    pub(crate) panics: AtomicU64,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }

    pub(crate) fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    pub(crate) fn lower(counter: &AtomicU64) {
        counter.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Engine {
    /// Plain numbers for metrics.
    #[must_use]
    pub fn stats(&self) -> EngineStats {
        let (active_sessions, parked_sessions) = self.inner().registry.counts();
        let counters = &self.inner().counters;
        EngineStats {
            active_sessions,
            parked_sessions,
            running_effects: Counters::get(&counters.running_effects),
            commits: Counters::get(&counters.commits),
            entries: Counters::get(&counters.entries),
            recovered_sessions: Counters::get(&counters.recovered),
            followers: self.inner().hubs.followers(),
            collected_checkpoints: Counters::get(&counters.collected_checkpoints),
            freed_blobs: Counters::get(&counters.freed_blobs),
            panics: Counters::get(&counters.panics),
        }
    }
}

//! How many sessions commit just now, and how far a group should therefore fill before it is written.
//!
//! What one flush costs is shared by its group, and a writer that begins as soon as it wakes makes small
//! ones. Like `commit_delay` and `commit_siblings` of PostgreSQL, it waits a little where others are
//! about to commit too. Invariant: it waits only where [`LEAST_COUNT`] journals or more were written
//! within [`RECENT_US`], at most the time that the options name, and never for more journals than those:
//! a session by itself, or a few slow ones, wait for nobody.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use mainstay_protocol::JournalId;

use crate::sqlite::work::Write;

/// How long a journal counts as one that is being written.
const RECENT_US: u64 = 3_000;
/// How many of them make it worth to wait for others.
const LEAST_COUNT: usize = 4;
/// How many writes fill a group: about as many as are under way at once where models are fast.
const FULL_COUNT: usize = 10;

/// The journals that were written just now.
#[derive(Debug, Default)]
pub(super) struct Herd {
    seen: HashMap<JournalId, Instant>,
}

/// How far the next group should fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fill {
    /// How many writes it should have.
    pub(super) count: usize,
    /// When this is no longer known.
    pub(super) until: Instant,
}

impl Herd {
    /// Learns which journals a group wrote.
    pub(super) fn wrote(&mut self, group: &[Write], now: Instant) {
        self.seen.retain(|_, at| now.duration_since(*at) < recent());
        for commit in group.iter().filter_map(Write::commit) {
            self.seen.insert(commit.journal.clone(), now);
        }
    }

    /// What follows for the next group.
    pub(super) fn fill(&self, now: Instant) -> Option<Fill> {
        let count = self.seen.len();
        (count >= LEAST_COUNT).then(|| Fill { count: count.min(FULL_COUNT), until: now + recent() })
    }
}

impl Fill {
    /// Whether others were still writing then.
    pub(super) fn holds_at(self, now: Instant) -> bool {
        now < self.until
    }
}

fn recent() -> Duration {
    Duration::from_micros(RECENT_US)
}

/// The time, for waits of microseconds between threads.
#[expect(clippy::disallowed_methods, reason = "bounds a wait, decides nothing that is stored")]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
#[path = "herd_tests.rs"]
mod tests;

//! Which checkpoints go, and what with which of them.
//!
//! Invariant: pure. A blob goes with the last checkpoint that needs it.

use std::collections::{BTreeMap, BTreeSet};

use mainstay_core::port::Checkpoint;
use mainstay_protocol::Seq;

/// How many checkpoints go at the most before a session is looked at again.
const MAX_GOING_CHECKPOINTS: usize = 1_024;
/// How many blobs go in one commit, unless one checkpoint alone has more.
const MAX_FREED_BLOBS: usize = 1_024;
/// How many checkpoints gather that are old enough before a session is looked at again.
const GATHERED_COUNT: usize = 16;

/// A checkpoint that is kept.
#[derive(Debug, Clone)]
pub(super) struct Point {
    /// The entry that brought it.
    pub(super) seq: Seq,
    /// When.
    pub(super) at_ms: u64,
    /// What it is.
    pub(super) checkpoint: Checkpoint,
}

/// What is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keeping {
    /// So many, the newest.
    pub(super) count: usize,
    /// Those that are not older.
    pub(super) age_ms: u64,
    /// The one that the session stands on, and what is newer.
    pub(super) standing: Seq,
    /// The time now.
    pub(super) now_ms: u64,
}

impl Keeping {
    /// How many of these go, the oldest.
    pub(super) fn going(&self, points: &[Point]) -> usize {
        let by_count = points.len().saturating_sub(self.count.max(1)).min(MAX_GOING_CHECKPOINTS);
        let goes = |point: &&Point| {
            point.seq < self.standing && point.at_ms.saturating_add(self.age_ms) <= self.now_ms
        };
        points[..by_count].iter().take_while(goes).count()
    }
}

/// When the next of those that are left go by their age, a few at once; none when only newer ones bring
/// that about, which is seen with them.
pub(super) fn next_due_ms(keeping: &Keeping, left: &[Point]) -> Option<u64> {
    let too_many = left.len().saturating_sub(keeping.count.max(1));
    let is_behind = |point: &&Point| point.seq < keeping.standing;
    let last = left[..too_many.min(GATHERED_COUNT)].iter().take_while(is_behind).last()?;
    Some(last.at_ms.saturating_add(keeping.age_ms).max(keeping.now_ms))
}

/// What goes in one commit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// Checkpoints before this entry go.
    pub(super) before: Seq,
    /// How many.
    pub(super) checkpoint_count: u32,
    /// The blobs that go with them.
    pub(super) frees: Vec<String>,
    /// The blobs that artifacts keep.
    pub(super) stays: Vec<String>,
}

/// What goes with the first `going` checkpoints. `last` says which checkpoint is the last to need a blob;
/// `held` is what earlier collections and these keep, and `stays` what is kept for which checkpoint.
pub(super) fn batches(
    points: &[Point],
    going: usize,
    last: BTreeMap<String, usize>,
    held: &BTreeSet<String>,
    mut stays: BTreeMap<usize, Vec<String>>,
) -> Vec<Batch> {
    let mut frees: Vec<Vec<String>> = vec![Vec::new(); going];
    for (blob, index) in last {
        if index < going && !held.contains(&blob) {
            frees[index].push(blob);
        }
    }
    let mut batches: Vec<Batch> = Vec::new();
    for (index, frees) in frees.into_iter().enumerate() {
        let before = points[index + 1].seq;
        let stays = stays.remove(&index).unwrap_or_default();
        match batches.last_mut() {
            Some(batch) if batch.frees.len() + frees.len() <= MAX_FREED_BLOBS => {
                batch.before = before;
                batch.checkpoint_count += 1;
                batch.frees.extend(frees);
                batch.stays.extend(stays);
            }
            _ => batches.push(Batch { before, checkpoint_count: 1, frees, stays }),
        }
    }
    for batch in &mut batches {
        batch.stays.sort_unstable();
        batch.stays.dedup();
    }
    batches
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;

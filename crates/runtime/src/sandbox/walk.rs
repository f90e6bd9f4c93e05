//! The blobs that the checkpoints of a journal need.
//!
//! Invariant: a walk ends, whatever blobs say: each is visited once, and there is a bound on them.

use std::collections::BTreeSet;
use std::future::Future;

use mainstay_core::effect::Outcome;
use mainstay_core::fact::{Fact, SandboxOperation};
use mainstay_core::port::Sandboxes;
use mainstay_protocol::{ApiError, Entry, ErrorCode, Seq};

use super::sandbox_error;

/// The most blobs that the checkpoints of one journal may have for a copy.
const MAX_WALKED_BLOBS: usize = 100_000;

/// The roots of a journal's checkpoints, oldest first.
#[derive(Default)]
pub(crate) struct Roots {
    /// Of those that are kept.
    pub(crate) kept: Vec<String>,
    /// Of those of which only what artifacts need is there, if that.
    pub(crate) collected: Vec<String>,
}

impl Roots {
    /// The roots of the checkpoints in these entries; those before `collected_before`, or before what the
    /// entries themselves say, are kept no longer.
    pub(crate) fn of(entries: &[Entry], collected_before: Seq) -> Self {
        let mut before = collected_before;
        let mut found = Vec::new();
        let may_tell =
            |entry: &&Entry| matches!(entry.kind.as_ref(), "effect.completed" | "sandbox.operated");
        for entry in entries.iter().filter(may_tell) {
            match Fact::read(entry) {
                Ok(Fact::EffectCompleted(fact)) => {
                    if let Outcome::Checkpoint { saved } = fact.outcome
                        && let Some(checkpoint) = saved.checkpoint
                    {
                        found.push((entry.seq, checkpoint.workspace));
                    }
                }
                Ok(Fact::SandboxOperated(fact)) => {
                    if let SandboxOperation::Collected { before: mark, .. } = fact.operation {
                        before = before.max(mark);
                    }
                }
                _ => {}
            }
        }
        let mut roots = Self::default();
        for (seq, root) in found {
            let list = if seq < before { &mut roots.collected } else { &mut roots.kept };
            list.push(root);
        }
        roots
    }
}

/// Visits every blob of these checkpoints; `get` answers the bytes of one of them. What of collected ones
/// is not there is not visited.
pub(crate) async fn walk<G, F>(
    sandboxes: &dyn Sandboxes,
    roots: Roots,
    get: G,
    mut visit: impl FnMut(&str, Vec<u8>, bool) -> Result<(), ApiError>,
) -> Result<(), ApiError>
where
    G: Fn(String) -> F,
    F: Future<Output = Result<Option<Vec<u8>>, ApiError>>,
{
    let mut seen = BTreeSet::new();
    for (mut waiting, is_kept) in [(roots.kept, true), (roots.collected, false)] {
        while let Some(hash) = waiting.pop() {
            if !seen.insert(hash.clone()) {
                continue;
            }
            if seen.len() > MAX_WALKED_BLOBS {
                let message = format!(
                    "the session's checkpoints have more than {MAX_WALKED_BLOBS} blobs, which is too much to copy"
                );
                return Err(ApiError::new(ErrorCode::LimitReached, message));
            }
            let Some(bytes) = get(hash.clone()).await? else {
                if !is_kept {
                    continue;
                }
                let message = format!("a checkpoint needs the blob {hash}, which is not there");
                return Err(ApiError::new(ErrorCode::JournalCorrupt, message));
            };
            let named = sandboxes.blobs_of(&bytes).map_err(|error| sandbox_error(&error))?;
            waiting.extend(named.inner.into_iter().chain(named.leaves));
            visit(&hash, bytes, is_kept)?;
        }
    }
    Ok(())
}

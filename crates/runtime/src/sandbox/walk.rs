//! The blobs that the checkpoints of a journal need.
//!
//! Invariant: a walk ends, whatever blobs say: each is visited once, and there is a bound on them.

use std::collections::BTreeSet;
use std::future::Future;

use mainstay_core::effect::Outcome;
use mainstay_core::fact::Fact;
use mainstay_core::port::Sandboxes;
use mainstay_protocol::{ApiError, Entry, ErrorCode};

use super::sandbox_error;

/// The most blobs that the checkpoints of one journal may have for a copy.
const MAX_WALKED_BLOBS: usize = 100_000;

/// The roots of the checkpoints in these entries, oldest first.
pub(crate) fn checkpoints_in(entries: &[Entry]) -> Vec<String> {
    let completed = entries.iter().filter(|entry| entry.kind.as_ref() == "effect.completed");
    let roots = completed.filter_map(|entry| match Fact::read(entry) {
        Ok(Fact::EffectCompleted(fact)) => match fact.outcome {
            Outcome::Checkpoint { saved } => saved.checkpoint.map(|found| found.workspace),
            _ => None,
        },
        _ => None,
    });
    roots.collect()
}

/// Visits every blob of these checkpoints; `get` answers the bytes of one of them.
pub(crate) async fn walk<G, F>(
    sandboxes: &dyn Sandboxes,
    roots: Vec<String>,
    get: G,
    mut visit: impl FnMut(&str, Vec<u8>) -> Result<(), ApiError>,
) -> Result<(), ApiError>
where
    G: Fn(String) -> F,
    F: Future<Output = Result<Option<Vec<u8>>, ApiError>>,
{
    let mut seen = BTreeSet::new();
    let mut waiting = roots;
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
        let bytes = get(hash.clone()).await?.ok_or_else(|| {
            let message = format!("a checkpoint needs the blob {hash}, which is not there");
            ApiError::new(ErrorCode::JournalCorrupt, message)
        })?;
        waiting.extend(sandboxes.blobs_of(&bytes).map_err(|error| sandbox_error(&error))?);
        visit(&hash, bytes)?;
    }
    Ok(())
}

//! The blobs of a journal's checkpoints, for copies of the session.
//!
//! Invariant: a copy has every blob that a checkpoint in its journal names, or is not made; of checkpoints
//! that are kept no longer it has what the original has.

use std::collections::BTreeMap;

use mainstay_protocol::{ApiError, Entry, ErrorCode, JournalId, Seq, SessionId, sha256_hex};
use mainstay_store::Adoption;

use super::walk::{Roots, walk};
use crate::engine::{Engine, api_error};

impl Engine {
    /// What a copy of these entries needs of the original's blobs, and which of them are all that is left
    /// of checkpoints that are kept no longer.
    pub(crate) async fn adoption(
        &self,
        session: &SessionId,
        entries: &[Entry],
        collected_before: Seq,
    ) -> Result<(Option<Adoption>, Vec<String>), ApiError> {
        let (mut hashes, mut stays) = (Vec::new(), Vec::new());
        let visit = |hash: &str, _, is_kept: bool| {
            hashes.push(hash.to_owned());
            if !is_kept {
                stays.push(hash.to_owned());
            }
            Ok(())
        };
        self.walk_stored(session, Roots::of(entries, collected_before), visit).await?;
        let from: JournalId = session.as_str().into();
        Ok(((!hashes.is_empty()).then_some(Adoption { from, hashes }), stays))
    }

    /// Visits the blobs of these checkpoints of a session.
    async fn walk_stored(
        &self,
        session: &SessionId,
        roots: Roots,
        visit: impl FnMut(&str, Vec<u8>, bool) -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        let journal: JournalId = session.as_str().into();
        let get = |hash: String| {
            let journal = journal.clone();
            async move {
                let found = self.store().blob(&journal, &hash).await;
                found.map_err(|error| api_error(&error))
            }
        };
        walk(self.sandboxes().as_ref(), roots, get, visit).await
    }

    /// Every blob of the checkpoints in a session's entries, within a bound.
    pub(crate) async fn blobs_of_checkpoints(
        &self,
        session: &SessionId,
        entries: &[Entry],
        limit_bytes: usize,
    ) -> Result<BTreeMap<String, Vec<u8>>, ApiError> {
        let (mut blobs, mut size_bytes) = (BTreeMap::new(), 0);
        let visit = |hash: &str, bytes: Vec<u8>, _| {
            size_bytes += bytes.len();
            blobs.insert(hash.to_owned(), bytes);
            if size_bytes <= limit_bytes {
                return Ok(());
            }
            let message = format!(
                "the checkpoints of session {session} have more than {limit_bytes} bytes, which is too much for a bundle"
            );
            Err(ApiError::new(ErrorCode::LimitReached, message))
        };
        self.walk_stored(session, Roots::of(entries, 0), visit).await?;
        Ok(blobs)
    }

    /// Those of the blobs that the checkpoints in these entries name: all must be there, and be what
    /// they are named by.
    pub(crate) async fn needed(
        &self,
        entries: &[Entry],
        given: BTreeMap<String, Vec<u8>>,
    ) -> Result<BTreeMap<String, Vec<u8>>, ApiError> {
        let is_changed = |(hash, bytes): &(&String, &Vec<u8>)| sha256_hex(bytes) != **hash;
        if let Some((hash, _)) = given.iter().find(is_changed) {
            return Err(refused(format!("the blob {hash} is not what it is named by")));
        }
        let mut needed = BTreeMap::new();
        let given = &given;
        let get = |hash: String| async move { Ok(given.get(&hash).cloned()) };
        let visit = |hash: &str, bytes, _| {
            needed.insert(hash.to_owned(), bytes);
            Ok(())
        };
        let walked = walk(self.sandboxes().as_ref(), Roots::of(entries, 0), get, visit).await;
        walked.map_err(|error| match error.code {
            ErrorCode::JournalCorrupt => refused(error.message),
            _ => error,
        })?;
        Ok(needed)
    }
}

fn refused(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidParameter, message)
}

/// What is asked of a checkpoint that is kept no longer.
pub(crate) fn kept_no_longer(
    session: &SessionId,
    checkpoint: Seq,
    before: Seq,
    param: &'static str,
) -> ApiError {
    let message = format!(
        "the checkpoint of entry {checkpoint} of session {session} is kept no longer (`compute.kept_checkpoints`, `compute.kept_checkpoints_ms`); the oldest that is kept came with entry {before}"
    );
    ApiError::new(ErrorCode::InvalidParameter, message).with_param(param)
}

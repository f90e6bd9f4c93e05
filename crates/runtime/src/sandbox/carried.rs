//! The blobs of a journal's checkpoints, for copies of the session.
//!
//! Invariant: a copy has every blob that a checkpoint in its journal names, or is not made.

use std::collections::BTreeMap;

use mainstay_protocol::{ApiError, Entry, ErrorCode, JournalId, SessionId, sha256_hex};
use mainstay_store::Adoption;

use super::walk::{checkpoints_in, walk};
use crate::engine::{Engine, api_error};

impl Engine {
    /// What a copy of these entries needs of the original's blobs.
    pub(crate) async fn adoption(
        &self,
        session: &SessionId,
        entries: &[Entry],
    ) -> Result<Option<Adoption>, ApiError> {
        let mut hashes = Vec::new();
        let visit = |hash: &str, _| {
            hashes.push(hash.to_owned());
            Ok(())
        };
        self.walk_stored(session, entries, visit).await?;
        let from: JournalId = session.as_str().into();
        Ok((!hashes.is_empty()).then_some(Adoption { from, hashes }))
    }

    /// Visits the blobs of the checkpoints in a session's entries.
    async fn walk_stored(
        &self,
        session: &SessionId,
        entries: &[Entry],
        visit: impl FnMut(&str, Vec<u8>) -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        let journal: JournalId = session.as_str().into();
        let get = |hash: String| {
            let journal = journal.clone();
            async move {
                let found = self.store().blob(&journal, &hash).await;
                found.map_err(|error| api_error(&error))
            }
        };
        walk(self.sandboxes().as_ref(), checkpoints_in(entries), get, visit).await
    }

    /// Every blob of the checkpoints in a session's entries, within a bound.
    pub(crate) async fn blobs_of_checkpoints(
        &self,
        session: &SessionId,
        entries: &[Entry],
        limit_bytes: usize,
    ) -> Result<BTreeMap<String, Vec<u8>>, ApiError> {
        let (mut blobs, mut size_bytes) = (BTreeMap::new(), 0);
        let visit = |hash: &str, bytes: Vec<u8>| {
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
        self.walk_stored(session, entries, visit).await?;
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
        let visit = |hash: &str, bytes| {
            needed.insert(hash.to_owned(), bytes);
            Ok(())
        };
        let walked = walk(self.sandboxes().as_ref(), checkpoints_in(entries), get, visit).await;
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

//! The blobs of one session, every one checked against its name.

use bytes::Bytes;
use mainstay_core::port::Blobs;
use mainstay_protocol::SessionId;
use sha2::{Digest, Sha256};

use super::error::WorkspaceError;

/// A blob's name.
pub(super) type BlobHash = [u8; 32];

/// The SHA-256 of bytes.
pub(super) fn hash_of(bytes: &[u8]) -> BlobHash {
    Sha256::digest(bytes).into()
}

/// Where a session's blobs are.
#[derive(Clone, Copy)]
pub struct Shelf<'a> {
    blobs: &'a dyn Blobs,
    session: &'a SessionId,
}

impl<'a> Shelf<'a> {
    /// The blobs of this session.
    #[must_use]
    pub fn new(blobs: &'a dyn Blobs, session: &'a SessionId) -> Self {
        Self { blobs, session }
    }

    pub(super) async fn put(&self, hash: BlobHash, bytes: Bytes) -> Result<(), WorkspaceError> {
        let kept = self.blobs.put(self.session, bytes).await?;
        let wanted = hex::encode(hash);
        if kept == wanted {
            return Ok(());
        }
        Err(WorkspaceError::Blobs(format!("put {wanted}: it was kept as {kept}")))
    }

    pub(super) async fn get(&self, hash: BlobHash) -> Result<Bytes, WorkspaceError> {
        let name = hex::encode(hash);
        let Some(bytes) = self.blobs.get(self.session, &name).await? else {
            return Err(WorkspaceError::Damaged(format!("its blob {name} is missing")));
        };
        if hash_of(&bytes) != hash {
            return Err(WorkspaceError::Damaged(format!("its blob {name} holds something else")));
        }
        Ok(bytes)
    }
}

//! Files of saved workspaces, read without a machine.
//!
//! Invariant: what a checkpoint says never changes, so that what was read of one may be kept.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use lru::LruCache;
use mainstay_core::port::{Blobs, Checkpoint, SandboxError, SavedFile};
use mainstay_protocol::SessionId;

use super::super::workspace::{self, Shelf};

/// How many lists of files are kept.
const KEPT_LISTS: usize = 256;
/// The longest list that is kept.
const KEPT_FILES: usize = 1_024;

/// The session, the root of what was saved, and the folder.
type Asked = (SessionId, String, String);

/// Lists of files that were asked for.
pub(super) struct SavedLists {
    kept: Mutex<LruCache<Asked, Arc<[SavedFile]>>>,
}

impl Default for SavedLists {
    fn default() -> Self {
        let size = NonZeroUsize::new(KEPT_LISTS).expect("more than none");
        Self { kept: Mutex::new(LruCache::new(size)) }
    }
}

impl SavedLists {
    pub(super) async fn files(
        &self,
        blobs: &dyn Blobs,
        session: &SessionId,
        checkpoint: &Checkpoint,
        folder: &str,
    ) -> Result<Arc<[SavedFile]>, SandboxError> {
        let asked = (session.clone(), checkpoint.workspace.clone(), folder.to_owned());
        if let Some(files) = self.kept().get(&asked) {
            return Ok(Arc::clone(files));
        }
        let shelf = Shelf::new(blobs, session);
        let files: Arc<[SavedFile]> =
            workspace::files_below(checkpoint, shelf, folder).await?.into();
        if files.len() <= KEPT_FILES {
            self.kept().put(asked, Arc::clone(&files));
        }
        Ok(files)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, LruCache<Asked, Arc<[SavedFile]>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file's bytes.
pub(super) async fn read(
    blobs: &dyn Blobs,
    session: &SessionId,
    checkpoint: &Checkpoint,
    path: &str,
    limit_bytes: u64,
) -> Result<Option<Bytes>, SandboxError> {
    let shelf = Shelf::new(blobs, session);
    Ok(workspace::read_saved(checkpoint, shelf, path, limit_bytes).await?)
}

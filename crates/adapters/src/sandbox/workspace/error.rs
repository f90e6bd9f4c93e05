//! Why a workspace was not saved or restored, by what is done next.

use mainstay_core::port::{BlobError, SandboxError};

use super::format::BadBlob;
use super::path::BadPath;
use super::tree::TreeFault;

/// Saving or restoring a workspace failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkspaceError {
    /// The workspace holds more than can be kept: whoever fills it must remove something.
    #[error("{0}")]
    LimitReached(String),
    /// The tree did not answer.
    #[error(transparent)]
    Tree(#[from] TreeFault),
    /// The blobs cannot be reached now.
    #[error("blobs of a workspace: {0}")]
    Blobs(String),
    /// The checkpoint is not whole, or not what its name says.
    #[error("the checkpoint of the workspace cannot be used: {0}")]
    Damaged(String),
}

impl From<BlobError> for WorkspaceError {
    fn from(error: BlobError) -> Self {
        Self::Blobs(error.0)
    }
}

impl From<BadBlob> for WorkspaceError {
    fn from(error: BadBlob) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<BadPath> for WorkspaceError {
    fn from(error: BadPath) -> Self {
        Self::LimitReached(error.to_string())
    }
}

impl From<WorkspaceError> for SandboxError {
    fn from(error: WorkspaceError) -> Self {
        match error {
            WorkspaceError::LimitReached(what) => Self::LimitReached(what),
            WorkspaceError::Tree(_) | WorkspaceError::Blobs(_) | WorkspaceError::Damaged(_) => {
                Self::Broken(error.to_string())
            }
        }
    }
}

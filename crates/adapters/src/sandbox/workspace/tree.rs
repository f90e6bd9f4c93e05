//! What a workspace is read from and written to: a machine, or a folder of this host.

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_core::port::FileKind;

use super::path::TreePath;

/// What is there, or what changed since the last scan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scan {
    /// Whether `changed` is all there is: what it does not name is gone.
    pub is_full: bool,
    /// What is there, or is new or changed.
    pub changed: Vec<Found>,
    /// What is gone, with all below it; empty in a full scan.
    pub removed: Vec<TreePath>,
}

/// A file, folder or link as a scan found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub path: TreePath,
    /// What it is.
    pub kind: FileKind,
    /// Its permission bits.
    pub mode: u32,
    /// Its size.
    pub size_bytes: u64,
    /// When its content was changed as it says itself, Unix nanoseconds.
    pub modified_ns: u64,
    /// When the kernel saw it change last; 0 when unknown.
    pub changed_ns: u64,
    /// Where a link leads.
    pub target: Option<Box<[u8]>>,
}

/// The tree cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{attempted} {path}: {reason}")]
pub struct TreeFault {
    /// What was attempted.
    pub attempted: &'static str,
    /// With what.
    pub path: String,
    /// What came of it.
    pub reason: String,
}

/// Files that can be read.
#[async_trait]
pub trait FileSource: Send + Sync {
    /// Bytes from `offset`, at most `limit_bytes`; fewer only at the end of the file. None when no file
    /// is there: it may have gone since the scan. Links are not followed.
    async fn read(
        &self,
        path: &TreePath,
        offset: u64,
        limit_bytes: usize,
    ) -> Result<Option<Bytes>, TreeFault>;
}

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Where.
    pub path: TreePath,
    /// Its permission bits.
    pub mode: u32,
    /// Its whole size.
    pub size_bytes: u64,
    /// When it was changed, Unix nanoseconds.
    pub modified_ns: u64,
}

/// A part of a file to be written; the parts of a file come in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Where it begins; 0 makes the file.
    pub offset: u64,
    /// Its bytes.
    pub bytes: Bytes,
    /// Whether the file is complete with it.
    pub is_last: bool,
}

/// An empty tree that is filled.
#[async_trait]
pub trait FileTarget: Send + Sync {
    /// Makes a folder that files can be put into; the one that it is in is there.
    async fn make_folder(&self, path: &TreePath) -> Result<(), TreeFault>;

    /// Writes a part of a file.
    async fn write(&self, file: &NewFile, part: Part) -> Result<(), TreeFault>;

    /// Makes a symbolic link.
    async fn make_link(&self, path: &TreePath, target: &[u8]) -> Result<(), TreeFault>;

    /// Gives a folder its mode, after everything below it was written.
    async fn set_folder_mode(&self, path: &TreePath, mode: u32) -> Result<(), TreeFault>;
}

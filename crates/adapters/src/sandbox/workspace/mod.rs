//! Workspaces as content-addressed blobs: saved bit by bit, restored whole.
//!
//! A checkpoint is a root that names layers; a layer holds the paths that one save changed, and names
//! the packs that hold their bytes (`docs/spec/workspace-checkpoint.md`). A save therefore writes one
//! pack, one layer and one root, however large the workspace is; small layers are merged as they
//! gather. Invariant: a checkpoint proves itself from its root's hash on, and nothing of a hostile one
//! is written before all of its paths are known to be harmless. Deliberately absent: removing blobs
//! that no checkpoint names any more, which is for whoever knows all checkpoints.

mod chunk;
mod error;
mod folder;
mod format;
mod known;
mod limits;
mod load;
mod machine;
mod pack;
mod path;
mod plan;
mod restore;
mod save;
mod saved;
mod shelf;
mod tree;

pub use error::WorkspaceError;
pub use folder::FolderTree;
pub use format::{BadBlob, references};
pub use known::KnownTree;
pub use limits::{
    MAX_DEPTH, MAX_ENTRIES, MAX_FILE_BYTES, MAX_LINK_BYTES, MAX_NAME_BYTES, MAX_NAMES_BYTES,
    MAX_PATH_BYTES, MAX_WORKSPACE_BYTES,
};
pub use load::load;
pub use machine::MachineTree;
pub use path::{BadPath, TreePath};
pub use restore::restore;
pub use save::save;
pub use saved::{blobs_of_files, files_below, read_saved};
pub use shelf::Shelf;
pub use tree::{FileSource, FileTarget, Found, NewFile, Parts, Scan, TreeFault};

#[cfg(test)]
mod tests;

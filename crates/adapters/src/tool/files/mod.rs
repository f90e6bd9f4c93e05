//! The files of a session's workspace: list, read, search, write, edit.
//!
//! Invariant: nothing outside of the session's folder is read or changed, whatever a path or a link
//! in the folder says; a file holds either its old or its new content, never a part of it.
//! Deliberately absent: running anything, and following what happens in the folder.

mod call;
mod edit;
mod list;
mod path;
mod read;
mod search;
mod seed;
mod specs;
mod workspace;
mod write;

pub(crate) use call::{FileTools, Tool};
pub(crate) use edit::{EditArguments, Edited};
pub(crate) use read::{Window, window_of};
pub use seed::seed_workspace;
pub(crate) use specs::file_specs;
pub use workspace::{remove_workspace, workspace_dir};

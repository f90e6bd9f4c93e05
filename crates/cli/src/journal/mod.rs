//! Journals as the command line reads them: from a server, or from the store itself.
//!
//! Invariant: an entry is looked at only after it was found to follow from the one before it, where
//! the command is to verify. Deliberately absent: writing.

mod source;
mod summary;
mod timeline;
mod verify;

pub(crate) use source::Source;
pub(crate) use timeline::timeline;
pub(crate) use verify::Chain;

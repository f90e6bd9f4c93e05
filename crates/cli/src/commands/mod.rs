//! The commands, one file each.

pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod keys;
pub(crate) mod serve;
pub(crate) mod version;

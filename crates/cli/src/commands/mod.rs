//! The commands, one file each.

pub(crate) mod agents;
pub(crate) mod bundle;
pub(crate) mod chat;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod image;
pub(crate) mod journal;
pub(crate) mod keys;
pub(crate) mod model;
pub(crate) mod quickstart;
pub(crate) mod sandbox;
pub(crate) mod serve;
pub(crate) mod sessions;
pub(crate) mod vaults;
pub(crate) mod version;

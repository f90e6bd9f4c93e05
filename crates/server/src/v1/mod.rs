//! Mainstay's own routes: what the wire APIs have no word for.

pub(crate) mod bundle;
pub(crate) mod checkpoints;
pub(crate) mod journal;
pub(crate) mod keys;
pub(crate) mod models;
pub(crate) mod oauth;
pub(crate) mod sandboxes;

//! `mainstay keys`: bearer keys.
//!
//! Invariant: each works while a server runs, over HTTP with the machine's own key, and while none
//! does, on the store itself.

mod access;
mod command;
mod create;
mod list;
mod revoke;
mod spend;
mod update;

pub(crate) use command::{Arguments, run};

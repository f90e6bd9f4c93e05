//! `mainstay vaults`: the key that encrypts secrets.
//!
//! Invariant: works on the data folder itself, while no server runs on it.

mod command;
mod rekey;

pub(crate) use command::{Arguments, run};

//! `cargo xtask image`: the image folder that machines are made from: kernel, root, agent.
//!
//! Invariant: a part is built in a folder beside, and put into place whole; what is named by the
//! manifests is always complete. Deliberately absent: images of the user's own, which the binary makes.

mod agent;
mod cloud;
mod command;
mod cpio;
mod folder;
mod kernel;
mod manifest;
mod reproducible;
mod root;
mod steps;

pub(crate) use command::{Arguments, ensure, run};

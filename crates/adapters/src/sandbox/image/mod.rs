//! The image folder: what machines are made from.
//!
//! Invariant: an image that has a name is whole; its root is put into place before its manifest. What
//! is imported is hostile until it is unpacked: nothing of it is written outside of its tree, and no
//! owner, device or raised privilege survives. Deliberately absent: building the kernel, the agent and
//! the default root, which `cargo xtask image` does.

mod archive;
mod error;
mod folder;
mod layer;
mod limits;
mod make;
mod manifest;
mod tree;

pub use error::ImageError;
pub use folder::{DEFAULT_IMAGE, ImageFolder, ImageInfo, KernelInfo};
pub use make::Made;

//! The adapters against the outside world: real folders, servers and programs.

mod model;
#[cfg(target_os = "linux")]
mod sandbox;
mod tool;

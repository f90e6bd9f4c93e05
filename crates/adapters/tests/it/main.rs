//! The adapters against the outside world: real folders, servers and programs.

mod model;
mod sandbox;
mod tool;

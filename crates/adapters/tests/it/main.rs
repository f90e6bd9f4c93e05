//! The adapters against the outside world: real folders, servers and programs.

mod egress;
mod model;
mod sandbox;
mod tool;

//! The host's side of the connection to one machine's agent.
//!
//! Invariant: the guest is hostile. Whatever comes from it is checked and bounded; nonsense ends the
//! connection with what was wrong with it; a guest that never answers costs a time-out, and no memory
//! beyond a window for each channel. Deliberately absent: how the machine is run, and what is asked of it
//! when.

mod code;
mod connect;
mod connection;
mod exec;
mod failure;
mod files;
mod gate;
mod lane;
mod request;
mod scan;
mod tasks;
mod terminal;
mod warm;

pub use connect::{Hello, Machine};
pub use gate::Gate;
pub use scan::{Generation, Scan, ScanEntry};
pub use terminal::Terminal;

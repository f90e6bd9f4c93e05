//! The machines of all sessions: found, made, parked, ended.
//!
//! Invariant: a session has at most one machine, in a folder named after it. What is known of a machine is
//! in its folder, so that after a crash at any point it is found and used, or ended. Deliberately absent:
//! how a machine is kept apart (drivers), what is said to its agent and how its files are kept (`guest`).

mod bring;
mod calls;
mod drivers;
mod fork;
mod guest;
mod images;
mod inner;
mod link;
mod logs;
mod memory;
mod pool;
mod record;
mod room;
mod sandboxes;
mod saved;
mod settings;
mod setup;
mod slot;
mod tend;
mod terminal;
#[cfg(test)]
mod tests;
mod tree;
mod way_out;

pub use drivers::DriverState;
pub use guest::{Connector, Guest, Images, Introduction};
pub use link::{AgentConnector, LinkParts};
pub use sandboxes::{Hub, HubParts};
pub use settings::{HubSettings, MIN_DISK_MIB, MIN_MEMORY_MIB, MIN_PROCESSES, host_memory_mib};

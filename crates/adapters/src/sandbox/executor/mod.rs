//! Machines of the client's own: an executor (`codex exec-server`) dials in, and is told over JSON-RPC
//! what to run and which files to read and write. `docs/spec/executor.md` is the protocol.
//!
//! Invariant: a command's process id is its effect's id, and that it is about to start is on disk before
//! the executor is told. An executor refuses to start the same process twice, keeps its processes for a
//! while when its connection breaks, and is asked for the same session again: so a command runs once, and
//! what became of it is either read from the executor or said to be unknown. Nothing here isolates
//! anything: that is the business of whoever runs the executor.

mod commands;
mod connection;
mod executors;
mod fate;
mod files;
mod link;
mod output;
mod paths;
mod place;
mod port;
mod record;
mod rpc;
mod terminal;

pub use executors::ExecutorSandboxes;

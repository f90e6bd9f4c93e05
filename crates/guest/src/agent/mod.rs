//! The agent: one process, threads, blocking reads and writes.
//!
//! Invariant: a host that vanishes ends nothing; a host that comes finds what the one before left.

mod arguments;
mod channel;
mod children;
mod clock;
mod confine;
mod conversation;
mod egress;
mod exec;
mod files;
mod health;
mod init;
mod interpreter;
mod ledger;
mod link;
mod machine;
mod outgoing;
mod pool;
mod presence;
mod scan;
mod service;
mod settings;
mod start;
mod terminal;

pub(crate) use start::run;

//! The pure centre of Mainstay: what a session is, what may happen to it, and what follows.
//!
//! Invariant: no clock, no randomness, no IO, no tasks, no environment. Time, ids and randomness
//! are arguments; effects are data; `decide` and `apply` are not async.

pub mod agent;
pub mod chat;
pub mod effect;
pub mod fact;
pub mod item;
pub mod policy;
pub mod port;
pub mod question;
pub mod resource;
pub mod retry;
pub mod sandbox;
pub mod session;
pub mod spend;
pub mod subagent;
pub mod tool;

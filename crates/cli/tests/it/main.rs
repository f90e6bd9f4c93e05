//! The binary as its users run it: what it prints, where, and with which exit code.
//!
//! Invariant: a test has a folder and an environment of its own. Pages of `docs/` that repeat what
//! the binary says are compared with it.

mod chat;
mod completions;
mod config;
mod failures;
mod journal;
mod keys;
mod lists;
mod output;
mod reference;
mod serve;
mod support;

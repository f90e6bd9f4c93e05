//! The rules of sessions, tested from outside: scripts with their whole story as snapshots,
//! properties of random histories, frozen formats, and the cost of a step.

mod lab;

mod approval;
mod budget;
mod calls;
mod cancel;
mod chat;
mod checkpoint;
mod client;
mod compaction;
mod cost;
mod ending;
mod frozen;
mod late;
mod limits;
mod model;
mod operate;
mod properties;
mod question;
mod recovery;
mod saved;
mod sources;
mod subagents;
mod turn;
mod unknown;
mod update;

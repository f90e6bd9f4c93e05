//! The server's routes, from requests to answers.

mod agents;
mod approvals;
mod artifacts;
mod auth;
mod bad_input;
mod chat;
mod chat_input;
mod credentials;
mod environments;
mod idempotency;
mod imports;
mod items;
mod journal;
mod keys;
mod limits;
mod models;
mod retries;
mod sessions;
mod socket;
mod stream;
mod subagents;
mod support;
mod tools;
mod traces;
mod turns;
mod vaults;

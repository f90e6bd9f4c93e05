//! The server's routes, from requests to answers.

mod agents;
mod approvals;
mod auth;
mod automations;
mod bad_input;
mod chat;
mod chat_input;
mod credentials;
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
mod support;
mod tools;
mod turns;
mod vaults;
mod webhooks;

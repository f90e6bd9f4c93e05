//! `POST /v1/chat/completions`: the stateless door.
//!
//! Invariant: one request, one answer of a model, and nothing kept: no session, no journal. What can
//! be told afterwards is a line of the log and the counters. Deliberately absent: agents, tools that
//! run here, and everything that needs a memory; `/v1/responses` has them.

mod answer;
mod call;
mod chunks;
mod create;
mod record;
mod request;

pub(crate) use call::Call;
pub(crate) use create::{CREATE, create};
pub(crate) use record::ChatMeters;

//! `POST /v1/chat/completions`: the stateless door.
//!
//! Invariant: one request, one answer of a model, and nothing kept of what was said: no session. What can
//! be told afterwards is two entries of the day's journal, a line of the log and the counters. Deliberately absent: agents, tools that
//! run here, and everything that needs a memory; `/v1/responses` has them.

mod answer;
mod call;
mod chunks;
mod create;
mod record;
mod request;
mod whole;

pub(crate) use create::{CREATE, create};
pub(crate) use record::{ChatMeters, Question};
pub(crate) use whole::whole;

//! `/v1/webhook_endpoints/{webhook_endpoint}/deliveries`: extension; what was sent, and again.

mod get;
mod list;
mod object;
mod replay;

pub(crate) use get::{GET, get};
pub(crate) use list::{LIST, list};
pub(crate) use replay::{REPLAY, replay};

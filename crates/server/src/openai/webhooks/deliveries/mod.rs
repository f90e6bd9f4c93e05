//! `/v1/webhook_endpoints/{webhook_endpoint}/deliveries`: extension; what was sent, and again.

mod get;
mod list;
mod object;
mod replay;

pub(crate) use get::get;
pub(crate) use list::list;
pub(crate) use replay::replay;

//! `/v1/agents/sessions/{session}/turns`.

mod get;
mod items;
mod list;

pub(crate) use get::get;
pub(crate) use items::items;
pub(crate) use list::list;

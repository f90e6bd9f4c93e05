//! `/v1/agents/sessions/{session}/turns`.

mod get;
mod items;
mod list;

pub(crate) use get::{GET, get, shown};
pub(crate) use items::{ITEMS, items};
pub(crate) use list::{LIST, list, page_of_turns};

//! `/v1/agents/sessions/{session}/items`.

mod list;

pub(crate) use list::{LIST, list, page_of_items};

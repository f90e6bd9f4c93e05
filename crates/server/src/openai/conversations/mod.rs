//! `/v1/conversations`: sessions, as the Conversations API sees them.
//!
//! Invariant: a conversation is a session under the session's id; there is no other state.

mod create;
mod delete;
mod get;
mod items;
mod show;
mod update;

pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use get::get;
pub(crate) use items::{
    create as create_items, delete as delete_item, get as get_item, list as list_items,
};
pub(crate) use update::update;

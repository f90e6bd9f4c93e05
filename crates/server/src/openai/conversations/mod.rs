//! `/v1/conversations`: sessions, as the Conversations API sees them.
//!
//! Invariant: a conversation is a session under the session's id; there is no other state.

mod create;
mod delete;
mod get;
mod items;
mod show;
mod update;

pub(crate) use create::{CREATE, create};
pub(crate) use delete::{DELETE, delete};
pub(crate) use get::{GET, get};
pub(crate) use items::{
    CREATE_ITEMS, DELETE_ITEM, GET_ITEM, LIST_ITEMS, create as create_items, delete as delete_item,
    get as get_item, list as list_items,
};
pub(crate) use update::{UPDATE, update};

//! `/v1/responses`: requests of sessions, as the Responses API makes them.
//!
//! Invariant: a response is a stretch of a session's journal; there is no other state.

mod agent;
mod cancel;
mod compact;
mod context;
mod count;
mod create;
mod delete;
mod echo;
mod forget;
mod get;
mod input;
mod input_items;
mod opaque;
mod options;
mod params;
mod project;
mod query;
mod rows;
mod shapes;
mod socket;
mod stream;
mod tools;

pub(crate) use cancel::{CANCEL, cancel};
pub(crate) use compact::{COMPACT, compact};
pub(crate) use count::{COUNT, count};
pub(crate) use create::{CREATE, create};
pub(crate) use delete::{DELETE, delete};
pub(crate) use echo::Echo;
pub(crate) use get::{GET, get};
pub(crate) use input::{Brought, CompactedText, read_items};
pub(crate) use input_items::{LIST as LIST_INPUT_ITEMS, list as list_input_items};
pub(crate) use project::show_item;
pub(crate) use query::{ItemsQuery, ListEnd, list_of};
pub(crate) use shapes::{InputItem, ResponseItem, ResponseItemList};
pub(crate) use socket::{CONNECT, connect};

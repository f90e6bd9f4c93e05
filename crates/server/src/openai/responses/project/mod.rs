//! Responses as this API shows them, from a session's entries.
//!
//! Invariant: pure. Deliberately absent: the store, and streams as bytes.

mod call;
mod fold;
mod head;
mod item;
mod listed;
mod live;
mod out;
mod place;
mod text;

pub(crate) use fold::ResponseFold;
pub(crate) use head::{Head, usage};
pub(crate) use item::show as show_item;
pub(crate) use place::Place;

//! HTTP requests that a model writes itself, to the hosts that its agent lists.
//!
//! Invariant: reading and changing are two tools, since each tool has one safety.
//! Deliberately absent: cookies, and any memory of earlier requests.

mod call;
mod request;
mod specs;

pub(crate) use call::{call, settle};
pub(crate) use request::{parse_headers, render};
pub(crate) use specs::{check, http_specs};

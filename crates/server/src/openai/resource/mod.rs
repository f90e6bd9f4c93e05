//! What the endpoints of all control-plane resources share: how a request is read, how a resource is
//! found and listed, and how one is brought in under an id that it had elsewhere.
//!
//! Invariant: another tenant's resource does not exist.

mod address;
mod asked;
mod import;
mod kept;

pub(crate) use address::server_url;
pub(crate) use asked::{Asked, Nothing};
pub(crate) use import::{Import, import_answer};
pub(crate) use kept::{body_of, find, find_in, list_of, rfc3339, seconds, to_body};

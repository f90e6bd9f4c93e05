//! Starts, kills and restarts the real binary, and talks to it over HTTP.
//!
//! Invariant: whatever waits has a bound, and whatever is not there (a binary, an answer) is an error
//! that says so. It is light, because measurements use it too. Deliberately absent: the crate
//! `mainstay-client`, so that what is tested is the wire and not two sides that agree.

mod agent;
mod binary;
mod feed;
mod http;
mod server;
mod session;

pub use agent::{Agent, Tool};
pub use binary::mainstay_binary;
pub use feed::{Feed, Frame};
pub use http::{Answer, Connection, Target};
pub use server::{Server, Setup};
pub use session::{
    Turn, begin_session, cancel_event, create_session, message_event, post_events, post_message,
};

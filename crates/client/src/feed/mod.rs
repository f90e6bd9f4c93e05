//! A session's events: read, parsed, and followed over lost connections.

mod event;
mod follow;
mod sse;

pub use event::{Event, EventBody, ItemEvent, SessionEvent, TurnEvent};
pub use follow::Follower;
pub(crate) use sse::Parser;

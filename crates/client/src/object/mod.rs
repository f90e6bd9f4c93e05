//! The API's objects, as far as this client looks into them.
//!
//! Invariant: an unknown member, status or type is never an error.

mod agent;
mod error;
mod item;
mod page;
mod said;
mod session;
mod turn;

pub use agent::Agent;
pub use error::ErrorBody;
pub use item::{CallItem, CommandItem, Item, MessageItem, MessagePart};
pub use page::Page;
pub use said::Said;
pub use session::{ActionRequest, AgentSummary, RequiredAction, Session};
pub use turn::{Turn, Usage};

//! A client of Mainstay's HTTP API, for the command line and for tests.
//!
//! Invariant: what the server adds to its objects later is ignored, never an error; a followed feed
//! has no gap and no duplicate over any number of lost connections. Deliberately absent: a model of
//! everything the API can say; requests are JSON that the caller writes, and objects keep the JSON that
//! they came as.

mod agents;
mod bundle;
mod error;
mod feed;
mod http;
mod journal;
mod keys;
mod models;
mod object;
mod sandboxes;
mod sessions;
mod terminal;

pub use error::ClientError;
pub use feed::{Event, EventBody, Follower, ItemEvent, SessionEvent, TurnEvent};
pub use http::{Client, Timeouts};
pub use journal::ChatJournal;
pub use keys::{Key, NewKey, NewSpendLimit, SpendLimit};
pub use models::Model;
pub use object::{
    ActionRequest, Agent, AgentSummary, CallItem, CommandItem, ErrorBody, Item, MessageItem,
    MessagePart, Page, RequiredAction, Said, Session, Turn, Usage,
};
pub use sandboxes::{
    Checkpoint, ExecDone, ExecError, ExecEvent, ListSandboxes, NewExec, RunningExec, Sandbox,
    SandboxLog, SavedWorkspace,
};
pub use sessions::{ListSessions, message_input};
pub use terminal::{NewTerminal, Terminal, TerminalShown};

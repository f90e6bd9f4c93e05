//! A session: its state, the commands it takes, and the two functions that rule it.
//!
//! Invariant: `decide` turns state and commands into facts and effects; `apply` folds facts into
//! state; the state that `decide` returns is the fold of its facts.

mod apply;
mod command;
mod config;
mod context;
mod decide;
mod open_effect;
mod projection;
mod removed_rows;
pub mod snapshot;
mod state;
mod transcript;
mod turn_rows;
mod workspace;

pub use apply::{apply, fold};
pub use command::{
    After, ApprovalAnswer, Collect, Command, CreateSession, Facts, InputMode, NewAgent, Rejected,
    Respond, Rules,
};
pub use config::{Offer, SessionConfig};
pub use context::{
    CONTEXT_BYTES_PER_TOKEN, DEFAULT_INSTRUCTIONS, MAX_TOOL_OUTPUT_BYTES, clip, summary_request,
};
pub use decide::{
    Decision, MAX_GIVEN_ITEMS, MAX_INPUT_MESSAGES, MAX_PARALLEL_CALLS, MAX_QUEUED_TURNS, decide,
};
pub use open_effect::{EffectPhase, OpenCall, OpenEffect, OpenQuestions};
pub use projection::{
    ConfigRow, RESPONSES, ROW_SPECS, ResponseRow, SESSION_CONFIGS, SESSIONS, SessionRow, TURNS,
    TurnRow, millis_column, projected,
};
pub use removed_rows::{REMOVED_ITEMS, removed_item_key};
pub use state::{LastResponse, QueuedTurn, SessionState, SessionStatus, Turn, TurnStatus};
pub use transcript::{Transcript, item_bytes};
pub use workspace::{MachineState, WorkspaceState};

//! Subagents: sessions that an agent makes, gives tasks and waits for, by tools of the runtime's own.
//!
//! Invariant: a subagent is a session like any other, whose first entry names the session and the
//! effect that made it; its id follows from that effect, so that making it twice makes it once. It gets
//! no more than its parent has. Deliberately absent: doing it, which is the runtime's.

mod arguments;
mod child;
mod parent;
mod row;
mod specs;
mod work;

pub use arguments::{SubagentCall, WaitFor, awaits};
pub use child::{NewSubagent, definition, subagent_session};
pub use parent::{MAX_TASK_PREVIEW_BYTES, Parent, SubagentChange, SubagentEvent};
pub use row::{
    MAX_RESULT_BYTES, SUBAGENTS, SubagentEnd, SubagentRow, SubagentWorkState, subagent_row,
};
pub use specs::{
    CLOSE_SUBAGENT, CREATE_SUBAGENT, INTERRUPT_SUBAGENT, MAX_AWAITED_SUBAGENTS, MAX_WAIT_SECONDS,
    RESUME_SUBAGENT, SEND_SUBAGENT_INPUT, SUBAGENTS_LABEL, WAIT_FOR_SUBAGENTS, subagent_specs,
};
pub use work::SubagentWork;

//! The kinds of entries of a session's journal.
//!
//! Invariant: a kind's name and the shape of a version never change once published: a new shape is
//! a new version, and a frozen fixture under `testdata/entries/`.

mod effect;
mod kind;
mod response;
mod sandbox;
mod session;
mod subagent;
mod turn;

pub use effect::{
    Answer, ApprovalResolved, CallRefused, EffectAttempted, EffectCompleted, EffectFailed,
    EffectParked, EffectRequested, EffectUnknown, NextQuestion, QuestionAsked, RefusalReason,
};
pub use kind::{Fact, UnknownFact};
pub use response::{ItemRemoved, ItemsAdded, ResponseRemoved, ResponseRequested};
pub use sandbox::{SandboxOperated, SandboxOperation};
pub use session::{
    SessionCopied, SessionCreated, SessionDeleted, SessionFailed, SessionForked, SessionImported,
    SessionUpdated, SpendLimit,
};
pub use subagent::{SessionClosed, SessionReopened, SubagentReported};
pub use turn::{
    Disposition, InputReceived, RequiredAction, TurnEnd, TurnEnded, TurnResumed, TurnStarted,
    TurnWaiting,
};

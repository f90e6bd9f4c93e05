//! The kinds of entries of a session's journal.
//!
//! Invariant: a kind's name and the shape of a version never change once published: a new shape is
//! a new version with an upcast in `kind`, and a frozen fixture under `testdata/entries/`.

mod effect;
mod kind;
mod session;
mod turn;

pub use effect::{
    Answer, ApprovalResolved, CallRefused, EffectAttempted, EffectCompleted, EffectFailed,
    EffectRequested, EffectUnknown, RefusalReason,
};
pub use kind::{Fact, UnknownFact};
pub use session::{SessionCreated, SessionDeleted, SessionFailed, SessionUpdated, SpendLimit};
pub use turn::{
    Disposition, InputReceived, RequiredAction, TurnEnd, TurnEnded, TurnResumed, TurnStarted,
    TurnWaiting,
};

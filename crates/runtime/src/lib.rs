//! The runtime: one task per active session, effects dispatched after their commit, recovery at
//! start, and a feed without gaps.
//!
//! Invariant: nothing is acknowledged, shown or executed before it is committed.

mod answers;
mod automations;
pub mod bundle;
mod chat;
mod clock;
mod control;
mod copy;
mod create;
mod dispatch;
mod due;
mod engine;
mod feed;
mod forgetting;
mod parking;
mod recovery;
mod registry;
mod retention;
mod rules;
mod sandbox;
mod saving;
mod session_task;
mod spawn;
mod stats;
mod subagents;
mod submit;
mod surge;
mod vault;
mod webhooks;

pub use answers::KeptAnswer;
pub use automations::{
    Environments, InvalidSchedule, NoEnvironments, SessionDraft, next_run_at_ms,
};
pub use chat::{ChatCall, ChatDayPage, NewChat};
pub use clock::{OsEntropy, SystemClock};
pub use control::{
    Control, Found, IsSame, NewResource, RequestKey, Resealed, ResourceChange, ResourceWrite,
};
pub use engine::{Engine, EngineParts, EngineSettings};
pub use feed::{Delta, Feed, FeedItem, FollowFrom, OutputDelta, Told};
pub use sandbox::{
    ARTIFACTS_FOLDER, CheckpointPage, CheckpointSeen, ExecPiece, NewSandbox, OperatorCommand,
    OperatorTerminal, RunningExec, StoreBlobs,
};
pub use stats::EngineStats;
pub use submit::{Accepted, Idempotency, NewSession, NewSessionId, Submission};
pub use vault::CameBack;
pub use webhooks::{
    MAX_ENDPOINTS_COUNT, WEBHOOK_SECRET_BYTES, WEBHOOK_SECRET_PREFIX, WebhookSecret,
};

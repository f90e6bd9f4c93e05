//! What the runtime does for machines: opens what is sealed for them, keeps their blobs, saves them,
//! ends those that nobody needs, and lets go of what only old checkpoints had.
//!
//! Invariant: a machine outlives neither its session nor this installation's knowledge of it. Secrets
//! leave this module in a [`mainstay_core::port::SandboxRequest`] only. Deliberately absent: when a
//! machine is made or parked, which is the port's business.

mod blobs;
mod carried;
mod checkpoints;
mod collect;
mod destroy;
mod error;
mod files;
mod fork;
mod open;
mod operate;
mod restore;
mod terminal;
mod unended;
mod walk;

pub use self::blobs::StoreBlobs;
pub(crate) use self::carried::kept_no_longer;
pub use self::checkpoints::{CheckpointPage, CheckpointSeen};
pub use self::collect::ARTIFACTS_FOLDER;
pub(crate) use self::collect::{Collecting, collect_task, is_collect_task};
pub(crate) use self::destroy::{Destroying, destroy_task, start};
pub(crate) use self::error::sandbox_error;
pub use self::open::NewSandbox;
pub(crate) use self::open::{bare_request, opened, resealed, sealed};
pub use self::operate::{ExecPiece, OperatorCommand, RunningExec};
pub use self::terminal::OperatorTerminal;
pub(crate) use self::unended::{Operating, operated_task};

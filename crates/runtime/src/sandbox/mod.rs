//! What the runtime does for machines: opens what is sealed for them, keeps their blobs, saves them,
//! ends those that nobody needs.
//!
//! Invariant: a machine outlives neither its session nor this installation's knowledge of it. Secrets
//! leave this module in a [`mainstay_core::port::SandboxRequest`] only. Deliberately absent: when a
//! machine is made or parked, which is the port's business.

mod blobs;
mod checkpoints;
mod destroy;
mod files;
mod open;
mod walk;

pub use self::blobs::StoreBlobs;
pub use self::checkpoints::{CheckpointPage, CheckpointSeen};
pub(crate) use self::destroy::{Destroying, destroy_task, start};
pub use self::open::NewSandbox;
pub(crate) use self::open::{opened, resealed, sealed};
pub(crate) use self::walk::{checkpoints_in, walk};

use mainstay_core::port::SandboxError;
use mainstay_protocol::{ApiError, ErrorCode};

/// A machine's failure as clients see it.
pub(crate) fn sandbox_error(error: &SandboxError) -> ApiError {
    let code = match error {
        SandboxError::Unavailable(_) => ErrorCode::Unsupported,
        SandboxError::Invalid(_) => ErrorCode::InvalidParameter,
        SandboxError::LimitReached(_) => ErrorCode::LimitReached,
        SandboxError::Broken(_) => ErrorCode::ToolUnavailable,
    };
    ApiError::new(code, error.to_string())
}

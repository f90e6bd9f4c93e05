//! What the guest said, or did wrong, as the errors of the port.

use mainstay_core::port::SandboxError;
use mainstay_guest::Problem;

/// The guest answered that it did not do it.
pub(super) fn told(problem: Problem) -> SandboxError {
    match problem {
        Problem::Invalid(text) => SandboxError::Invalid(text),
        Problem::Limit(text) => SandboxError::LimitReached(text),
        Problem::Broken(text) => SandboxError::Broken(text),
    }
}

/// The guest did not keep to the protocol.
pub(super) fn nonsense(what: impl std::fmt::Display) -> SandboxError {
    SandboxError::Broken(format!("its agent broke the protocol: {what}"))
}

/// The guest did not answer.
pub(super) fn silent(attempted: &str) -> SandboxError {
    SandboxError::Broken(format!("{attempted}: its agent did not answer in time"))
}

/// It ran under this id, and nobody knows how it ended.
pub(super) fn forgotten() -> SandboxError {
    SandboxError::Broken("it ran so long ago that its outcome is not kept any more".to_owned())
}

//! How a command fails: an exit code, a line, and where there is one a hint.
//!
//! Invariant: exit codes are a contract with scripts: 0 it worked, 1 it did not, 2 it was asked
//! wrongly, 3 the server cannot be reached. A command that ran another one ends as that did.

use std::fmt::Write;
use std::process::ExitCode;

use crate::screen;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    hint: Option<String>,
}

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Whoever read our output has left: nothing to say.
    Quiet,
    /// Another command ran, and ended like this: it has said all.
    Of(u8),
    /// It did not work.
    Failed,
    /// It was asked wrongly.
    Usage,
    /// The server cannot be reached.
    Unreachable,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into(), hint: None }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into(), hint: None }
    }

    /// A setting that cannot be used.
    pub(crate) fn configuration(error: &anyhow::Error) -> Self {
        Self::usage(format!("{error:#}"))
    }

    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self { exit: Exit::Unreachable, message: message.into(), hint: None }
    }

    /// Ends as a command did that ran elsewhere: with its exit code, or 128 more than the signal that
    /// ended it.
    pub(crate) fn of_command(exit_code: Option<i32>, signal: Option<i32>) -> Result<(), Self> {
        let code = exit_code.or(signal.map(|signal| 128 + signal)).unwrap_or(1);
        if code == 0 {
            return Ok(());
        }
        let code = u8::try_from(code & 0xff).unwrap_or(1).max(1);
        Err(Self { exit: Exit::Of(code), message: String::new(), hint: None })
    }

    /// Says what to do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The lines for stderr; empty when there is nobody to tell.
    pub(crate) fn lines(&self) -> String {
        if matches!(self.exit, Exit::Quiet | Exit::Of(_)) {
            return String::new();
        }
        let mut lines = format!("error: {}\n", screen::harmless(&self.message));
        if let Some(hint) = &self.hint {
            let _ = writeln!(lines, "hint: {hint}");
        }
        lines
    }

    /// The process's exit code.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.exit {
            Exit::Quiet => ExitCode::SUCCESS,
            Exit::Of(code) => ExitCode::from(code),
            Exit::Failed => ExitCode::from(1),
            Exit::Usage => ExitCode::from(2),
            Exit::Unreachable => ExitCode::from(3),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(format!("{error:#}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self { exit: Exit::Quiet, message: String::new(), hint: None };
        }
        Self::new(error.to_string())
    }
}

impl From<mainstay_protocol::ApiError> for Failure {
    fn from(error: mainstay_protocol::ApiError) -> Self {
        Self::new(error.to_string())
    }
}

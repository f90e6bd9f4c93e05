//! The one place that prints.
//!
//! Invariant: results go to stdout, everything else to stderr, so that a command can stand in a pipe.

use std::io::{self, IsTerminal, Write};

/// A line of the command's result.
pub(crate) fn line(text: impl AsRef<str>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_ref().as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Text of the command's result, as it is.
pub(crate) fn text(text: impl AsRef<str>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_ref().as_bytes())?;
    out.flush()
}

/// Bytes of the command's result, as they are.
pub(crate) fn bytes(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// A value of the command's result a line, as JSON.
pub(crate) fn json_lines<T: serde::Serialize>(values: &[T]) -> io::Result<()> {
    values.iter().try_for_each(|value| line(serde_json::to_string(value)?))
}

/// A line for the person in front of the screen.
pub(crate) fn note(text: impl AsRef<str>) {
    error(&format!("{}\n", text.as_ref()));
}

/// Lines about a failure.
pub(crate) fn error(lines: &str) {
    // Nobody is left to tell when stderr is closed.
    let _ = io::stderr().lock().write_all(lines.as_bytes());
}

/// Whether a person looks at what goes to stderr.
pub(crate) fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

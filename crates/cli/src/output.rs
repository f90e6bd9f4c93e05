//! The one place that prints.
//!
//! Invariant: results go to stdout, everything else to stderr, so that a command can stand in a pipe.
//! What models, tools and servers wrote is made harmless before it is shown to a person; JSON escapes it
//! by itself.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

/// A text that others wrote, for a screen: what would steer a terminal is shown as a mark.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if text.contains(is_harmful) {
        // Others' ends of lines are no attack.
        Cow::Owned(text.replace("\r\n", "\n").replace(is_harmful, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

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

/// A value of the command's result a line, as JSON.
pub(crate) fn json_lines<T: Serialize>(values: &[T]) -> io::Result<()> {
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

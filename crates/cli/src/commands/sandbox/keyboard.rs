//! The keyboard and the screen of this terminal, handed over to another.
//!
//! Invariant: the terminal is as it was when this is dropped, however that happens but by SIGKILL.

use std::io::{self, IsTerminal};

use rustix::stdio::stdin;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use crate::failure::Failure;

/// A terminal whose keys go through as they are.
pub(super) struct Keyboard {
    before: Termios,
}

impl Keyboard {
    /// Takes the keyboard over.
    pub(super) fn take() -> Result<Self, Failure> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(Failure::usage("a shell needs a terminal")
                .hint("in a script, `mainstay sandbox exec SESSION -- COMMAND` runs one command"));
        }
        let before = tcgetattr(stdin()).map_err(io::Error::from)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Now, &raw).map_err(io::Error::from)?;
        Ok(Self { before })
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        // A terminal that is gone needs no settings.
        let _ = tcsetattr(stdin(), OptionalActions::Flush, &self.before);
    }
}

/// The size of the screen: columns and rows.
pub(super) fn size() -> (u16, u16) {
    match tcgetwinsize(rustix::stdio::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        Ok(_) | Err(_) => (80, 24),
    }
}

/// Finds `~.` at the beginning of a line, by which a person leaves.
#[derive(Debug)]
pub(super) struct Farewell {
    at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    LineStart,
    Tilde,
    Elsewhere,
}

/// What to do with keys.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Keys {
    /// Hand them on.
    Typed(Vec<u8>),
    /// The person leaves.
    Leave,
}

impl Farewell {
    pub(super) fn new() -> Self {
        Self { at: At::LineStart }
    }

    /// Looks at keys before they are handed on. A tilde waits for what follows it.
    pub(super) fn take(&mut self, keys: &[u8]) -> Keys {
        let mut typed = Vec::with_capacity(keys.len());
        for key in keys {
            self.at = match (self.at, key) {
                (At::Tilde, b'.') => return Keys::Leave,
                (At::LineStart, b'~') => At::Tilde,
                (At::Tilde, b'~') => {
                    typed.push(b'~');
                    At::Elsewhere
                }
                (before, key) => {
                    if before == At::Tilde {
                        typed.push(b'~');
                    }
                    typed.push(*key);
                    if matches!(key, b'\r' | b'\n') { At::LineStart } else { At::Elsewhere }
                }
            };
        }
        Keys::Typed(typed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pieces: &[&str], expected: &[&str]) {
        let mut farewell = Farewell::new();
        let found: Vec<String> = pieces
            .iter()
            .map(|piece| match farewell.take(piece.as_bytes()) {
                Keys::Typed(typed) => String::from_utf8(typed).expect("text"),
                Keys::Leave => "(leaves)".to_owned(),
            })
            .collect();
        assert_eq!(found, expected, "{pieces:?}");
    }

    #[test]
    fn a_person_leaves_with_tilde_and_dot_on_a_new_line() {
        check(&["~."], &["(leaves)"]);
        check(&["ls\r", "~", "."], &["ls\r", "", "(leaves)"]);
        check(&["cd ~.\r"], &["cd ~.\r"]);
        check(&["~", "/bin\r"], &["", "~/bin\r"]);
        check(&["~~."], &["~."]);
    }
}

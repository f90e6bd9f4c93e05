//! What the person in front of the screen sees.
//!
//! Invariant: every line carries the mark of a replay when it is one; without a terminal there are no
//! colours and nothing moves.

use std::io::IsTerminal;

use mainstay_core::port::Clock;
use mainstay_runtime::SystemClock;

use crate::config::Environment;
use crate::output;
use crate::table;

/// How wide a line may be.
const LINE_CHARS: usize = 100;
/// How often what moves is drawn again.
pub(super) const TICK_MS: u64 = 100;
const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/// The screen.
pub(super) struct Display {
    mark: &'static str,
    is_live: bool,
    status: Option<Status>,
    ticks: usize,
}

struct Status {
    text: String,
    since_ms: u64,
}

/// How a line looks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tone {
    Plain,
    Heading,
    Quiet,
    Good,
    Bad,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Heading => "\x1b[1m",
            Self::Quiet => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Bad => "\x1b[1;31m",
        }
    }
}

impl Display {
    pub(super) fn new(environment: &Environment) -> Self {
        let is_live = std::io::stdout().is_terminal() && !environment.is_plain();
        Self { mark: "", is_live, status: None, ticks: 0 }
    }

    /// From now on every line says that this is a replay.
    pub(super) fn mark_replay(&mut self) {
        self.mark = "[replay] ";
    }

    /// Whether there is a person to look at it.
    pub(super) fn is_live(&self) -> bool {
        self.is_live
    }

    /// A heading.
    pub(super) fn heading(&mut self, text: &str) -> std::io::Result<()> {
        self.line(Tone::Plain, "")?;
        self.line(Tone::Heading, text)
    }

    /// A line; a text of several lines is several.
    pub(super) fn line(&mut self, tone: Tone, text: &str) -> std::io::Result<()> {
        self.clear()?;
        for line in text.split('\n') {
            let (start, end) = if self.is_live && !tone.code().is_empty() {
                (tone.code(), "\x1b[0m")
            } else {
                ("", "")
            };
            let line = format!("{}{start}{line}{end}", self.mark);
            output::line(line.trim_end())?;
        }
        self.draw()
    }

    /// A command to copy. The mark of a replay stands behind it, as a comment of the shell.
    pub(super) fn command(&mut self, command: &str) -> std::io::Result<()> {
        self.clear()?;
        match self.mark {
            "" => output::line(command)?,
            mark => output::line(format!("{command}  # {}", mark.trim_end()))?,
        }
        self.draw()
    }

    /// A line cut to one screen line.
    pub(super) fn short(&mut self, tone: Tone, indent: &str, text: &str) -> std::io::Result<()> {
        let text = table::cut(text, LINE_CHARS - indent.chars().count());
        self.line(tone, &format!("{indent}{text}"))
    }

    /// What goes on at the moment; the clock beside it begins anew when it is something else.
    pub(super) fn status(&mut self, text: &str) -> std::io::Result<()> {
        match &mut self.status {
            Some(status) if status.text == text => {}
            Some(_) | None => {
                self.status =
                    Some(Status { text: text.to_owned(), since_ms: SystemClock.now_ms() });
            }
        }
        self.draw()
    }

    /// The same goes on, and there is more to say of it.
    pub(super) fn more(&mut self, text: &str) -> std::io::Result<()> {
        if let Some(status) = &mut self.status {
            text.clone_into(&mut status.text);
        }
        self.draw()
    }

    /// Nothing goes on.
    pub(super) fn rest(&mut self) -> std::io::Result<()> {
        self.clear()?;
        self.status = None;
        Ok(())
    }

    /// Moves what moves.
    pub(super) fn tick(&mut self) -> std::io::Result<()> {
        self.ticks += 1;
        self.draw()
    }

    fn draw(&self) -> std::io::Result<()> {
        let Some(status) = self.status.as_ref().filter(|_| self.is_live) else { return Ok(()) };
        let spinner = SPINNER[self.ticks % SPINNER.len()];
        let seconds = SystemClock.now_ms().saturating_sub(status.since_ms) / 100;
        let text = table::cut(&status.text, LINE_CHARS - 20);
        output::text(format!(
            "\r\x1b[K{}  {spinner} {text} \x1b[2m{}.{} s\x1b[0m",
            self.mark,
            seconds / 10,
            seconds % 10
        ))
    }

    fn clear(&self) -> std::io::Result<()> {
        if self.is_live && self.status.is_some() { output::text("\r\x1b[K") } else { Ok(()) }
    }
}

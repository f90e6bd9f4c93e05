//! How many tests passed and failed, read off what test runners print.
//!
//! Deliberately absent: details of failures; the runner has shown them already.

use std::fmt;
use std::ops::Add;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
}

/// Which lines of a program's output are its summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Summary {
    /// It prints none: the program as a whole is one check.
    None,
    /// `Summary [ 0.1s] 3 tests run: 2 passed, 1 failed, 0 skipped`
    Nextest,
    /// `test result: ok. 3 passed; 0 failed; 0 ignored`
    Libtest,
    /// `=== 2 passed, 1 failed in 0.12s ===`
    Pytest,
    /// `ℹ pass 3`, `ℹ fail 0`, each on a line of its own
    Node,
    /// `3 passed, 0 failed`
    Plain,
}

impl Tally {
    pub(super) fn success() -> Self {
        Self { passed: 1, ..Self::default() }
    }

    pub(super) fn failure() -> Self {
        Self { failed: 1, ..Self::default() }
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

impl Summary {
    /// The counts of a line, if it is a summary.
    pub(super) fn read(self, line: &str) -> Option<Tally> {
        let line = without_colour(line);
        let line = line.trim();
        let counts = match self {
            Self::None => None,
            Self::Nextest => {
                line.strip_prefix("Summary [").and_then(|rest| rest.split_once("run:"))
            }
            Self::Libtest => {
                line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
            }
            Self::Pytest => return pytest(line.trim_matches(['=', ' '])),
            Self::Node => return node(line),
            Self::Plain => return plain(line),
        }?;
        Some(read_counts(counts.1))
    }
}

fn pytest(line: &str) -> Option<Tally> {
    let (counts, duration) = line.rsplit_once(" in ")?;
    let is_duration = duration.starts_with(|c: char| c.is_ascii_digit()) && duration.contains('s');
    let is_summary = is_duration && counts.starts_with(|c: char| c.is_ascii_digit());
    is_summary.then(|| read_counts(counts))
}

fn node(line: &str) -> Option<Tally> {
    let (what, count) = line.strip_prefix("ℹ ")?.split_once(' ')?;
    let count = count.parse().ok()?;
    match what {
        "pass" => Some(Tally { passed: count, ..Tally::default() }),
        "fail" | "cancelled" => Some(Tally { failed: count, ..Tally::default() }),
        "skipped" | "todo" => Some(Tally { skipped: count, ..Tally::default() }),
        _ => None,
    }
}

fn plain(line: &str) -> Option<Tally> {
    let is_summary = line.contains(" passed, ") && line.starts_with(|c: char| c.is_ascii_digit());
    is_summary.then(|| read_counts(line))
}

/// Reads pairs of a number and what it counts.
fn read_counts(text: &str) -> Tally {
    let words: Vec<&str> =
        text.split([' ', ',', ';', '(', ')']).filter(|word| !word.is_empty()).collect();
    let mut tally = Tally::default();
    for pair in words.windows(2) {
        let Ok(count) = pair[0].parse::<u64>() else {
            continue;
        };
        match pair[1] {
            "passed" => tally.passed += count,
            "failed" | "error" | "errors" | "timed" | "exec" => tally.failed += count,
            "skipped" | "ignored" | "xfailed" | "deselected" => tally.skipped += count,
            _ => {}
        }
    }
    tally
}

/// Drops the escape sequences that colour a line.
fn without_colour(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let first = parts.next().unwrap_or_default();
    let others = parts.map(|part| part.split_once('m').map_or("", |(_, text)| text));
    std::iter::once(first).chain(others).collect()
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;

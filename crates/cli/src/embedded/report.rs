//! How a download goes, in words.
//!
//! Invariant: whoever looks at a log gets a line now and then, and whoever looks at a screen a bar
//! that is drawn again only when it says something new.

use std::path::Path;

use mainstay_adapters::model::embedded::{ModelFile, PullProgress};

use crate::progress;

/// How much is got between two lines of a log, percent.
const LINE_STEP_PERCENT: u64 = 10;

/// What is to be shown.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// A line that stays.
    Line(String),
    /// What replaces the last bar.
    Bar(String),
}

/// What was shown so far.
pub(super) struct Report {
    is_live: bool,
    shown: String,
    next_line_percent: u64,
}

impl Report {
    pub(super) fn new(is_live: bool) -> Self {
        Self { is_live, shown: String::new(), next_line_percent: 0 }
    }

    /// What is going to be fetched.
    pub(super) fn beginning(file: &ModelFile, folder: &Path) -> Told {
        Told::Line(format!(
            "Getting the model {} ({}, {}) into {}",
            file.name,
            progress::size(file.size_bytes),
            file.licence,
            folder.display()
        ))
    }

    /// What is new.
    pub(super) fn of(&mut self, progress: &PullProgress<'_>) -> Option<Told> {
        match progress {
            PullProgress::Trying { source } => {
                self.next_line_percent = 0;
                Some(Told::Line(format!("  from {source}")))
            }
            PullProgress::SourceFailed { error, .. } => {
                Some(Told::Line(format!("  that did not work: {error}")))
            }
            PullProgress::Bytes { done_bytes, total_bytes } => {
                self.bytes(*done_bytes, *total_bytes)
            }
            PullProgress::Verifying => Some(Told::Line("  checking its SHA-256".to_owned())),
        }
    }

    fn bytes(&mut self, done: u64, total: u64) -> Option<Told> {
        if self.is_live {
            let bar = progress::bar(done, total);
            if bar == self.shown {
                return None;
            }
            self.shown.clone_from(&bar);
            return Some(Told::Bar(bar));
        }
        let percent = done * 100 / total.max(1);
        if percent < self.next_line_percent {
            return None;
        }
        self.next_line_percent = (percent / LINE_STEP_PERCENT + 1) * LINE_STEP_PERCENT;
        Some(Told::Line(format!("  {percent:>3} % of {}", progress::size(total))))
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;

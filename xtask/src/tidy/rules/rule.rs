//! What a rule is and what it finds.

use std::fmt;

use crate::tidy::tree::Tree;

pub(in crate::tidy) struct Rule {
    pub(in crate::tidy) name: &'static str,
    pub(in crate::tidy) reason: &'static str,
    pub(in crate::tidy) check: fn(&Tree) -> Vec<Finding>,
}

/// A place where a rule is broken.
pub(in crate::tidy) struct Finding {
    path: String,
    /// From 1; 0 for the file as a whole.
    line: usize,
    message: String,
}

impl Finding {
    pub(super) fn file(path: &str, message: impl Into<String>) -> Self {
        Self::line(path, 0, message)
    }

    pub(super) fn line(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

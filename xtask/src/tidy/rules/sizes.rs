//! The length of source files.

use serde_json::Value;

use super::rule::Finding;
use crate::tidy::tree::Tree;

const MAX_LINES: usize = 400;
/// Above this a file is split whatever it holds.
const MAX_EXCEPTION_LINES: usize = 800;
const EXCEPTIONS: &str = "xtask/oversized.toml";

struct Exception {
    path: String,
    max_lines: usize,
    has_reason: bool,
}

pub(super) fn file_sizes(tree: &Tree) -> Vec<Finding> {
    let exceptions = match exceptions(tree) {
        Ok(exceptions) => exceptions,
        Err(error) => {
            return vec![Finding::file(EXCEPTIONS, format!("not a list of exceptions: {error}"))];
        }
    };
    let files = tree.texts(&[".rs"]).filter_map(|(path, text)| too_long(path, text, &exceptions));
    files.chain(exceptions.iter().filter_map(|exception| unfounded(tree, exception))).collect()
}

fn too_long(path: &str, text: &str, exceptions: &[Exception]) -> Option<Finding> {
    let lines = text.lines().count();
    let exception = exceptions.iter().find(|exception| exception.path == path);
    let limit = exception.map_or(MAX_LINES, |exception| exception.max_lines);
    (lines > limit)
        .then(|| Finding::file(path, format!("{lines} lines, more than {limit}: split it")))
}

/// An exception that is not needed, too generous, or without a reason.
fn unfounded(tree: &Tree, exception: &Exception) -> Option<Finding> {
    let Exception { path, max_lines, has_reason } = exception;
    let finding = |message: String| Some(Finding::file(EXCEPTIONS, message));
    if !has_reason {
        return finding(format!("the exception for {path} has no reason"));
    }
    if *max_lines > MAX_EXCEPTION_LINES {
        return finding(format!(
            "the exception for {path} allows more than {MAX_EXCEPTION_LINES} lines"
        ));
    }
    match tree.text(path).map(|text| text.lines().count()) {
        None => finding(format!("the exception for {path} names no file")),
        Some(lines) if lines <= MAX_LINES => {
            finding(format!("{path} has {lines} lines and needs no exception"))
        }
        Some(_) => None,
    }
}

fn exceptions(tree: &Tree) -> Result<Vec<Exception>, toml::de::Error> {
    let list: Value = toml::from_str(tree.text(EXCEPTIONS).unwrap_or_default())?;
    let entries = list["file"].as_array().cloned().unwrap_or_default();
    Ok(entries.iter().map(read_exception).collect())
}

/// What is missing or of another type becomes a value that the check refuses.
fn read_exception(entry: &Value) -> Exception {
    let max_lines = entry["max_lines"].as_u64().and_then(|lines| usize::try_from(lines).ok());
    Exception {
        path: entry["path"].as_str().unwrap_or_default().to_owned(),
        max_lines: max_lines.unwrap_or(usize::MAX),
        has_reason: entry["reason"].as_str().is_some_and(|reason| !reason.trim().is_empty()),
    }
}

//! What is good while one works and must not stay.

use super::rule::Finding;
use crate::tidy::source::{code_only, line_at, words};
use crate::tidy::tree::Tree;

const TEXTS: &[&str] = &[".md", ".py", ".rs", ".sh", ".sql", ".toml", ".ts"];
/// Put together here, so that this file does not break its own rule.
const MARKERS: &[&str] =
    &[concat!("FIX", "ME"), concat!("HA", "CK"), concat!("TO", "DO"), concat!("XX", "X")];
const MACROS: &[&str] = &["dbg!", "todo!", "unimplemented!"];
const ATTRIBUTES: &[&str] = &["#[allow(", "#![allow(", "#[ignore", "#[should_panic"];

pub(super) fn markers(tree: &Tree) -> Vec<Finding> {
    let marked = |(path, text): (&str, &str)| -> Vec<Finding> {
        let marks = words(text).filter(|(_, word)| MARKERS.contains(word));
        marks
            .map(|(at, word)| Finding::line(path, line_at(text, at), format!("`{word}` is left")))
            .collect()
    };
    tree.texts(TEXTS).flat_map(marked).collect()
}

pub(super) fn macros(tree: &Tree) -> Vec<Finding> {
    mentions(tree, MACROS, |found| format!("`{found}` is left"))
}

pub(super) fn attributes(tree: &Tree) -> Vec<Finding> {
    mentions(tree, ATTRIBUTES, |found| {
        format!("`{found}` is banned; `#[expect(…, reason = \"…\")]` is for exceptions")
    })
}

/// Where the code, not its comments or texts, has one of these.
fn mentions(tree: &Tree, banned: &[&str], message: impl Fn(&str) -> String) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts(&[".rs"]) {
        let code = code_only(text);
        for found in banned {
            let places =
                code.match_indices(found).filter(|(at, _)| !code[..*at].ends_with(['_', '.']));
            findings.extend(
                places.map(|(at, _)| Finding::line(path, line_at(&code, at), message(found))),
            );
        }
    }
    findings
}

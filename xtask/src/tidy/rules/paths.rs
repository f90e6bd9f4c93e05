//! Paths that exist on one machine only.

use super::rule::Finding;
use crate::tidy::tree::Tree;

/// The files of this rule and its test have to name them.
const EXEMPT: &[&str] = &["xtask/src/tidy/rules/paths.rs", "xtask/src/tidy/tests.rs"];
const TEXTS: &[&str] =
    &[".json", ".md", ".py", ".rs", ".sh", ".snap", ".toml", ".ts", ".yml", ".ci/run"];
const HOMES: &[&str] = &["/home/", "/root/", "/Users/"];

pub(super) fn paths(tree: &Tree) -> Vec<Finding> {
    let texts = tree.texts(TEXTS).filter(|(path, _)| !EXEMPT.contains(path));
    texts.flat_map(|(path, text)| machine_paths(path, text, &tree.root)).collect()
}

fn machine_paths(path: &str, text: &str, root: &str) -> Vec<Finding> {
    let banned = HOMES.iter().copied().chain([root]);
    let found = banned.flat_map(|banned| {
        let lines = text.lines().enumerate();
        lines
            .filter(move |(_, line)| mentions(line, banned))
            .map(move |(index, _)| (index + 1, banned))
    });
    found
        .map(|(line, banned)| Finding::line(path, line, format!("`{banned}` is of one machine")))
        .collect()
}

/// As the start of a path: not after a letter or a dot, as in `https://host/home/`.
fn mentions(line: &str, banned: &str) -> bool {
    let mut places = line.match_indices(banned);
    places.any(|(at, _)| {
        !line[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '}' | '~' | '_'))
    })
}

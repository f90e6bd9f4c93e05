//! Where integration tests are.

use super::rule::Finding;
use crate::tidy::tree::Tree;

pub(super) fn test_layout(tree: &Tree) -> Vec<Finding> {
    let strays = tree.files().filter(|(path, _)| is_further_binary(path));
    strays
        .map(|(path, _)| {
            Finding::file(path, "is a test binary of its own: make it a module of tests/it/main.rs")
        })
        .collect()
}

/// Cargo makes a binary of `tests/*.rs` and `tests/*/main.rs`.
fn is_further_binary(path: &str) -> bool {
    let Some((package, inside)) = path.split_once("/tests/") else {
        return false;
    };
    let is_in_package = !package.contains("/src");
    let parts: Vec<&str> = inside.split('/').collect();
    let is_binary = match parts[..] {
        [file] => file.ends_with(".rs"),
        [folder, "main.rs"] => folder != "it",
        _ => false,
    };
    is_in_package && is_binary
}

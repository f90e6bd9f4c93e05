//! The first code block of the README.

use super::rule::Finding;
use crate::tidy::tree::Tree;

const README: &str = "README.md";
const COMMANDS: [&str; 2] = ["cargo xtask quickstart", "cargo xtask test"];

pub(super) fn readme(tree: &Tree) -> Vec<Finding> {
    let text = tree.text(README).unwrap_or_default();
    if first_block(text) == COMMANDS {
        return Vec::new();
    }
    vec![Finding::file(README, format!("its first code block is not `{}`", COMMANDS.join("`, `")))]
}

fn first_block(text: &str) -> Vec<&str> {
    let from_block = text.lines().skip_while(|line| !line.starts_with("```")).skip(1);
    from_block.take_while(|line| !line.starts_with("```")).collect()
}

//! What modules start with, and what the files that only declare hold.

use super::rule::Finding;
use crate::tidy::source::{code_only, line_at};
use crate::tidy::tree::Tree;

/// Deliberately leaves out unit tests in sibling files, whose subject is the sibling.
pub(super) fn module_docs(tree: &Tree) -> Vec<Finding> {
    let modules = tree.texts(&[".rs"]).filter(|(path, _)| !is_sibling_tests(path));
    let without = modules.filter(|(_, text)| !text.starts_with("//! "));
    without.map(|(path, _)| Finding::line(path, 1, "the first line is no `//!`")).collect()
}

fn is_sibling_tests(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("_tests.rs")
}

pub(super) fn declarations(tree: &Tree) -> Vec<Finding> {
    let declaring = tree.texts(&["/lib.rs", "/mod.rs"]);
    declaring.flat_map(|(path, text)| foreign_items(path, &code_only(text))).collect()
}

/// Items other than `mod name;` and `use …;`.
fn foreign_items(path: &str, code: &str) -> Vec<Finding> {
    let foreign = items(code).into_iter().filter(|(_, item)| !is_declaration(item));
    foreign
        .map(|(position, item)| {
            let start = item.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
            Finding::line(
                path,
                line_at(code, position),
                format!("holds more than declarations: `{start} …`"),
            )
        })
        .collect()
}

/// The top-level items with their positions, without attributes.
fn items(code: &str) -> Vec<(usize, &str)> {
    let mut items = Vec::new();
    let mut start = 0;
    let mut depth = 0_usize;
    for (position, c) in code.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let is_use = code[start..position].split_whitespace().any(|word| word == "use");
        let ends_item = c == ';' || (c == '}' && !is_use);
        let ends_attribute = c == ']' && code[start..].trim_start().starts_with('#');
        if depth == 0 && (ends_item || ends_attribute) {
            items.push((start, &code[start..=position]));
            start = position + 1;
        }
    }
    items.push((start, &code[start..]));
    let trimmed = items.into_iter().map(|(position, item)| {
        let text = item.trim_start();
        (position + item.len() - text.len(), text.trim_end())
    });
    trimmed.filter(|(_, item)| !item.is_empty() && !item.starts_with('#')).collect()
}

fn is_declaration(item: &str) -> bool {
    let rest = item.strip_prefix("pub").unwrap_or(item).trim_start();
    let rest = match rest.strip_prefix('(') {
        Some(visibility) => visibility.split_once(')').map_or("", |(_, rest)| rest.trim_start()),
        None => rest,
    };
    let is_module = rest.starts_with("mod ") && !rest.contains('{');
    is_module || rest.starts_with("use ")
}

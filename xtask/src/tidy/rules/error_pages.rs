//! One page for each error code.

use super::rule::Finding;
use crate::tidy::tree::Tree;

const CODES: &str = "crates/protocol/src/error.rs";
const PAGES: &str = "docs/errors/";
/// The list of the pages.
const INDEX: &str = "README.md";

struct Code<'a> {
    line: usize,
    name: &'a str,
    status: &'a str,
    is_retryable: bool,
}

pub(super) fn error_pages(tree: &Tree) -> Vec<Finding> {
    let lines = tree.text(CODES).unwrap_or_default().lines().enumerate();
    let codes: Vec<Code<'_>> =
        lines.filter_map(|(index, text)| read_code(index + 1, text)).collect();
    if codes.is_empty() {
        return vec![Finding::file(
            CODES,
            "no line has the form `Name = \"code\", status, retryable;`",
        )];
    }
    let missing = codes.iter().filter_map(|code| check_page(tree, code));
    let pages =
        tree.texts(&[".md"]).filter_map(|(path, _)| Some((path, path.strip_prefix(PAGES)?)));
    let is_known = |page: &str| {
        page == INDEX || codes.iter().any(|code| page.strip_suffix(".md") == Some(code.name))
    };
    let stale = pages.filter(|(_, page)| !is_known(page));
    missing
        .chain(stale.map(|(path, _)| Finding::file(path, "is the page of no error code")))
        .collect()
}

fn check_page(tree: &Tree, code: &Code<'_>) -> Option<Finding> {
    let path = format!("{PAGES}{}.md", code.name);
    let Some(page) = tree.text(&path) else {
        return Some(Finding::line(
            CODES,
            code.line,
            format!("`{}` has no page {path}", code.name),
        ));
    };
    let start = opening(code);
    if !page.starts_with(&start) {
        return Some(Finding::file(&path, format!("does not begin with {start:?}")));
    }
    let index = format!("{PAGES}{INDEX}");
    let is_listed =
        tree.text(&index).is_some_and(|text| text.contains(&format!("({}.md)", code.name)));
    (!is_listed).then(|| Finding::file(&index, format!("does not list `{}`", code.name)))
}

/// How the page of a code begins: with what the code itself says.
fn opening(code: &Code<'_>) -> String {
    let retry =
        if code.is_retryable { "trying again can help" } else { "trying again does not help" };
    format!("# `{}`\n\nHTTP {}, {retry}\n", code.name, code.status)
}

/// Reads `Name = "code", status, retryable;`.
fn read_code(line: usize, text: &str) -> Option<Code<'_>> {
    let (variant, rest) = text.trim().split_once(" = \"")?;
    let (name, rest) = rest.split_once("\", ")?;
    let (status, retryable) = rest.strip_suffix(';')?.split_once(", ")?;
    let is_entry = variant.chars().all(char::is_alphanumeric);
    is_entry.then_some(Code { line, name, status, is_retryable: retryable == "true" })
}

//! Words that stand for something which has another name here.
//!
//! Deliberately absent: enum variants and fields, which follow the wire APIs they translate.

use super::rule::Finding;
use crate::tidy::source::{code_only, line_at, words};
use crate::tidy::tree::Tree;

/// Words that no type's name contains, with what they are called here.
const BANNED_PARTS: &[(&str, &str)] = &[
    ("Bot", "agent"),
    ("Llm", "model"),
    ("Oplog", "journal"),
    ("Quota", "budget or limit"),
    ("Verdict", "decision"),
];

/// Words that are no type's whole name, with or without `Id`.
const BANNED_NAMES: &[(&str, &str)] = &[
    ("Assistant", "agent"),
    ("Cycle", "step"),
    ("Entity", "resource"),
    ("EventLog", "journal"),
    ("Execution", "session"),
    ("Iteration", "turn"),
    ("Organization", "tenant"),
    ("Round", "turn"),
    ("Run", "session or turn"),
    ("Thread", "session"),
];

/// Names of modules and crates that say nothing about what belongs there.
const BANNED_MODULES: &[&str] = &["common", "helper", "helpers", "misc", "util", "utils"];

const DEFINING: &[&str] = &["enum", "struct", "trait", "type", "union"];

pub(super) fn names(tree: &Tree) -> Vec<Finding> {
    let types = tree.texts(&[".rs"]).flat_map(|(path, text)| type_names(path, &code_only(text)));
    types.chain(tree.files().filter_map(|(path, _)| module_name(path))).collect()
}

fn type_names(path: &str, code: &str) -> Vec<Finding> {
    let all: Vec<(usize, &str)> = words(code).collect();
    let defined = all.windows(2).filter(|pair| DEFINING.contains(&pair[0].1)).map(|pair| pair[1]);
    let banned = defined.filter_map(|(position, name)| Some((position, name, instead_of(name)?)));
    banned
        .map(|(position, name, instead)| {
            Finding::line(
                path,
                line_at(code, position),
                format!("`{name}`: the word here is {instead}"),
            )
        })
        .collect()
}

fn instead_of(name: &str) -> Option<&'static str> {
    let whole = name.strip_suffix("Id").unwrap_or(name);
    let by_name = BANNED_NAMES.iter().find(|(banned, _)| *banned == whole);
    let by_part =
        || BANNED_PARTS.iter().find(|(banned, _)| parts(name).any(|part| part == *banned));
    by_name.or_else(by_part).map(|(_, instead)| *instead)
}

/// The words of a name in camel case.
fn parts(name: &str) -> impl Iterator<Item = &str> {
    let starts: Vec<usize> =
        name.char_indices().filter(|(_, c)| c.is_uppercase()).map(|(at, _)| at).collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([name.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| &name[start..end])
}

fn module_name(path: &str) -> Option<Finding> {
    let path_without_ending =
        path.strip_suffix(".rs").or_else(|| path.strip_suffix("/Cargo.toml"))?;
    let parts = path_without_ending.split('/');
    let name = parts.into_iter().find(|part| BANNED_MODULES.contains(part))?;
    Some(Finding::file(path, format!("`{name}` says nothing about what belongs there")))
}

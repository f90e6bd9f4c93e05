//! Links between the pages of the repository.
//!
//! Deliberately absent: links to other places, which only a network can check.

use super::rule::Finding;
use crate::tidy::tree::Tree;

pub(super) fn links(tree: &Tree) -> Vec<Finding> {
    tree.texts(&[".md"]).flat_map(|(path, text)| check_page(tree, path, text)).collect()
}

fn check_page(tree: &Tree, path: &str, text: &str) -> Vec<Finding> {
    let targets = prose(text).into_iter().flat_map(|(line, prose)| {
        let targets: Vec<String> = targets(&prose).into_iter().map(str::to_owned).collect();
        targets.into_iter().map(move |target| (line, target))
    });
    let broken = targets.filter(|(_, target)| !leads_somewhere(tree, path, target));
    broken
        .map(|(line, target)| Finding::line(path, line, format!("`{target}` leads nowhere")))
        .collect()
}

/// The numbered lines outside of code.
fn prose(text: &str) -> Vec<(usize, String)> {
    let mut is_code = false;
    let mut prose = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        if !is_code && !is_fence {
            let outside: String = line.split('`').step_by(2).collect();
            prose.push((index + 1, outside));
        }
    }
    prose
}

/// What stands in `](…)`.
fn targets(line: &str) -> Vec<&str> {
    line.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0)).collect()
}

fn leads_somewhere(tree: &Tree, page: &str, target: &str) -> bool {
    if target.contains("://") || target.starts_with("mailto:") {
        return true;
    }
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { Some(page.to_owned()) } else { resolve(page, file) };
    let Some(path) = path else { return false };
    if heading.is_empty() {
        return tree.has(&path);
    }
    tree.text(&path)
        .is_some_and(|text| text.lines().any(|line| anchor(line).as_deref() == Some(heading)))
}

/// The path of a link in a page; nothing if it leads out of the repository.
fn resolve(page: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in link.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The anchor of a heading, as code hosts make it.
fn anchor(line: &str) -> Option<String> {
    let title = line.strip_prefix('#')?.trim_start_matches('#').trim().to_lowercase();
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    Some(kept.map(|c| if c == ' ' { '-' } else { c }).collect())
}

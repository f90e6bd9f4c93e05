//! The arrows between the crates, as the manifests draw them.
//!
//! Deliberately absent: dev-dependencies, and the packages that no product crate may use anyway
//! (`testing/`, `bench`, `xtask`), which are free to use all.

use super::rule::Finding;
use crate::tidy::tree::Tree;

/// Each product crate with the product crates it may use.
const LAYERS: &[(&str, &[&str])] = &[
    ("adapters", &["core", "guest", "protocol"]),
    ("cli", &["adapters", "client", "core", "protocol", "runtime", "server", "store"]),
    ("client", &["protocol"]),
    ("core", &["protocol"]),
    ("guest", &[]),
    ("protocol", &[]),
    ("runtime", &["core", "protocol", "store"]),
    ("server", &["core", "protocol", "runtime", "store"]),
    ("store", &["protocol"]),
];

/// Crates that stay pure: what would give them IO, a clock, randomness or tasks.
const PURE: &[&str] = &["core", "protocol"];
const IMPURE_DEPENDENCIES: &[&str] = &[
    "axum",
    "chrono",
    "getrandom",
    "hyper",
    "rand",
    "reqwest",
    "rusqlite",
    "time",
    "tokio",
    "uuid",
];

const DEPENDENCY_TABLES: [&str; 2] = ["dependencies", "build-dependencies"];

pub(super) fn layers(tree: &Tree) -> Vec<Finding> {
    let manifests = tree.texts(&["/Cargo.toml"]).filter_map(|(path, text)| {
        let folder = path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
        Some((path, folder, text))
    });
    manifests.flat_map(|(path, folder, text)| check_crate(path, folder, text)).collect()
}

fn check_crate(path: &str, folder: &str, text: &str) -> Vec<Finding> {
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == folder) else {
        let message = format!(
            "`{folder}` is a new crate: write its reason in ARCHITECTURE.md and add it to the table of this rule"
        );
        return vec![Finding::file(path, message)];
    };
    let manifest: toml::Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![Finding::file(path, format!("not a manifest: {error}"))],
    };
    let mut findings = Vec::new();
    for dependency in dependencies(&manifest) {
        let used = dependency.strip_prefix("mainstay-").unwrap_or_default();
        if !used.is_empty() && !allowed.contains(&used) {
            findings.push(Finding::file(path, format!("`{folder}` must not use `{used}`")));
        }
        if PURE.contains(&folder) && IMPURE_DEPENDENCIES.contains(&dependency.as_str()) {
            findings.push(Finding::file(
                path,
                format!("`{folder}` is pure and must not use `{dependency}`"),
            ));
        }
    }
    findings
}

/// Names of what the crate itself is built with, also for single targets.
fn dependencies(manifest: &toml::Table) -> Vec<String> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let per_target =
        targets.into_iter().flat_map(|targets| targets.values().filter_map(toml::Value::as_table));
    let tables = std::iter::once(manifest).chain(per_target);
    let sections = tables.flat_map(|table| DEPENDENCY_TABLES.map(|name| table.get(name)));
    let sections = sections.flatten().filter_map(toml::Value::as_table);
    sections
        .flat_map(|section| section.iter().map(|(name, value)| package_name(name, value)))
        .collect()
}

/// A renamed dependency is known by its package.
fn package_name(name: &str, value: &toml::Value) -> String {
    value.get("package").and_then(toml::Value::as_str).unwrap_or(name).to_owned()
}

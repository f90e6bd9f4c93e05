//! What every crate takes from the workspace.

use super::rule::Finding;
use crate::tidy::tree::Tree;

const INHERITED: &[&str] = &["edition", "license", "publish", "rust-version", "version"];

pub(super) fn manifests(tree: &Tree) -> Vec<Finding> {
    tree.texts(&["/Cargo.toml"]).flat_map(|(path, text)| check_manifest(path, text)).collect()
}

fn check_manifest(path: &str, text: &str) -> Vec<Finding> {
    let manifest: toml::Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![Finding::file(path, format!("not a manifest: {error}"))],
    };
    let is_inherited = |value: Option<&toml::Value>| {
        value.and_then(|value| value.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
    };
    let mut findings = Vec::new();
    if !is_inherited(manifest.get("lints")) {
        findings.push(Finding::file(path, "does not take the workspace's lints"));
    }
    let package = manifest.get("package");
    let own = INHERITED
        .iter()
        .filter(|key| !is_inherited(package.and_then(|package| package.get(**key))));
    findings.extend(
        own.map(|key| Finding::file(path, format!("does not take the workspace's `{key}`"))),
    );
    findings
}

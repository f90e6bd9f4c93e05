//! Frozen examples of every persisted format.
//!
//! Invariant: what is listed in `xtask/frozen.txt` stays as it is; `--freeze` only adds to it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::rule::Finding;
use crate::tidy::tree::Tree;

/// Lines of a SHA-256 and a path, as `sha256sum` prints and checks them.
const LIST: &str = "xtask/frozen.txt";
/// Every file below such a folder is frozen.
const FROZEN_FOLDERS: &[&str] = &["testdata/entries/", "testdata/frozen/", "testdata/journals/"];

pub(super) fn fixtures(tree: &Tree) -> Vec<Finding> {
    let listed = listed(tree);
    let actual = actual(tree);
    let mut findings = Vec::new();
    for (path, hash) in &listed {
        match actual.get(path) {
            None => findings.push(Finding::file(path, "is listed as frozen but is not there")),
            Some(now) if now != hash => {
                findings.push(Finding::file(path, "is frozen but was changed: add a new version"));
            }
            Some(_) => {}
        }
    }
    let unlisted = actual.keys().filter(|path| !listed.contains_key(*path));
    findings.extend(
        unlisted
            .map(|path| Finding::file(path, "is not yet frozen: run `cargo xtask tidy --freeze`")),
    );
    findings
}

/// Adds what is not yet listed.
pub(in crate::tidy) fn freeze(root: &Path, tree: &Tree) -> Result<()> {
    let mut listed = listed(tree);
    for (path, hash) in actual(tree) {
        listed.entry(path).or_insert(hash);
    }
    let lines: String = listed.iter().map(|(path, hash)| format!("{hash}  {path}\n")).collect();
    fs::write(root.join(LIST), lines).with_context(|| format!("writing {LIST}"))?;
    println!("{} fixtures are frozen", listed.len());
    Ok(())
}

fn listed(tree: &Tree) -> BTreeMap<String, String> {
    let lines = tree.text(LIST).unwrap_or_default().lines();
    lines
        .filter_map(|line| line.split_once("  "))
        .map(|(hash, path)| (path.to_owned(), hash.to_owned()))
        .collect()
}

fn actual(tree: &Tree) -> BTreeMap<String, String> {
    let frozen =
        tree.files().filter(|(path, _)| FROZEN_FOLDERS.iter().any(|folder| path.contains(folder)));
    frozen.map(|(path, bytes)| (path.to_owned(), format!("{:x}", Sha256::digest(bytes)))).collect()
}

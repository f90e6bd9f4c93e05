//! The source of the `openai` package: its own tests are in no other form of it.
//!
//! Invariant: what pip brings has the hash that the repository names, and is not changed here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{pinned, python};
use crate::process;
use crate::workspace::Workspace;

const LIST: &str = "testing/it/openai_suite/requirements.txt";

pub(super) fn ensure(workspace: &Workspace) -> Result<()> {
    let python = python::interpreter(workspace)?;
    pinned::ensure(&pinned::folder(workspace, "openai-suite", LIST)?, |folder| {
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        let mut download = Command::new(&python);
        download.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check"]);
        download.args(["--no-deps", "--no-binary", ":all:", "--require-hashes"]);
        download.args(["--requirement", LIST, "--dest"]).arg(folder);
        process::run(download.current_dir(&workspace.root))?;
        let archive = only_entry(folder)?;
        let mut unpack = Command::new(&python);
        unpack.args(["-m", "tarfile", "--extract"]).arg(&archive).arg(folder);
        process::run(&mut unpack)?;
        fs::remove_file(&archive).with_context(|| format!("removing {}", archive.display()))
    })
}

/// The unpacked source, with the folder `tests`.
pub(crate) fn folder(workspace: &Workspace) -> Result<PathBuf> {
    let folder = pinned::folder(workspace, "openai-suite", LIST)?;
    let entries = fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut folders = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    folders.next().with_context(|| format!("finding the source in {}", folder.display()))
}

fn only_entry(folder: &Path) -> Result<PathBuf> {
    let mut entries =
        fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let first = entries.next().context("finding what pip downloaded")?;
    Ok(first.with_context(|| format!("reading {}", folder.display()))?.path())
}

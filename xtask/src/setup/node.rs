//! The packages from npm that the tests use.
//!
//! Invariant: what is installed is what the lock file in the repository names, by hash; no package's
//! own scripts are run. Node itself comes with the Python environment.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{pinned, python};
use crate::process;
use crate::workspace::Workspace;

const FOLDER: &str = "testing/it/node";
const LOCK: &str = "testing/it/node/package-lock.json";
const LISTS: [&str; 2] = ["package.json", "package-lock.json"];
const PACKAGES: &str = "node_modules";

pub(super) fn ensure(workspace: &Workspace) -> Result<()> {
    let python = python::interpreter(workspace)?;
    let folder = pinned::folder(workspace, "node", LOCK)?;
    pinned::ensure(&folder, |folder| {
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        for list in LISTS {
            let from = workspace.root.join(FOLDER).join(list);
            fs::copy(&from, folder.join(list))
                .with_context(|| format!("copying {}", from.display()))?;
        }
        let mut install = Command::new(python.with_file_name("npm"));
        install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]);
        install.env("PATH", workspace.path_with_python(&python));
        process::run(install.current_dir(folder))
    })?;
    link(&workspace.root.join(FOLDER).join(PACKAGES), &folder.join(PACKAGES))
}

/// The folder of the tests, with the packages in it.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root.join(FOLDER)
}

/// Modules are looked for beside and above the file that names them, so the checkout has a link.
fn link(link: &Path, target: &Path) -> Result<()> {
    if fs::read_link(link).is_ok_and(|found| found == target) {
        return Ok(());
    }
    if link.is_symlink() {
        fs::remove_file(link).with_context(|| format!("removing {}", link.display()))?;
    }
    symlink(target, link).with_context(|| format!("linking {}", link.display()))
}

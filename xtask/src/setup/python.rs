//! The Python environment of the SDK tests.
//!
//! Invariant: what is in it is pinned, whole, by one text of requirements ([`pinned`]).

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::pinned;
use crate::process;
use crate::workspace::Workspace;

const REQUIREMENTS: &str = "testing/it/python/requirements.txt";
/// The first that can make an environment and is recent enough for the SDKs is used.
const CANDIDATES: [&str; 2] = ["python3", "/usr/bin/python3"];
const PROBE: &str = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))";

/// A Python that can make virtual environments.
pub(super) fn with_venv() -> Option<&'static str> {
    CANDIDATES
        .into_iter()
        .find(|python| process::succeeds(Command::new(python).args(["-c", PROBE])))
}

/// Whether `mainstay model pull` will find a Python with pip.
pub(super) fn with_pip() -> bool {
    let has_pip =
        |python: &&str| process::succeeds(Command::new(python).args(["-m", "pip", "--version"]));
    CANDIDATES.iter().any(has_pip)
}

pub(super) fn ensure(workspace: &Workspace) -> Result<()> {
    pinned::ensure(&pinned::folder(workspace, "venv", REQUIREMENTS)?, |folder| {
        let python = with_venv().context("finding a Python of at least 3.10 with venv")?;
        process::run(Command::new(python).args(["-m", "venv"]).arg(folder))?;
        let mut install = Command::new(folder.join("bin/python"));
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        install.args(["--requirement", REQUIREMENTS]);
        process::run(install.current_dir(&workspace.root))
    })
}

/// The environment's interpreter.
pub(crate) fn interpreter(workspace: &Workspace) -> Result<PathBuf> {
    Ok(pinned::folder(workspace, "venv", REQUIREMENTS)?.join("bin/python"))
}

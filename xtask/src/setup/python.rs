//! The Python environment of the SDK tests.
//!
//! Invariant: an environment belongs to one text of the requirements and is used only when its
//! installation was finished; changed requirements get a new one.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;
use crate::workspace::Workspace;

const REQUIREMENTS: &str = "testing/it/python/requirements.txt";
/// Written last, so that an interrupted installation is seen.
const FINISHED_MARK: &str = ".finished";
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
    let folder = folder(workspace)?;
    if folder.join(FINISHED_MARK).is_file() {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    let python = with_venv().context("finding a Python of at least 3.10 with venv")?;
    process::run(Command::new(python).args(["-m", "venv"]).arg(&folder))?;
    let mut install = Command::new(folder.join("bin/python"));
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--requirement",
        REQUIREMENTS,
    ]);
    process::run(install.current_dir(&workspace.root))?;
    let mark = folder.join(FINISHED_MARK);
    fs::write(&mark, "").with_context(|| format!("writing {}", mark.display()))
}

/// The environment's interpreter.
pub(crate) fn interpreter(workspace: &Workspace) -> Result<PathBuf> {
    Ok(folder(workspace)?.join("bin/python"))
}

fn folder(workspace: &Workspace) -> Result<PathBuf> {
    let path = workspace.root.join(REQUIREMENTS);
    let requirements =
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let mut hasher = DefaultHasher::new();
    requirements.hash(&mut hasher);
    Ok(workspace.cache_dir.join(format!("venv-{:016x}", hasher.finish())))
}

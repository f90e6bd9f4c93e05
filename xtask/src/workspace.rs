//! Where things are: the checkout, the folder of build artefacts, the cache outside the checkout.
//!
//! Invariant: nothing else of xtask knows a path that is not relative to one of these three.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;

/// The places that commands work in.
pub(crate) struct Workspace {
    /// The checkout.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds.
    pub(crate) target_dir: PathBuf,
    /// Tools and Python environments, shared by all checkouts of this user.
    pub(crate) cache_dir: PathBuf,
}

impl Workspace {
    pub(crate) fn locate() -> Result<Self> {
        let manifest_dir = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest_dir.parent().context("finding the folder above xtask")?.to_path_buf();
        let target_dir = target_dir(&root)?;
        Ok(Self { root, target_dir, cache_dir: cache_dir()? })
    }

    /// A cargo command in the checkout that also finds the tools which `setup` installs.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new("cargo");
        command.current_dir(&self.root).env("PATH", self.search_path());
        command
    }

    /// Root of the tools that `setup` installs, as `cargo install --root` wants it.
    pub(crate) fn tools_dir(&self) -> PathBuf {
        self.cache_dir.join("tools")
    }

    /// `PATH` with the tools that `setup` installs first.
    pub(crate) fn search_path(&self) -> OsString {
        let own = self.tools_dir().join("bin");
        let inherited = env::var_os("PATH").unwrap_or_default();
        env::join_paths(std::iter::once(own).chain(env::split_paths(&inherited)))
            .unwrap_or(inherited)
    }

    /// `PATH` with a Python's own folder first.
    pub(crate) fn path_with_python(&self, python: &Path) -> OsString {
        let own = python.parent().map(Path::to_path_buf);
        let rest = self.search_path();
        env::join_paths(own.into_iter().chain(env::split_paths(&rest))).unwrap_or(rest)
    }

    /// A program of the build that tests use.
    pub(crate) fn debug_binary(&self, name: &str) -> PathBuf {
        self.target_dir.join("debug").join(name)
    }

    /// A program of the build that people and measurements use.
    pub(crate) fn release_binary(&self, name: &str) -> PathBuf {
        self.target_dir.join("release").join(name)
    }
}

/// Asks cargo, because its configuration files may name the folder too.
fn target_dir(root: &Path) -> Result<PathBuf> {
    let mut command = Command::new("cargo");
    command.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(root);
    let metadata: serde_json::Value =
        serde_json::from_str(&process::capture(&mut command)?).context("reading cargo metadata")?;
    let folder = metadata["target_directory"].as_str().context("finding the target folder")?;
    Ok(PathBuf::from(folder))
}

fn cache_dir() -> Result<PathBuf> {
    let base = env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let base =
        base.or(home).context("finding a cache folder: neither XDG_CACHE_HOME nor HOME is set")?;
    Ok(base.join("mainstay"))
}

//! Cargo's own tools that the tests use.
//!
//! Invariant: a tool on the search path is used as it is; only a missing one is built, at a pinned
//! version, into the cache.

use std::fs;

use anyhow::{Context, Result};

use crate::process;
use crate::workspace::Workspace;

struct Tool {
    name: &'static str,
    version: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool { name: "cargo-nextest", version: "0.9.143" },
    Tool { name: "cargo-deny", version: "0.20.2" },
];

pub(super) fn ensure(workspace: &Workspace) -> Result<()> {
    for tool in TOOLS {
        if process::find(tool.name, &workspace.search_path()).is_none() {
            install(workspace, tool)?;
        }
    }
    Ok(())
}

/// Builds apart from the workspace's artefacts, and leaves nothing but the program behind.
fn install(workspace: &Workspace, tool: &Tool) -> Result<()> {
    println!("missing: {}; building it takes some minutes, once", tool.name);
    let build_dir = workspace.tools_dir().join("build");
    let mut command = workspace.cargo();
    command.args(["install", "--locked", "--version", tool.version, tool.name]);
    command.arg("--root").arg(workspace.tools_dir()).env("CARGO_TARGET_DIR", &build_dir);
    process::run(&mut command)?;
    fs::remove_dir_all(&build_dir).with_context(|| format!("removing {}", build_dir.display()))
}

//! `cargo xtask openapi`: writes the document of the HTTP surface as the code has it.
//!
//! Deliberately absent: what is in it; the server describes itself.

use std::fs;

use anyhow::{Context, Result};

use crate::process;
use crate::workspace::Workspace;

/// Where the document is kept; the server answers with it.
pub(crate) const DOCUMENT: &str = "docs/openapi.json";

/// Write docs/openapi.json as the code has it
#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(workspace: &Workspace, _: &Arguments) -> Result<()> {
    let mut command = workspace.cargo();
    command.args(["run", "--quiet", "--package", "mainstay-server", "--example", "openapi"]);
    let document = process::capture(&mut command)?;
    let path = workspace.root.join(DOCUMENT);
    fs::write(&path, document).with_context(|| format!("writing {}", path.display()))?;
    println!("{DOCUMENT} is as the code is.");
    Ok(())
}

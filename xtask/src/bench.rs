//! `cargo xtask bench`: measurements beside the limits of the machine.
//!
//! Deliberately absent: the measurements; they are the package `mainstay-bench`.

use std::path::PathBuf;

use anyhow::Result;

use crate::process;
use crate::workspace::Workspace;

/// Measure an area and print its figures beside their goals and the machine's own limits
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What to measure, for example `kernel`
    area: String,
    /// Also write the figures to this file, as a JSON array
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Further arguments of the measurement
    #[arg(last = true)]
    rest: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    process::run(workspace.cargo().args([
        "build",
        "--release",
        "--package",
        "mainstay",
        "--bin",
        "mainstay",
    ]))?;
    let mut command = workspace.cargo();
    command.args(["run", "--release", "--package", "mainstay-bench", "--", &arguments.area]);
    if let Some(file) = &arguments.json {
        command.arg("--json").arg(std::path::absolute(file)?);
    }
    command.args(&arguments.rest).env("MAINSTAY_BIN", workspace.release_binary("mainstay"));
    process::run(&mut command)
}

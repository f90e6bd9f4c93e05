//! `cargo xtask sim`: the seeded simulation of the real runtime.
//!
//! Deliberately absent: the simulation; it is the package `mainstay-sim`.

use anyhow::Result;

use crate::process;
use crate::workspace::Workspace;

/// Run the seeded simulation; a failing seed is printed with the command that repeats it
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many seeds to run
    #[arg(long, value_name = "N", conflicts_with = "seed")]
    seeds: Option<u64>,
    /// Run this seed alone
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Build with optimisations, for long runs
    #[arg(long)]
    release: bool,
    /// Further arguments of the simulation
    #[arg(last = true)]
    rest: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let mut command = workspace.cargo();
    command.args(["run", "--quiet", "--package", "mainstay-sim", "--bin", "mainstay-sim"]);
    if arguments.release {
        command.arg("--release");
    }
    command.arg("--");
    if let Some(seeds) = arguments.seeds {
        command.args(["--seeds", &seeds.to_string()]);
    }
    if let Some(seed) = arguments.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    process::run(command.args(&arguments.rest))
}

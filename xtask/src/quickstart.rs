//! `cargo xtask quickstart`: from a fresh checkout to a running agent.
//!
//! Invariant: without a configured provider nothing leaves the machine. The embedded model is built in
//! only when it is asked for: it is not finished, and without it the prepared run is played.
//! Deliberately absent: the demonstration; it is `mainstay quickstart`.

use std::env;
use std::process::Command;

use anyhow::Result;

use crate::process;
use crate::setup::{self, Purpose};
use crate::workspace::Workspace;

/// Each of these, set and not empty, means that a provider's model is used.
const PROVIDER_VARIABLES: [&str; 3] = ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_BASE_URL"];

/// Set up, build, and run an agent through a real task while its server is killed
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Build in the embedded model (experimental; needs cmake and clang, and takes minutes)
    #[arg(long)]
    embedded_model: bool,
    /// Arguments for `mainstay quickstart`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let mut build = workspace.cargo();
    build.args(["build", "--release", "--package", "mainstay", "--bin", "mainstay"]);
    match (configured_provider(), arguments.embedded_model) {
        (Some(variable), _) => {
            println!("{variable} is set: the agent will use that provider's model.");
            setup::ensure(workspace, Purpose::Build)?;
        }
        (None, true) => {
            println!("No provider is configured: building in the embedded model.");
            setup::ensure(workspace, Purpose::Quickstart)?;
            build.args(["--features", "embedded-model"]);
        }
        (None, false) => {
            println!(
                "No provider is configured ({}): a prepared run is played.",
                PROVIDER_VARIABLES.join(", ")
            );
            setup::ensure(workspace, Purpose::Build)?;
        }
    }
    process::run(&mut build)?;
    let mut quickstart = Command::new(workspace.release_binary("mainstay"));
    process::exec(quickstart.current_dir(&workspace.root).arg("quickstart").args(&arguments.rest))
}

fn configured_provider() -> Option<&'static str> {
    PROVIDER_VARIABLES
        .into_iter()
        .find(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))
}

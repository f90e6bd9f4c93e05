//! `cargo xtask quickstart`: from a fresh checkout to a running agent.
//!
//! Invariant: without a configured provider nothing that the agent reads or writes leaves the machine:
//! the model is built into the binary. Where that cannot be built, this is said loudly, and the
//! recorded run is played. Deliberately absent: the demonstration and the model's file; both are
//! `mainstay quickstart`.

use std::env;
use std::process::Command;

use anyhow::Result;

use crate::process;
use crate::setup::{self, Purpose};
use crate::workspace::Workspace;

/// Each of these, set and not empty, means that a provider's model is used.
const PROVIDER_VARIABLES: [&str; 3] = ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_BASE_URL"];
/// Says that the recording is wanted, and nothing is to be built for a model.
const REPLAY_FLAG: &str = "--replay";

/// Set up, build, and run an agent through a real task while its server is killed
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Arguments for `mainstay quickstart`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Whether the binary gets a model of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Build {
    WithModel,
    WithoutModel,
}

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let mut quickstart = Command::new(workspace.release_binary("mainstay"));
    quickstart.current_dir(&workspace.root).arg("quickstart").args(&arguments.rest);
    match choose(configured_provider(), &arguments.rest) {
        Build::WithoutModel => build(workspace, Build::WithoutModel)?,
        Build::WithModel => {
            println!(
                "No provider is configured ({}): the model inside the binary will do the task.",
                PROVIDER_VARIABLES.join(", ")
            );
            if let Err(error) = build(workspace, Build::WithModel) {
                println!("\nTHE EMBEDDED MODEL CANNOT BE BUILT HERE: {error:#}");
                println!("A recorded run is played instead; every line of it says so.\n");
                build(workspace, Build::WithoutModel)?;
                quickstart.arg(REPLAY_FLAG);
            }
        }
    }
    process::exec(&mut quickstart)
}

fn choose(provider: Option<&'static str>, arguments: &[String]) -> Build {
    if let Some(variable) = provider {
        println!("{variable} is set: the agent will use that provider's model.");
        return Build::WithoutModel;
    }
    if arguments.iter().any(|argument| argument == REPLAY_FLAG) {
        return Build::WithoutModel;
    }
    Build::WithModel
}

/// Installs what the build needs and builds the binary.
pub(crate) fn build_with_model(workspace: &Workspace) -> Result<()> {
    build(workspace, Build::WithModel)
}

fn build(workspace: &Workspace, what: Build) -> Result<()> {
    let mut build = workspace.cargo();
    build.args(["build", "--release", "--package", "mainstay", "--bin", "mainstay"]);
    match what {
        Build::WithModel => {
            setup::ensure(workspace, Purpose::Quickstart)?;
            build.args(["--features", "embedded-model"]);
        }
        Build::WithoutModel => setup::ensure(workspace, Purpose::Build)?,
    }
    process::run(&mut build)
}

fn configured_provider() -> Option<&'static str> {
    PROVIDER_VARIABLES
        .into_iter()
        .find(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))
}

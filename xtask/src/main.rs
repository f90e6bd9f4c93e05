//! `cargo xtask`: the automation of this repository, one file per command.
//!
//! Invariant: every command works on a fresh checkout, sets up what it needs by itself, and is quick
//! to do nothing when nothing is to be done.
//! Deliberately absent: anything the product needs when it runs.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool speaks so")]
#![expect(clippy::disallowed_methods, reason = "stages are timed and the environment is read here")]

mod bench;
mod image;
mod openapi;
mod process;
mod quickstart;
mod sdk_tests;
mod setup;
mod sim;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Automation of the Mainstay repository.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    Setup(setup::Arguments),
    Quickstart(quickstart::Arguments),
    Test(test::Arguments),
    Tidy(tidy::Arguments),
    Openapi(openapi::Arguments),
    SdkTests(sdk_tests::Arguments),
    Bench(bench::Arguments),
    Sim(sim::Arguments),
    Image(image::Arguments),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Task) -> anyhow::Result<()> {
    let workspace = Workspace::locate()?;
    match command {
        Task::Setup(arguments) => setup::run(&workspace, &arguments),
        Task::Quickstart(arguments) => quickstart::run(&workspace, &arguments),
        Task::Test(arguments) => test::run(&workspace, &arguments),
        Task::Tidy(arguments) => tidy::run(&workspace, &arguments),
        Task::Openapi(arguments) => openapi::run(&workspace, &arguments),
        Task::SdkTests(arguments) => sdk_tests::run(&workspace, &arguments),
        Task::Bench(arguments) => bench::run(&workspace, &arguments),
        Task::Sim(arguments) => sim::run(&workspace, &arguments),
        Task::Image(arguments) => image::run(&workspace, &arguments),
    }
}

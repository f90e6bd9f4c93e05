//! Measures the real binary over HTTP, beside what the machine could do at the most.
//!
//! Invariant: nothing here decides whether tests pass; a figure that is not reached is printed as
//! such. The load, the scripted model and the tools share one thread of this process, so that they
//! take little from the processors that they share with the server.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints figures")]
#![expect(clippy::disallowed_methods, reason = "measures time, and its own tasks end with it")]

mod area;
mod compute;
mod doors;
mod echo;
mod figure;
mod kernel;
mod limits;
mod process;
mod report;
mod sample;
mod stage;
mod strace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measurements of Mainstay against the limits of the machine
#[derive(Debug, Parser)]
#[command(name = "mainstay-bench")]
struct Arguments {
    #[command(subcommand)]
    area: Area,
}

#[derive(Debug, Subcommand)]
enum Area {
    /// Sessions, turns and steps; crashes; memory; starts
    Kernel(Options),
    /// Responses beside bare model calls; streams that go on; many followers
    Doors(Options),
    /// Machines of sessions: how soon they answer, what a call costs, what they take
    Compute(Options),
    /// A server that answers at once, to learn what HTTP costs here
    #[command(hide = true)]
    Echo,
}

/// What all areas take.
#[derive(Debug, Clone, clap::Args)]
struct Options {
    /// Also write the figures to this file, as a JSON array
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure only figures whose name or group contains this text
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Measure less of everything: a look, not a figure to publish
    #[arg(long)]
    quick: bool,
    /// Where data folders are made; beside the binary when not given, since a folder for temporary
    /// files may be in memory
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        runtime.block_on(async {
            match Arguments::parse().area {
                Area::Kernel(options) => Box::pin(kernel::measure(&options)).await,
                Area::Doors(options) => Box::pin(doors::measure(&options)).await,
                Area::Compute(options) => Box::pin(compute::measure(&options)).await,
                Area::Echo => echo::serve().await,
            }
        })
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

//! The mainstay binary.

mod args;
mod commands;
mod config;
mod context;
mod failure;
mod folder;
mod key;
mod logging;
mod output;
mod wire;

use std::process::ExitCode;

fn main() -> ExitCode {
    args::main()
}

//! The mainstay binary.

mod args;
mod commands;
mod config;
mod context;
mod doctor;
mod embedded;
mod failure;
mod folder;
mod input;
mod journal;
mod key;
mod limit;
mod live;
mod logging;
mod output;
mod progress;
mod quickstart;
mod reach;
mod screen;
mod table;
mod time;
mod watch;
mod wire;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    args::main()
}

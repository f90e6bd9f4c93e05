//! What follows `mainstay sessions`.

use clap::Subcommand;

use super::{cancel, follow, list, show};
use crate::context::Context;
use crate::failure::Failure;

/// List, show, follow and cancel sessions
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  mainstay sessions list
  mainstay sessions show ses_01h…
  mainstay sessions follow ses_01h… --json
  mainstay sessions cancel ses_01h…"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Arguments),
    Show(show::Arguments),
    Follow(follow::Arguments),
    Cancel(cancel::Arguments),
}

pub(crate) fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::List(arguments) => list::run(context, &arguments),
        Command::Show(arguments) => show::run(context, &arguments),
        Command::Follow(arguments) => follow::run(context, &arguments),
        Command::Cancel(arguments) => cancel::run(context, &arguments),
    }
}

//! What follows `mainstay model`.

use clap::Subcommand;

use super::{list, pull, rm, verify};
use crate::context::Context;
use crate::failure::Failure;

/// List, get, check and remove the models that this binary can run itself
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Arguments),
    Pull(pull::Arguments),
    Verify(verify::Arguments),
    Rm(rm::Arguments),
}

pub(crate) fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::List(arguments) => list::run(context, &arguments),
        Command::Pull(arguments) => pull::run(context, &arguments),
        Command::Verify(arguments) => verify::run(context, &arguments),
        Command::Rm(arguments) => rm::run(context, &arguments),
    }
}

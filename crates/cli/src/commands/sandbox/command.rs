//! What follows `mainstay sandbox`.

use clap::Subcommand;

use super::{checkpoint, checkpoints, exec, list, logs, park, restore, rm, shell, show};
use crate::context::Context;
use crate::failure::Failure;

/// Look into the machines of sessions, and work in them
///
/// A sandbox has the id of its session. Its machine is made when it is first needed, and made again from
/// the last checkpoint when it is gone. What is done to one stands in its session's journal.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  mainstay sandbox list
  mainstay sandbox exec ses_01h… -- ls -l
  mainstay sandbox shell ses_01h…
  mainstay sandbox checkpoints ses_01h…
  mainstay sandbox restore ses_01h… ckpt_42"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Arguments),
    Show(show::Arguments),
    Exec(exec::Arguments),
    Shell(shell::Arguments),
    Logs(logs::Arguments),
    Park(park::Arguments),
    Checkpoint(checkpoint::Arguments),
    Checkpoints(checkpoints::Arguments),
    Restore(restore::Arguments),
    Rm(rm::Arguments),
}

pub(crate) fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::List(arguments) => list::run(context, &arguments),
        Command::Show(arguments) => show::run(context, &arguments),
        Command::Exec(arguments) => exec::run(context, &arguments),
        Command::Shell(arguments) => shell::run(context, &arguments),
        Command::Logs(arguments) => logs::run(context, &arguments),
        Command::Park(arguments) => park::run(context, &arguments),
        Command::Checkpoint(arguments) => checkpoint::run(context, &arguments),
        Command::Checkpoints(arguments) => checkpoints::run(context, &arguments),
        Command::Restore(arguments) => restore::run(context, &arguments),
        Command::Rm(arguments) => rm::run(context, &arguments),
    }
}

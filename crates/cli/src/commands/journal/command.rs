//! What follows `mainstay journal`.

use clap::Subcommand;

use super::{export, list, show, verify};
use crate::context::Context;
use crate::failure::Failure;

/// Show, verify and export journals
///
/// A session's journal holds every fact about it in order, each with a hash over itself and the one
/// before. These commands ask the server that runs on the data folder, or read the folder itself
/// when none does. `chat:default:DAY` is the journal of a day's chat completions. `control:default` is
/// that of agents and keys; only the folder has it.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  mainstay journal show ses_01h…
  mainstay journal verify ses_01h…
  mainstay journal verify chat:default:2026-01-31
  mainstay journal export ses_01h… > session.ndjson
  mainstay journal verify --file session.ndjson         without any server or store"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Arguments),
    Show(show::Arguments),
    Verify(verify::Arguments),
    Export(export::Arguments),
}

pub(crate) fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::List(arguments) => list::run(context, &arguments),
        Command::Show(arguments) => show::run(context, &arguments),
        Command::Verify(arguments) => verify::run(context, &arguments),
        Command::Export(arguments) => export::run(context, &arguments),
    }
}

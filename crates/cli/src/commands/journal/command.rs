//! What follows `mainstay journal`.

use clap::Subcommand;

use super::{export, show, verify};
use crate::context::Context;
use crate::failure::Failure;

/// Show, verify and export journals
///
/// A session's journal holds every fact about it in order, each with a hash over itself and the one
/// before. These commands ask the server that runs on the data folder, or read the folder itself
/// when none does. `control:default` is the journal of agents and keys; only the folder has it.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  mainstay journal show ses_01h…
  mainstay journal verify ses_01h…
  mainstay journal export ses_01h… > session.ndjson
  mainstay journal verify --file session.ndjson         without any server or store"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Show(show::Arguments),
    Verify(verify::Arguments),
    Export(export::Arguments),
}

pub(crate) fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Show(arguments) => show::run(context, &arguments),
        Command::Verify(arguments) => verify::run(context, &arguments),
        Command::Export(arguments) => export::run(context, &arguments),
    }
}

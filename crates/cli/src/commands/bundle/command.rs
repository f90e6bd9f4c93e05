//! What follows `mainstay bundle`.

use clap::Subcommand;

use super::{export, import, verify};
use crate::context::Context;
use crate::failure::Failure;

/// Take sessions out, prove them, and bring them in elsewhere
///
/// A bundle is a session in one file: its whole journal, with the hashes that prove it and the
/// signature of the installation that wrote it. docs/spec/session-bundle.md specifies it.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  mainstay bundle export ses_01h… --output session.mainstay.tar
  mainstay bundle verify session.mainstay.tar           without any server or store
  mainstay bundle import session.mainstay.tar"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Export(export::Arguments),
    Verify(verify::Arguments),
    Import(import::Arguments),
}

pub(crate) fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Export(arguments) => export::run(context, &arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Import(arguments) => import::run(context, &arguments),
    }
}

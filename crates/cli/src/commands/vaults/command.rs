//! What follows `mainstay vaults`.

use clap::Subcommand;

use super::rekey;
use crate::context::Context;
use crate::failure::Failure;

/// Change the key that encrypts the secrets of vaults and webhooks
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  mainstay vaults rekey"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Rekey(rekey::Arguments),
}

pub(crate) fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Rekey(arguments) => rekey::run(context, &arguments),
    }
}

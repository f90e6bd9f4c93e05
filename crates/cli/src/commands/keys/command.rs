//! What follows `mainstay keys`.

use clap::Subcommand;

use super::{create, list, revoke, update};
use crate::context::Context;
use crate::failure::Failure;

/// Make, list, limit and revoke the keys that open this installation
///
/// With a running server they need its key with the scope `admin`, as the machine's own is; without
/// one they work on the data folder itself.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  export OPENAI_API_KEY=$(mainstay keys create --name notebook)
  mainstay keys list
  mainstay keys update key_01h… --spend-limit 20
  mainstay keys revoke key_01h…"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(create::Arguments),
    List(list::Arguments),
    Update(update::Arguments),
    Revoke(revoke::Arguments),
}

pub(crate) fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Create(arguments) => create::run(context, &arguments),
        Command::List(arguments) => list::run(context, &arguments),
        Command::Update(arguments) => update::run(context, &arguments),
        Command::Revoke(arguments) => revoke::run(context, &arguments),
    }
}

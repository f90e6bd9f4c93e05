//! What follows `mainstay agents`.

use clap::Subcommand;

use super::{create, delete, list, show};
use crate::context::Context;
use crate::failure::Failure;

/// Make, list, show and delete agents
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  mainstay agents create --model openai/gpt-5-mini --instructions 'Be brief.'
  mainstay agents list"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(create::Arguments),
    List(list::Arguments),
    Show(show::Arguments),
    Delete(delete::Arguments),
}

pub(crate) fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Create(arguments) => create::run(context, &arguments),
        Command::List(arguments) => list::run(context, &arguments),
        Command::Show(arguments) => show::run(context, &arguments),
        Command::Delete(arguments) => delete::run(context, &arguments),
    }
}

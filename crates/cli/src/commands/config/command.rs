//! What follows `mainstay config`.

use clap::Subcommand;

use super::{check, example, print, schema};
use crate::context::Context;
use crate::failure::Failure;

/// Check, print and explain the configuration
///
/// Settings come from a TOML file (`--config`, `MAINSTAY_CONFIG`, or `mainstay/mainstay.toml` in the
/// user's configuration folder), then from the environment as `MAINSTAY_SECTION__KEY`, then from
/// flags; each overrides the one before.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  mainstay config example > mainstay.toml
  mainstay config check --config mainstay.toml
  MAINSTAY_SERVER__LISTEN=0.0.0.0:80 mainstay config print"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Arguments),
    Print(print::Arguments),
    Schema(schema::Arguments),
    Example(example::Arguments),
}

pub(crate) fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Check(arguments) => check::run(context, &arguments),
        Command::Print(arguments) => print::run(context, &arguments),
        Command::Schema(arguments) => schema::run(context, &arguments),
        Command::Example(arguments) => example::run(context, &arguments),
    }
}

//! `mainstay config example`

use crate::context::Context;
use crate::failure::Failure;
use crate::{config, output};

/// Print a configuration file with every setting, explained
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay config example > mainstay.toml")]
pub(crate) struct Arguments {}

pub(crate) fn run(_context: &Context, _arguments: &Arguments) -> Result<(), Failure> {
    Ok(output::text(config::EXAMPLE)?)
}

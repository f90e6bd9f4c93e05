//! `mainstay config print`

use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Print the configuration as it is in force, as TOML; secrets stay references
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay config print
  MAINSTAY_SERVER__LISTEN=0.0.0.0:80 mainstay config print --config mainstay.toml")]
pub(crate) struct Arguments {}

pub(crate) fn run(context: &Context, _arguments: &Arguments) -> Result<(), Failure> {
    let config = context.config(Vec::new())?;
    let text = toml::to_string(&config)
        .map_err(|error| Failure::new(format!("write the configuration as TOML: {error}")))?;
    Ok(output::text(text)?)
}

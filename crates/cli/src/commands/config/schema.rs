//! `mainstay config schema`

use crate::context::Context;
use crate::failure::Failure;
use crate::{config, output};

/// Print the JSON schema of the configuration file, for editors
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay config schema > mainstay.schema.json")]
pub(crate) struct Arguments {}

pub(crate) fn run(_context: &Context, _arguments: &Arguments) -> Result<(), Failure> {
    let schema = serde_json::to_string_pretty(&config::schema()).expect("a schema is JSON");
    Ok(output::line(schema)?)
}

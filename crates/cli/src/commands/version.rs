//! `mainstay version`

use serde_json::json;

use crate::context::Context;
use crate::failure::Failure;
use crate::{output, wire};

/// Print the version of this binary
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay version
  mainstay version --json | jq -r .version")]
pub(crate) struct Arguments {
    /// Print JSON: the version, and what was built in
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(_context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    if !arguments.json {
        return Ok(output::line(format!("mainstay {}", wire::VERSION))?);
    }
    let value = json!({
        "version": wire::VERSION,
        "embedded_model": cfg!(feature = "embedded-model"),
    });
    Ok(output::line(value.to_string())?)
}

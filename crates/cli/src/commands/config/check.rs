//! `mainstay config check`

use crate::context::Context;
use crate::failure::Failure;
use crate::{output, wire};

/// Read the configuration as `serve` would, secrets included, and say whether it holds
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(context: &Context, _arguments: &Arguments) -> Result<(), Failure> {
    let config = context.config(Vec::new())?;
    config.tools.settings(&config.data.dir, &context.environment)?;
    wire::models(&config, &context.environment)?;
    let count = config.providers.len();
    let dir = config.data.dir.display();
    Ok(output::line(format!("the configuration holds: {count} providers, data in {dir}"))?)
}

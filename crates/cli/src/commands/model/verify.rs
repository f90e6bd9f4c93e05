//! `mainstay model verify`

use mainstay_adapters::model::embedded::{DEFAULT_MODEL, verify};

use crate::context::Context;
use crate::embedded;
use crate::failure::Failure;
use crate::output;

/// Check a model's file against its SHA-256
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The model, as `mainstay model list` names it
    #[arg(default_value = DEFAULT_MODEL)]
    model: String,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let file = embedded::named(&arguments.model)?;
    let config = context.config(Vec::new())?;
    let folder = embedded::folder(&config, &context.environment)?;
    verify(file, &folder).map_err(|error| {
        Failure::new(error.to_string()).hint(format!("`mainstay model pull {}` gets it", file.name))
    })?;
    Ok(output::line(format!("{} has the SHA-256 {}", file.name, file.sha256))?)
}

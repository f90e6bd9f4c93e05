//! `mainstay model rm`

use super::command::find;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Remove a model's file
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The model, as `mainstay model list` names it
    model: String,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let file = find(&arguments.model)?;
    let config = context.config(Vec::new())?;
    let folder = config.embedded_model.models_folder(&context.environment)?;
    let freed_bytes = file.remove(&folder)?;
    output::note(format!("freed {} MB", freed_bytes / 1_000_000));
    Ok(())
}

//! `mainstay model rm`

use crate::context::Context;
use crate::failure::Failure;
use crate::{embedded, output, progress};

/// Remove a model's file
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The model, as `mainstay model list` names it
    model: String,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let file = embedded::named(&arguments.model)?;
    let config = context.config(Vec::new())?;
    let folder = embedded::folder(&config, &context.environment)?;
    let freed_bytes = file.remove(&folder)?;
    output::note(format!("freed {}", progress::size(freed_bytes)));
    Ok(())
}

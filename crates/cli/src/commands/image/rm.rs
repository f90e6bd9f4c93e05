//! `mainstay image rm`

use super::command::{failure, images};
use crate::context::Context;
use crate::failure::Failure;

/// Remove an image; no sandbox that was made from it may be running
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay image rm tools")]
pub(crate) struct Arguments {
    /// Its name
    name: String,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    images(context)?.remove(&arguments.name).map_err(|error| failure(&error))
}

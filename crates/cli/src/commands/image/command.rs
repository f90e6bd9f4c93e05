//! What follows `mainstay image`.

use clap::Subcommand;
use mainstay_adapters::sandbox::image::{ImageError, ImageFolder};

use super::{build, import, list, rm};
use crate::context::Context;
use crate::failure::Failure;

/// List, build, import and remove the root images that sandboxes are made from
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Arguments),
    Build(build::Arguments),
    Import(import::Arguments),
    Rm(rm::Arguments),
}

pub(crate) fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::List(arguments) => list::run(context, &arguments),
        Command::Build(arguments) => build::run(context, &arguments),
        Command::Import(arguments) => import::run(context, &arguments),
        Command::Rm(arguments) => rm::run(context, &arguments),
    }
}

/// Where the images are.
pub(super) fn images(context: &Context) -> Result<ImageFolder, Failure> {
    let config = context.config(Vec::new())?;
    let folder = config.compute.images(&context.environment);
    Ok(ImageFolder::new(folder.map_err(|error| Failure::configuration(&error))?))
}

pub(super) fn failure(error: &ImageError) -> Failure {
    match error {
        ImageError::Invalid(reason) => Failure::usage(reason.clone()),
        ImageError::Missing(_) | ImageError::Failed { .. } => Failure::new(error.to_string()),
    }
}

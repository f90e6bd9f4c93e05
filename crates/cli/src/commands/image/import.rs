//! `mainstay image import`

use std::path::PathBuf;

use super::command::{failure, images};
use crate::context::Context;
use crate::failure::Failure;
use crate::{output, progress};

/// Make an image of an archive: an OCI layout, or what `docker save` writes
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Files belong to root in the image, can be read by everybody, and raise nobody's privileges. What the
archive says of commands, variables and users is not used.

Examples:
  docker save python:3.13-slim -o python.tar && mainstay image import python.tar --name python
  skopeo copy docker://debian:12 oci-archive:debian.tar && mainstay image import debian.tar --name debian")]
pub(crate) struct Arguments {
    /// The archive, not compressed as a whole
    archive: PathBuf,
    /// The image's name; one that is there is replaced
    #[arg(long)]
    name: String,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let made = images(context)?.import(&arguments.archive, &arguments.name);
    let made = made.map_err(|error| failure(&error))?;
    output::note(format!("the image {} has {}", made.name, progress::size(made.size_bytes)));
    Ok(output::line(made.digest)?)
}

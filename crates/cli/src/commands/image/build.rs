//! `mainstay image build`

use std::path::PathBuf;

use super::command::{failure, images};
use crate::context::Context;
use crate::failure::Failure;
use crate::{output, progress};

/// Make an image of a folder that holds a root file system
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Files belong to root in the image, can be read by everybody, and raise nobody's privileges. Devices
are left out.

Examples:
  mainstay image build --from ./rootfs --name tools")]
pub(crate) struct Arguments {
    /// The folder
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The image's name; one that is there is replaced
    #[arg(long)]
    name: String,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let made = images(context)?.build(&arguments.from, &arguments.name);
    let made = made.map_err(|error| failure(&error))?;
    output::note(format!("the image {} has {}", made.name, progress::size(made.size_bytes)));
    Ok(output::line(made.digest)?)
}

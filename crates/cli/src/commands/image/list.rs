//! `mainstay image list`

use super::command::{failure, images};
use crate::context::Context;
use crate::failure::Failure;
use crate::{output, progress, table};

/// The start of a digest tells images apart.
const SHOWN_DIGEST_CHARS: usize = 12;

/// List the images: size, digest, and where they come from
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay image list
  mainstay image list --json")]
pub(crate) struct Arguments {
    /// A JSON object a line instead of a table
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let found = images(context)?.list().map_err(|error| failure(&error))?;
    if arguments.json {
        return Ok(output::json_lines(&found)?);
    }
    let row = |image: &mainstay_adapters::sandbox::image::ImageInfo| {
        let digest = image.digest.chars().take(SHOWN_DIGEST_CHARS).collect();
        vec![image.name.clone(), progress::size(image.size_bytes), digest, image.source.clone()]
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    if rows.is_empty() {
        output::note("there are no images; `cargo xtask image` in a checkout builds the first");
    }
    Ok(output::text(table::render(&["IMAGE", "SIZE", "DIGEST", "SOURCE"], &rows))?)
}

//! `mainstay bundle import`

use std::path::PathBuf;

use anyhow::Context as _;

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::output;
use crate::reach::{self, Target};

/// Make a session of a bundle, and print its id
///
/// The server verifies the bundle first. What the session had done is not done again; a turn that was
/// under way ends, one that waited goes on waiting.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay bundle import session.mainstay.tar
  mainstay bundle import session.mainstay.tar --keep-id      under the id that it had")]
pub(crate) struct Arguments {
    /// The bundle
    file: PathBuf,
    /// Keep the session's id; the key needs the scope `import`
    #[arg(long)]
    keep_id: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let path = &arguments.file;
    let bundle = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let client = reach::client(context, &arguments.target)?;
    let import = client.import(bundle, arguments.keep_id);
    let session = context::block_on(async { Ok(import.await?) })?;
    Ok(output::line(session.id)?)
}

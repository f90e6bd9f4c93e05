//! `mainstay bundle export`

use std::path::PathBuf;

use anyhow::Context as _;

use crate::context::{self, Context};
use crate::failure::Failure;
use crate::output;
use crate::reach::{self, Target};

/// Write a session into a file
///
/// The session stays and goes on. A file that is there already is left as it is.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay bundle export ses_01h…
  mainstay bundle export ses_01h… --output session.mainstay.tar")]
pub(crate) struct Arguments {
    /// The session's id
    session: String,
    /// The file [default: SESSION.mainstay.tar]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let client = reach::client(context, &arguments.target)?;
    let bundle = context::block_on(async { Ok(client.export(&arguments.session).await?) })?;
    let named = || PathBuf::from(format!("{}.mainstay.tar", arguments.session));
    let path = arguments.output.clone().unwrap_or_else(named);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .with_context(|| format!("make {}", path.display()))?;
    std::io::Write::write_all(&mut file, &bundle)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("write {}", path.display()))?;
    Ok(output::line(path.display().to_string())?)
}

//! `mainstay sandbox checkpoint`

use super::checkpoints;
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::output;
use crate::reach::{self, Target};

/// Save a session's workspace now
///
/// It is saved by itself when a turn ends. Only what changed is written.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mainstay sandbox checkpoint ses_01h…
  mainstay sandbox checkpoint ses_01h… --json | jq -r .id")]
pub(crate) struct Arguments {
    /// The session's id
    session: String,
    /// Print JSON as the server sends it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let client = reach::client(context, &arguments.target)?;
    let saved = context::block_on(async { Ok(client.checkpoint(&arguments.session).await?) })?;
    if arguments.json {
        return Ok(output::json_lines(&[saved])?);
    }
    checkpoints::print(&[saved])
}
